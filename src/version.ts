// The version, as package.json says it: for `uveth --version`, the daemon and what they write. A leaf. It reads
// the file when it is asked, so that the command starts without it.

import { readFileSync } from 'node:fs'

/** `1.2.3`. */
export function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
