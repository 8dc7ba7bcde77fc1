// Addresses for a container: the IPAM plugin that the configuration names is run with the same environment and the same
// standard input, as the specification says. Called by plugin.ts. What it refuses with is handed on as it is.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseJson } from './json.js'
import { CODE, Refusal } from './refusal.js'
import { type Command, type Configuration, type Result, readResult } from './request.js'

/** Asks the IPAM plugin, if there is one. Its answer to ADD; otherwise nothing. */
export function askIpam(configuration: Configuration, command: Command, input: string): Result {
  const type = configuration.ipam?.type
  if (type === undefined || type === '') return {}
  const program = find(type)
  const env = { ...process.env, CNI_COMMAND: command }
  const { stdout, stderr, status, error } = spawnSync(program, [], { input, env, encoding: 'utf8' })
  if (error !== undefined) throw new Refusal(CODE.configuration, `ipam: ${program}: ${error.message}`)
  const answer = parse(stdout)
  if (status !== 0) throw refusedBy(type, answer, stderr.trim() || `it ended with ${status ?? 'a signal'}`)
  return command === 'ADD' ? readResult(answer, `ipam ${type}`) : {}
}

/** In its own words, as far as it has some. */
function refusedBy(type: string, answer: unknown, otherwise: string): Refusal {
  const { code, msg, details } = Object(answer) as Record<string, unknown>
  const said = typeof msg === 'string' && msg !== '' ? msg : otherwise
  return new Refusal(
    typeof code === 'number' ? code : CODE.cable,
    `ipam ${type}: ${said}`,
    typeof details === 'string' ? details : undefined,
  )
}

function find(type: string): string {
  const folders = (process.env.CNI_PATH ?? '').split(':')
  const found = type.includes('/')
    ? undefined
    : folders.map((at) => join(at, type)).find((file) => existsSync(file))
  if (found !== undefined) return found
  throw new Refusal(
    CODE.configuration,
    `ipam.type: failed to find plugin "${type}" in path [${folders.join(' ')}]`,
  )
}

function parse(text: string): unknown {
  try {
    return parseJson(text)
  } catch {
    return undefined
  }
}
