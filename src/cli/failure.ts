// What the command says and answers when an order fails: one line, and iproute2's exit codes. Used by
// main.ts, and by batches for each of their lines.

import { UvethError } from '../errors.js'
import { UsageError } from './usage.js'

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
