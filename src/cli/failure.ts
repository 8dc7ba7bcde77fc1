// How a command ends: what it says and answers when an order fails, one line and iproute2's exit codes; and the
// signals that end it. Used by command.ts and extcap.ts, by batches for each of their lines, and by the verbs that
// run until they are told to stop.

import { fs } from '../builtins.js'
import { ofNode, UvethError } from '../errors.js'
import { legible } from '../legible.js'
import { UsageError } from './usage.js'

const STOPPING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** ms in which a signal counts as the first one once more: timeout, npm and npx send it to the group too. */
const ECHO = 1_000

/** Runs a command with the words it was called with, and ends the process as it says. */
export async function runCommand(main: (words: string[]) => Promise<number>): Promise<void> {
  // A reader that went away (`| head`) is a normal end of output, not an error; so is a terminal that closed.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && !(error.code === 'EIO' && stream.isTTY)) endUnheard(error, stream)
    })
  }
  try {
    process.exitCode = await main(process.argv.slice(2))
  } catch (thrown) {
    const error = (thrown as NodeJS.ErrnoException).code === 'EMFILE' ? ofNode(thrown) : thrown
    process.exitCode = exitCodeOf(error)
    process.stderr.write(`${sentenceOf(error)}\n`)
  }
}

/** What it has to say cannot be written (a full disk): that is a failure, told on the other stream if that does. */
function endUnheard(error: Error, stream: NodeJS.WriteStream): void {
  try {
    if (stream === process.stdout)
      fs.writeSync(process.stderr.fd, `uveth: standard output: ${error.message}\n`)
  } catch {} // it is full, too
  process.exit(process.exitCode || 2)
}

/** Raised by the first signal that asks for the end. A second after it the next one ends the process as it is. */
export function stopSignal(): AbortSignal {
  const stop = new AbortController()
  const onSignal = (signal: NodeJS.Signals) => {
    if (signal === 'SIGHUP') process.once('exit', leaveTerminal)
    if (stop.signal.aborted) return
    stop.abort(signal)
    setTimeout(() => {
      for (const name of STOPPING) process.off(name, onSignal)
    }, ECHO).unref()
  }
  for (const name of STOPPING) process.on(name, onSignal)
  return stop.signal
}

/** At its end Node puts a terminal back into its old state, and aborts when that fails: one that closed. */
function leaveTerminal(): void {
  for (const fd of [0, 1, 2]) {
    try {
      fs.closeSync(fd)
    } catch {} // it was closed from the start
  }
}

/** `uveth: …` without a line end. An error that nobody expected comes with its stack. */
export function sentenceOf(error: unknown): string {
  const known = error instanceof UvethError || error instanceof UsageError
  if (known) return `uveth: ${legible(error.message)}`
  const text = String((error as Error | undefined)?.stack ?? error)
  return `uveth: ${text.split('\n').map(legible).join('\n')}`
}

/** What a capture is without. */
export function lostSentence(lost: number): string {
  return `${lost} ${lost === 1 ? 'frame was' : 'frames were'} lost: more came than could be written in time`
}

/** 1: wrong use, a bad value, no such device, no daemon. 2: the kernel refused. Verbs of ip have ip's (ip-codes.ts). */
export function exitCodeOf(error: unknown): number {
  const { exitCode } = error as { exitCode?: number }
  if (exitCode !== undefined) return exitCode
  if (!(error instanceof UvethError) || error.code === 'ENODEV' || isNobody(error)) return 1
  return error.syscall !== undefined && error.attribute === undefined ? 2 : 1
}

/** No daemon listens on the socket. */
export function isNobody(error: unknown): boolean {
  if (!(error instanceof UvethError) || error.syscall !== 'connect') return false
  return error.code === 'ENOENT' || error.code === 'ECONNREFUSED'
}
