// Errors as users see them, and all errno knowledge of the TypeScript side. System-call failures
// look like Node's own; misuse carries a code and the option at fault, but no syscall.

import { constants } from 'node:os'
import { util } from './builtins.js'

/** Errors that libuv has no name for, or another one than the kernel's tools. */
const KERNEL_NAMES = new Map<number, [string, string]>([
  [-constants.errno.EOPNOTSUPP, ['EOPNOTSUPP', 'operation not supported']],
  [-constants.errno.EEXIST, ['EEXIST', 'file exists']],
  [-52, ['EBADE', 'invalid exchange']],
  [-76, ['ENOTUNIQ', 'name not unique on network']],
  [-constants.errno.EDQUOT, ['EDQUOT', 'quota exceeded']],
  [-77, ['EBADFD', 'file descriptor in bad state']],
])

export const errno = {
  EPERM: -constants.errno.EPERM,
  ENOENT: -constants.errno.ENOENT,
  EBADF: -constants.errno.EBADF,
  ECONNRESET: -constants.errno.ECONNRESET,
  EAGAIN: -constants.errno.EAGAIN,
  EACCES: -constants.errno.EACCES,
  EMFILE: -constants.errno.EMFILE,
  ENFILE: -constants.errno.ENFILE,
  EBUSY: -constants.errno.EBUSY,
  ENOMEM: -constants.errno.ENOMEM,
  EEXIST: -constants.errno.EEXIST,
  ENODEV: -constants.errno.ENODEV,
  EINVAL: -constants.errno.EINVAL,
  E2BIG: -constants.errno.E2BIG,
  EDQUOT: -constants.errno.EDQUOT,
  EIO: -constants.errno.EIO,
  EOPNOTSUPP: -constants.errno.EOPNOTSUPP,
  EAFNOSUPPORT: -constants.errno.EAFNOSUPPORT,
  EBADFD: -77,
  // Node does not know these two.
  ENOTUNIQ: -76,
  ESHUTDOWN: -108,
} as const

/** The negative errno of a name; undefined where Linux has none. */
export function errnoOf(code: string): number | undefined {
  const number = (constants.errno as Record<string, number>)[code]
  return number === undefined ? (errno as Record<string, number>)[code] : -number
}

/** strerror() of libc, for what speaks as `ip` does. */
export function libcSentence(code: string): string {
  return LIBC[code] ?? code
}

const LIBC: Record<string, string> = {
  EPERM: 'Operation not permitted',
  ESRCH: 'No such process',
  ENOMEM: 'Cannot allocate memory',
  EBUSY: 'Device or resource busy',
  EEXIST: 'File exists',
  EINVAL: 'Invalid argument',
  ENFILE: 'Too many open files in system',
  EOPNOTSUPP: 'Operation not supported',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  ENOBUFS: 'No buffer space available',
}

export interface ErrorFields {
  /** `EEXIST` and the like. */
  code: string
  /** Negative, as Node's; absent where no errno fits. */
  errno?: number | undefined
  /** The call that failed, `ioctl(TUNSETIFF)`; absent when no call was made (misuse). */
  syscall?: string | undefined
  /** What to do about it. */
  hint?: string | undefined
  /** The option or attribute at fault, `a.name`. */
  attribute?: string | undefined
}

/** The one error class of this package. */
export class UvethError extends Error implements ErrorFields {
  override readonly name = 'UvethError'
  readonly code: string
  readonly errno?: number | undefined
  readonly syscall?: string | undefined
  readonly hint?: string | undefined
  readonly attribute?: string | undefined

  constructor(message: string, fields: ErrorFields) {
    super(message)
    this.code = fields.code
    this.errno = fields.errno
    this.syscall = fields.syscall
    this.hint = fields.hint
    this.attribute = fields.attribute
  }
}

/** [name, sentence] of a negative errno: `['EPERM', 'operation not permitted']`. */
function describeErrno(number: number): [string, string] {
  const known = KERNEL_NAMES.get(number) ?? util.getSystemErrorMap().get(number)
  return known ?? [`errno ${-number}`, 'unknown error']
}

/** `EPERM: operation not permitted, ioctl(TUNSETIFF) 'veth0' (hint)`. `number` is negative. */
export function systemError(
  number: number,
  syscall: string,
  subject?: string,
  hint?: string,
  attribute?: string,
): UvethError {
  const [code, sentence] = describeErrno(number)
  const of = subject === undefined ? '' : ` '${subject}'`
  const advice = hint === undefined ? '' : ` (${hint})`
  return new UvethError(`${code}: ${sentence}, ${syscall}${of}${advice}`, {
    code,
    errno: number,
    syscall,
    hint,
    attribute,
  })
}

/** A failure of one of Node's own calls (a file, a socket) as one of ours; anything else as it is. `subject`: the file. */
export function ofNode(error: unknown, subject?: string): unknown {
  const { code, errno, syscall, message, path } = error as NodeJS.ErrnoException
  if (error instanceof UvethError || code === undefined || syscall === undefined) return error
  const of = path === undefined && subject !== undefined ? ` '${subject}'` : ''
  // Node's own begin with the code where it is a file, and with the call where it is a socket.
  const sentence = message.startsWith(`${syscall} ${code}: `) ? message.slice(syscall.length + 1) : message
  return new UvethError(`${sentence}${of}`, { code, errno, syscall })
}

/** A value that was refused before anything was asked of the kernel. */
export function invalid(
  message: string,
  attribute?: string,
  code: keyof typeof errno = 'EINVAL',
): UvethError {
  return new UvethError(`${code}: ${message}`, { code, errno: errno[code], attribute })
}

/** An error as plain data, to cross to another thread (structured clone drops an error's fields). */
export interface WireError extends ErrorFields {
  message: string
}

export function toWire(error: unknown): WireError {
  if (error instanceof UvethError) {
    const { message, code, errno, syscall, hint, attribute } = error
    return { message, code, errno, syscall, hint, attribute }
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { message: `internal error: ${message}`, code: 'ERR_INTERNAL' }
}

export function fromWire(wire: WireError): UvethError {
  return new UvethError(wire.message, wire)
}

/** What an order to a pair that has ended is refused with. */
export function pairClosed(): UvethError {
  return invalid('the pair is closed', undefined, 'ENODEV')
}

/** The same refusal, with the attribute as whoever is told calls it. */
export function renamed(error: unknown, rename: (attribute: string) => string): unknown {
  if (!(error instanceof UvethError) || error.attribute === undefined) return error
  const { attribute } = error
  const name = rename(attribute)
  // Alone or in front of its parts, but not as a part of a word, of a path, or of what `ip` is to be told.
  const place = new RegExp(`(?<![\\w./]|ip )${attribute.replace(/[.[\]]/g, '\\$&')}(?![\\w])`)
  const message = error.message.replace(place, () => name)
  return fromWire({ ...toWire(error), message, attribute: name })
}
