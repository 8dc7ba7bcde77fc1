// The version, as package.json says it: for `uveth --version`, the daemon and what they write. A leaf. It reads
// the file when it is asked first, so that the command starts without it, and a daemon that asks at its start says its
// own after an upgrade of the package.

import { fs } from './builtins.js'

let known: string | undefined

/** `1.2.3`. */
export function version(): string {
  known ??= (
    JSON.parse(fs.readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
  ).version
  return known
}

/** By their numbers; a text that has none is older than any. */
export function isNewer(one: string, other: string): boolean {
  const [ours, theirs] = [one, other].map((text) => text.split(/[.+-]/, 3).map((part) => Number(part) || 0))
  const at = [0, 1, 2].find((part) => ours?.[part] !== theirs?.[part])
  return at !== undefined && (ours?.[at] ?? 0) > (theirs?.[at] ?? 0)
}
