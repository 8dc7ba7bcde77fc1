// Where the shim's `ip` and `tc` stand: the scripts of the package, and the small client where it was built for this
// machine (scripts/build-client.js).

import { existsSync } from 'node:fs'

const ROOT = new URL('../../', import.meta.url).pathname

/** Of the scripts, which need nothing that was built. */
export const SCRIPTS = `${ROOT}shim`

/** Of the small client, where it was built. */
const BUILT = ['gnu', 'musl']
  .map((libc) => `${ROOT}native/shim/linux-${process.arch}-${libc}`)
  .find((path) => existsSync(`${path}/ip`))

/** What `uveth shim --path` says. */
export const SHIM = BUILT ?? SCRIPTS

/** Every kind that there is. */
export const SHIMS = BUILT === undefined ? [SCRIPTS] : [BUILT, SCRIPTS]
