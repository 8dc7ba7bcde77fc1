// `ip` in a node of a lab, to its end. Called while a lab is made; what fails there is said with the node's name.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { UvethError } from '../errors.js'
import type { NodePlace } from './nodes.js'

/** Answers what it has printed. */
export async function runIp({ name, ip }: NodePlace, words: readonly string[], input = ''): Promise<string> {
  const [program, ...rest] = [...ip, ...words] as [string, ...string[]]
  const child = spawn(program, rest, { stdio: ['pipe', 'pipe', 'pipe'] })
  child.stdin.on('error', () => {}) // it has ended already
  child.stdin.end(input)
  const [[code], stdout, stderr] = await Promise.all([
    once(child, 'close'),
    text(child.stdout),
    text(child.stderr),
  ])
  if (code === 0) return stdout
  const at = Number(/Command failed -:(\d+)/.exec(stderr)?.[1] ?? 0)
  const line = at === 0 ? words.join(' ') : input.split('\n')[at - 1]
  const [why = 'it fails'] = stderr.trim().split('\n')
  throw new UvethError(`EINVAL: node ${name}: 'ip ${line}': ${why}`, { code: 'EINVAL' })
}
