// `uveth sandbox COMMAND…`: the command runs as root of namespaces of its own, for users who are not root. What is in
// them stands in src/sandbox/; here signals go in, and the status comes out.

import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import type { Duplex } from 'node:stream'
import { FAILED, INSIDE, sandboxed } from '../sandbox/command.js'
import { sandboxObstacle } from '../sandbox/obstacle.js'
import { hasProgram } from '../sandbox/place.js'
import { SANDBOX_HELP } from './help.js'
import { write } from './session.js'
import { UsageError } from './usage.js'

/** As shells and `env` have it: no such command; what a signal has ended. */
const NOT_FOUND = 127
const BY_SIGNAL = 128

const PASSED_ON = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGINT', 'SIGQUIT'] as const
/** A terminal sends these to all that is in front of it, so to the command too. */
const FROM_TERMINAL: readonly string[] = ['SIGINT', 'SIGQUIT']

export async function sandbox(words: readonly string[]): Promise<number> {
  const [first] = words
  if (first === '--help' || first === '-h') {
    write(SANDBOX_HELP)
    return 0
  }
  if (first?.startsWith('-') && first !== '--')
    throw new UsageError(`option "${first}" is unknown: try uveth sandbox --help`)
  const command = first === '--' ? words.slice(1) : words
  if (command[0] === undefined) throw new UsageError('give a command: uveth sandbox npm test')
  if (!hasProgram(command[0])) return refuse(`there is no program '${command[0]}'`, NOT_FOUND)
  const obstacle = sandboxObstacle()
  if (obstacle !== undefined) return refuse(`no sandbox can be made: ${obstacle}`, FAILED)
  return await inside(command)
}

function refuse(sentence: string, status: number): number {
  process.stderr.write(`uveth: ${sentence}\n`)
  return status
}

/** Resolves when all of it has ended, with the command's status. */
async function inside(command: readonly string[]): Promise<number> {
  const seen = new Set<NodeJS.Signals>()
  const handlers = PASSED_ON.map((signal) => [signal, () => pass(signal)] as const)
  for (const [signal, handler] of handlers) process.on(signal, handler)
  const [file, args] = sandboxed(command)
  const env = { ...process.env, [INSIDE]: '1' }
  const child = spawn(file, args, { stdio: ['inherit', 'inherit', 'inherit', 'pipe'], env })
  const line = child.stdio[3] as Duplex
  line.on('error', () => {}) // it has ended already
  let said = ''
  line.on('data', (text) => {
    said += text
  })

  function pass(signal: NodeJS.Signals): void {
    seen.add(signal)
    if (!(FROM_TERMINAL.includes(signal) && isInFront())) line.write(`${signal.slice('SIG'.length)}\n`)
  }

  return await new Promise((resolve, reject) => {
    child.once('error', reject)
    // Other signals may end unshare before the command; this one meant all of it.
    child.once('exit', (_, signal) => signal === 'SIGKILL' && line.end())
    child.once('close', (code) => {
      for (const [signal, handler] of handlers) process.off(signal, handler)
      const status = said === '' ? (code ?? FAILED) : Number(said)
      // Who waits for us is to see that it was a signal: a shell then ends its script.
      const by = [...seen].find((signal) => constants.signals[signal] + BY_SIGNAL === status)
      if (by !== undefined) process.kill(process.pid, by)
      resolve(status)
    })
  })
}

/** Is this process in its terminal's foreground? Fields of proc(5), counted from behind the name. */
function isInFront(): boolean {
  const stat = readFileSync('/proc/self/stat', 'utf8')
  const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return group === foreground
}
