// How a command ends: what it says and answers when an order fails, one line and iproute2's exit codes. Used
// by main.ts and extcap.ts, and by batches for each of their lines.

import { UvethError } from '../errors.js'
import { UsageError } from './usage.js'

/** Runs a command with the words it was called with, and ends the process as it says. */
export async function runCommand(main: (words: string[]) => Promise<number>): Promise<void> {
  // A reader that went away (`| head`) is a normal end of output, not an error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
  try {
    process.exitCode = await main(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`${sentenceOf(error)}\n`)
    process.exitCode = exitCodeOf(error)
  }
}

/** `uveth: …` without a line end. An error that nobody expected comes with its stack. */
export function sentenceOf(error: unknown): string {
  const known = error instanceof UvethError || error instanceof UsageError
  return `uveth: ${known ? error.message : ((error as Error).stack ?? error)}`
}

/** 1: wrong use, a bad value, no such device, no daemon. 2: the kernel refused. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof UvethError) || error.code === 'ENODEV' || isNobody(error)) return 1
  return error.syscall !== undefined && error.attribute === undefined ? 2 : 1
}

/** No daemon listens on the socket. */
export function isNobody(error: unknown): boolean {
  if (!(error instanceof UvethError) || error.syscall !== 'connect') return false
  return error.code === 'ENOENT' || error.code === 'ECONNREFUSED'
}
