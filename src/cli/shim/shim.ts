// `uveth shim`: a folder to put in front on a script's PATH, so that its `ip link add … type veth` makes pairs
// of ours. The folder holds `ip` and `tc`, a small client of the daemon (native/client), or scripts that do the same
// (shim/). They pass most lines on by themselves; what needs Node comes back here, as `uveth shim ip|tc|batch`.

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SHIM_HELP } from '../help.js'
import { write } from '../session.js'
import { UsageError } from '../usage.js'
import type { Package } from './install.js'

/** Words behind `shim`. */
export async function shim([word, ...words]: string[]): Promise<number> {
  if (word === undefined || /^(?:help|--help|-help|-h)$/.test(word)) write(SHIM_HELP)
  else if (word === '--path' && words.length === 0) write(`${folder()}\n`)
  else if (word === 'ip' || word === 'tc') {
    const [real = '', ...line] = words
    return await (await import('./ask.js')).shimLine(word, real, line)
  } else if (word === 'batch') {
    const [tool, real = '', lines, status, held = '', ...line] = words
    const begun = { lines: Number(lines), failed: status !== '0', held }
    const { shimBatch } = await import('./batch.js')
    return await shimBatch(tool === 'tc' ? 'tc' : 'ip', real, begun, line)
  } else if (word === 'run') return await (await import('./install.js')).runInside(here(), words)
  else if (word === 'install') return (await import('./install.js')).install(here(), words)
  else if (word === 'uninstall') return (await import('./install.js')).uninstall(here(), words)
  else throw new UsageError(`"${word}" is unknown: try uveth shim --help`)
  return 0
}

function here(): Package {
  const client = join(folder(), 'ip')
  const scripts = fileURLToPath(new URL('../../../shim', import.meta.url))
  const main = fileURLToPath(new URL('../main.js', import.meta.url))
  return { inside: join(scripts, 'inside'), client, isScript: client === join(scripts, 'ip'), main }
}

/** With the small client, where it was built for this machine and finds this package; otherwise the script's. */
function folder(): string {
  const here = fileURLToPath(new URL('../../..', import.meta.url))
  const platforms = ['gnu', 'musl'].map((libc) => `linux-${process.arch}-${libc}`)
  const folders = platforms.flatMap((platform) => [
    join(here, 'native/shim', platform),
    ...packaged(`uveth-${platform}`).map((path) => join(path, 'shim')),
  ])
  return folders.find((path) => existsSync(join(path, 'ip')) && findsUs(path)) ?? join(here, 'shim')
}

function packaged(name: string): string[] {
  try {
    return [dirname(createRequire(import.meta.url).resolve(`${name}/package.json`))]
  } catch {
    return []
  }
}

/** As native/client/src/place.rs looks for it. */
function findsUs(path: string): boolean {
  return ['../../uveth/dist/cli/main.js', '../../../dist/cli/main.js'].some((to) =>
    existsSync(join(path, to)),
  )
}
