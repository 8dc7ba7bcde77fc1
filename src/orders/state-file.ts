// The file of wanted pairs, read; and whether a pair in it can still be wanted. Used by state.ts, and by a daemon that is to
// take over, before it does.

import { existsSync } from 'node:fs'
import type { PairWish } from '../contract/ops.js'
import { POD_PREFIX } from '../contract/pods.js'
import { UvethError } from '../errors.js'
import { pathOfName } from '../netns/names.js'
import { readOwnIfThere } from '../own-file.js'
import { type Dossier, readDossier } from '../pair/dossier.js'

/** A pair as the file has it. */
export type Saved = Dossier<PairWish>

/** None where there is no file. Refused as it is where it is none of ours. */
export function readState(path: string): Saved[] {
  const text = readOwnIfThere(path)
  if (text === undefined) return []
  try {
    const { version = 1, pairs } = JSON.parse(text) as { version?: number; pairs: unknown[] }
    // Files of before had a version of their own.
    if (version === 1 && Array.isArray(pairs)) return pairs.map((pair) => readDossier(pair) as Saved)
  } catch (error) {
    if (error instanceof UvethError) throw misread(path, error.message.replace('EBADMSG', 'one of its pairs'))
    // said below
  }
  throw misread(path, 'it is no such file')
}

/** The file stays as it is. */
function misread(path: string, why: string): UvethError {
  const message = `EBADMSG: '${path}' is no file of wanted pairs: ${why}: move it away`
  return new UvethError(message, { code: 'EBADMSG' })
}

/** The name of a pod's namespace does not come again; its runtime may have ended it while no daemon was there. */
export function isOver({ id, wishes: { sent, since } }: Saved): boolean {
  const netns = since.a?.netns ?? sent.a?.netns
  if (!id.startsWith(POD_PREFIX) || typeof netns !== 'string') return false
  return !existsSync(netns.includes('/') ? netns : pathOfName(netns))
}
