// `uveth shim`: a folder to put in front on a script's PATH, so that its `ip link add … type veth` makes pairs
// of ours. The folder holds one shell script, shim/ip, which passes most command lines on by itself; what it
// does not comes back here, as `uveth shim ip` and `uveth shim batch`. `uveth shim ends` tells it which are ours.

import { fileURLToPath } from 'node:url'
import { SHIM_HELP } from '../help.js'
import { write } from '../session.js'
import { UsageError } from '../usage.js'

/** Words behind `shim`. */
export async function shim([word, ...words]: string[]): Promise<number> {
  if (word === undefined || /^(?:help|--help|-help|-h)$/.test(word)) write(SHIM_HELP)
  else if (word === '--path' && words.length === 0) write(`${folder()}\n`)
  else if (word === 'ip') {
    const [real = '', ...line] = words
    return await (await import('./ip.js')).ip(real, line)
  } else if (word === 'ends') write(await (await import('./ip.js')).ends(words[0] || undefined))
  else if (word === 'batch') {
    const [real = '', lines, status, held = '', ...line] = words
    const begun = { lines: Number(lines), failed: status !== '0', held }
    const { shimBatch } = await import('./batch.js')
    return await shimBatch(`${folder()}/ip`, real, begun, line)
  } else throw new UsageError(`"${word}" is unknown: try uveth shim --help`)
  return 0
}

function folder(): string {
  return fileURLToPath(new URL('../../../shim', import.meta.url))
}
