// The front end for lines of `ip` and `tc` that scripts give (`POST /v1/shim`): what concerns pairs is carried out,
// everything else is the real tool's. Called by dispatch.ts for the shim's clients (native/client, cli/shim), which
// run what they are told to with their own rights and streams. Keeps nothing between two requests: what is to come
// after the real tool has run is said in `next`, and comes back.

import type { ShimAnswer, ShimLine } from '../../contract/ops.js'
import { UvethError } from '../../errors.js'
import { type IpLine, ipOrder, readLine } from '../../iproute/ip-line.js'
import { UnsupportedError, UsageError } from '../../iproute/usage.js'
import { done, PASS, type Place } from './answer.js'
import { allQdiscs, answerTc } from './qdisc.js'
import { showVeths } from './show.js'
import { addVeth, checkLink, deleteVeth, finishVeth, sentenceOf, turnVeth } from './veth.js'

export async function answerLine(place: Place, line: ShimLine): Promise<ShimAnswer> {
  const { words, next, code = 0 } = line
  if (next !== undefined && next !== 'add') return await goOn(place, line, next, code)
  if (code !== 0) return done(code)
  if (line.tool === 'tc') return await answerTc(place, readLine('tc', words))
  return await answerIp(place, readLine('ip', words), next === 'add')
}

/** What the client was told to run has ended with `code`. */
async function goOn(
  place: Place,
  { words, said = '' }: ShimLine,
  next: string,
  code: number,
): Promise<ShimAnswer> {
  const [what, id = ''] = next.split(/:(.*)/s)
  if (what === 'undo') return await finishVeth(place, readLine('ip', words), id, code)
  if (what === 'settle') await place.settlePairs(id === '' ? undefined : id)
  return done(
    code,
    '',
    what === 'qdiscs' && code === 0 ? allQdiscs(place, readLine('tc', words), said) : said,
  )
}

async function answerIp(place: Place, line: IpLine, linked: boolean): Promise<ShimAnswer> {
  const order = ipOrder(line.words)
  try {
    switch (order) {
      case 'add':
      case 'replace':
        return (linked ? undefined : checkLink(place, line)) ?? (await addVeth(place, line))
      case 'delete':
        return await deleteVeth(place, line)
      case 'turn':
        return await turnVeth(place, line)
      case 'show':
        return showVeths(place, line)
      default:
        return PASS
    }
  } catch (error) {
    return refusal(error, order)
  }
}

/** What turns out not to be right is the real tool's to answer, in its own words. */
function refusal(error: unknown, order: ReturnType<typeof ipOrder>): ShimAnswer {
  const makes = order === 'add' || order === 'replace'
  if (error instanceof UnsupportedError && makes) return done(2, `Error: ${error.message}.\n`)
  if (error instanceof UsageError) return PASS
  if (error instanceof UvethError) return done(2, `${sentenceOf(error, order === 'replace')}\n`)
  throw error
}
