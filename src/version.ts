// The version, as package.json says it: for `uveth --version`, the daemon and what they write. A leaf. It reads
// the file when it is asked, so that the command starts without it.

import { fs } from './builtins.js'

/** `1.2.3`. */
export function version(): string {
  const text = fs.readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
