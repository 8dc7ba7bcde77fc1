// The exit codes of the verbs that speak `ip`'s language, and of the options in front of them: iproute2's, by what is
// wrong. A word that is missing, unknown or cannot be read is 255; a value that can be read, and is not allowed, is 2,
// since there the kernel refuses it. Used by command.ts and link/link.ts; failure.ts has those of everything else.

import { UvethError } from '../errors.js'
import { UsageError } from './usage.js'

/** A word is missing or wrong. */
const WRONG = 255
/** The kernel refused, or would have. */
const REFUSED = 2
const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i

/** `shown` is what is said of `error`; `wish` what was asked for, as its words were read. A code that it has stays. */
export function withIpCode(error: unknown, wish: object = {}, shown = error): unknown {
  const { exitCode = codeOf(error, wish) } = error as { exitCode?: number }
  return Object.assign(shown as object, { exitCode })
}

/** Undefined: as everywhere. */
function codeOf(error: unknown, wish: object): number | undefined {
  if (error instanceof UsageError) return WRONG
  if (!(error instanceof UvethError)) return undefined
  const { attribute = '', code, syscall } = error
  if (code === 'ENOENT' && attribute === 'netns') return asksForProcess(wish) ? REFUSED : WRONG
  if (code !== 'EINVAL' || syscall !== undefined) return undefined
  const value = attribute.split('.').reduce<unknown>((part, key) => (part as never)?.[key], wish)
  if (attribute.endsWith('address')) return MAC.test(String(value)) ? REFUSED : 1
  return typeof value === 'number' && value <= 0xffff_ffff ? REFUSED : WRONG
}

/** A name has to be one for ip to read it; a process id is for the kernel to find. */
function asksForProcess({ netns, a, b }: { netns?: unknown; a?: object; b?: object }): boolean {
  return [netns, ...[a, b].map((end) => (end as { netns?: unknown } | undefined)?.netns)].some(
    (place) => typeof place === 'number',
  )
}
