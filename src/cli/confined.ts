// A command in namespaces of its own, of a sandbox or a shell: signals go in, and its status comes out. Descriptor 3 of
// what src/sandbox/command.ts has made is a line to the first process there. Used by sandbox.ts and shell/.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import type { Duplex } from 'node:stream'
import { UvethError } from '../errors.js'
import { type CommandLine, FAILED, statusSaid } from '../sandbox/command.js'
import { hasProgram } from '../sandbox/place.js'

/** As shells and `env` have it: no such command; what a signal has ended. */
const NOT_FOUND = 127
const BY_SIGNAL = 128

const PASSED_ON = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGINT', 'SIGQUIT'] as const
/** A terminal sends these to all that is in front of it, so to the command too. */
const FROM_TERMINAL: readonly string[] = ['SIGINT', 'SIGQUIT']

export interface Confinement {
  readonly line: CommandLine
  readonly env: NodeJS.ProcessEnv
  /** For one that waits: what is to be done when the namespaces of process `pid` are there. Answers how it goes on. */
  readonly enter?: (pid: number) => Promise<string>
  /** What is to be done when it has ended. */
  readonly leave?: () => Promise<void>
}

export function refuse(sentence: string, status = FAILED): number {
  process.stderr.write(`uveth: ${sentence}\n`)
  return status
}

/** Refuses a program that is not there; undefined where it is. */
export function refuseMissing(program: string): number | undefined {
  return hasProgram(program) ? undefined : refuse(`there is no program '${program}'`, NOT_FOUND)
}

/** Resolves when all of it has ended, with the command's status. */
export async function confined({ line: [file, args], env, enter, leave }: Confinement): Promise<number> {
  const seen = new Set<NodeJS.Signals>()
  const early: NodeJS.Signals[] = []
  let pid: string | undefined
  const handlers = PASSED_ON.map((signal) => [signal, () => pass(signal)] as const)
  for (const [signal, handler] of handlers) process.on(signal, handler)
  let line: Duplex | undefined
  let said = ''
  let entering: Promise<void> | undefined
  let failure: unknown

  async function run(): Promise<number | null> {
    const child = await started(file, args, env)
    line = child.stdio[3] as Duplex
    line.on('error', () => {}) // it has ended already
    line.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (enter !== undefined && said.includes('ready\n')) entering ??= begin(enter(child.pid as number))
      pid ??= /^pid (\d+)$/m.exec(said)?.[1]
      if (pid !== undefined) for (const signal of early.splice(0)) send(signal)
    })
    // Other signals may end unshare before the command; this one meant all of it.
    child.once('exit', (_, signal) => signal === 'SIGKILL' && line?.end())
    const [code] = await once(child, 'close')
    await entering
    return code
  }

  /** Without that line it ends. */
  async function begin(entered: Promise<string>): Promise<void> {
    try {
      line?.write(`${await entered}\n`)
    } catch (error) {
      failure = error
      line?.end()
    }
  }

  function pass(signal: NodeJS.Signals): void {
    seen.add(signal)
    if (pid === undefined) early.push(signal)
    else if (!(FROM_TERMINAL.includes(signal) && isInFront())) send(signal)
  }

  function send(signal: NodeJS.Signals): void {
    line?.write(`${signal.slice('SIG'.length)} ${pid}\n`)
  }

  let code: number | null
  try {
    code = await run()
  } finally {
    try {
      await leave?.()
    } finally {
      for (const [signal, handler] of handlers) process.off(signal, handler)
    }
  }
  if (failure !== undefined) throw failure
  const status = statusSaid(said) ?? code ?? FAILED
  // Who waits for us is to see that it was a signal: a shell then ends its script.
  const by = [...seen].find((signal) => constants.signals[signal] + BY_SIGNAL === status)
  if (by !== undefined) process.kill(process.pid, by)
  return status
}

/** Rejects where there is no process: of that no exit is told. */
async function started(file: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<ChildProcess> {
  try {
    const child = spawn(file, args, { stdio: ['inherit', 'inherit', 'inherit', 'pipe'], env })
    await once(child, 'spawn')
    return child
  } catch (error) {
    const { code = 'EIO' } = error as NodeJS.ErrnoException
    throw new UvethError(`${code}: '${file}' could not be started`, { code, syscall: 'spawn' })
  }
}

/** Is this process in its terminal's foreground? Fields of proc(5), counted from behind the name. */
function isInFront(): boolean {
  const stat = readFileSync('/proc/self/stat', 'utf8')
  const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return group === foreground
}
