// `tc` on our ends: netem, and tbf and htb as far as they mean one impairment, are that impairment; everything else is
// the real tc's. Called by line.ts. What a script has put on an end is kept beside it, in memory: an impairment that
// was ordered otherwise, or comes back with a pair, shows as a netem at the root.

import type { ShimAnswer } from '../../contract/ops.js'
import { UvethError } from '../../errors.js'
import type { End, Pair } from '../../index.js'
import type { IpLine } from '../../iproute/ip-line.js'
import { qdiscObjects } from '../../iproute/qdisc-json.js'
import { listLines, listObjects } from '../../iproute/qdisc-list.js'
import { classLine, qdiscLines } from '../../iproute/qdisc-text.js'
import { type Chain, follow, impairmentOf } from '../../iproute/qdiscs.js'
import { readTcLine, type TcLine } from '../../iproute/tc-line.js'
import { done, PASS, type Place } from './answer.js'

interface Counts {
  bytes: number
  packets: number
  dropped: number
}

/** A chain, the impairment that it was when it was put there, and what had been counted by then. */
const chains = new WeakMap<End, { chain: Chain; impair: string; before: Counts }>()

function chainOf(end: End): Chain {
  const kept = chains.get(end)
  if (kept?.impair === JSON.stringify(end.impairment)) return kept.chain
  if (end.impairment === null) return []
  return [{ kind: 'netem', major: '8001', parent: 'root', options: {}, lines: [] }]
}

export async function answerTc(place: Place, line: IpLine): Promise<ShimAnswer> {
  const { registry, caller } = place
  const tc = readTcLine(line.words)
  if (tc?.verb === 'show' && tc.dev === undefined) return showAll(place, line, tc)
  const dev = tc?.dev ?? line.words[line.words.indexOf('dev') + 1]
  await place.know(dev ?? '')
  const found = registry.at(dev ?? '', caller.inode)
  if (found?.end === undefined) return PASS
  const { end } = found
  const { pair } = found.entry
  const chain = chainOf(end)
  // Filters, and what else is done to the disciplines of the kernel, want them there.
  if (tc === undefined)
    return chain.some(({ kind }) => kind === 'htb') ? await handOver(place, pair, end, line) : PASS
  if (tc.verb === 'show') return show(pair, end, line, tc)
  const followed = follow(chain, tc)
  if ('refused' in followed) return done(2, `Error: ${followed.refused}.\n`)
  if ('chain' in followed) return await put(place, pair, end, followed.chain)
  if (followed.real === 'hand over') return await handOver(place, pair, end, line)
  if (followed.real === 'instead') await put(place, pair, end, [])
  return PASS
}

async function put(place: Place, pair: Pair, end: End, chain: Chain): Promise<ShimAnswer> {
  try {
    await place.setImpair(end.name, impairmentOf(chain) ?? null)
  } catch (error) {
    // Values that are wrong are the real tc's to refuse.
    if (error instanceof UvethError && error.code === 'EINVAL') return PASS
    throw error
  }
  // A change goes on counting.
  const kept = chains.get(end)
  const goesOn = kept !== undefined && kept.chain.length > 0 && chain.length > 0
  const before = goesOn ? kept.before : countsOf(pair, end)
  chains.set(end, { chain, impair: JSON.stringify(end.impairment), before })
  return done()
}

/** The real tc gets what led here, and this line: the kernel can do it, or says what it lacks. */
async function handOver(place: Place, pair: Pair, end: End, { options, words }: IpLine): Promise<ShimAnswer> {
  const lines = chainOf(end).flatMap((qdisc) => qdisc.lines)
  await put(place, pair, end, [])
  return { run: [...lines, words].map((line) => [...options, ...line]) }
}

function show(pair: Pair, end: End, { stats, json }: IpLine, tc: TcLine): ShimAnswer {
  const { object } = tc
  const chain = chainOf(end)
  if (chain.length === 0 || (json && object === 'class')) return PASS
  if (json) return done(0, '', `${JSON.stringify(objectsOf(pair, end, stats, tc))}\n`)
  if (object === 'qdisc') return done(0, '', linesOf(pair, end, stats, tc).join(''))
  const line = classLine(chain)
  return done(0, '', line === undefined ? '' : `${line}\n`)
}

/** `dev`: where it is said of which interface they are. */
function objectsOf(pair: Pair, end: End, stats: boolean, tc: TcLine, dev?: string): object[] {
  const counted = stats ? { ...countedSince(pair, end), overlimits: 0, requeues: 0, backlog: 0, qlen: 0 } : {}
  const all = qdiscObjects(chainOf(end), end.impairment, dev)
  return asked(all, end, tc).map((one) => ({ ...one, ...counted }))
}

function linesOf(pair: Pair, end: End, stats: boolean, tc: TcLine, dev?: string): string[] {
  const counted = stats ? statistics(pair, end) : ''
  return asked(qdiscLines(chainOf(end), end.impairment, dev), end, tc).map((line) => `${line}\n${counted}`)
}

/** `all`: one for each qdisc. A line may ask for one by its handle, or for those at one place. */
function asked<T>(all: readonly T[], end: End, { parent, handle }: TcLine): T[] {
  const meant = chainOf(end).map(
    (qdisc) =>
      qdisc.parent === (parent ?? qdisc.parent) && `${qdisc.major}:` === (handle ?? `${qdisc.major}:`),
  )
  return all.filter((_, at) => meant[at])
}

/** Since it was put there. What the end did not send is dropped, or held. */
function statistics(pair: Pair, end: End): string {
  const { bytes, packets, drops } = countedSince(pair, end)
  return ` Sent ${bytes} bytes ${packets} pkt (dropped ${drops}, overlimits 0 requeues 0) \n backlog 0b 0p requeues 0\n`
}

function countedSince(pair: Pair, end: End): { bytes: number; packets: number; drops: number } {
  const { bytes, packets, dropped } = countsOf(pair, end)
  const before = chains.get(end)?.before ?? { bytes: 0, packets: 0, dropped: 0 }
  return { bytes: bytes - before.bytes, packets: packets - before.packets, drops: dropped - before.dropped }
}

function countsOf(pair: Pair, end: End): Counts {
  const { tx_bytes: bytes, tx_packets: packets, drops } = pair.counters()[end === pair.a ? 'a' : 'b']
  return { bytes, packets, dropped: drops.loss + drops.limit }
}

function showAll(place: Place, { options, words }: IpLine, { object }: TcLine): ShimAnswer {
  if (object === 'class' || impaired(place).length === 0) return PASS
  return { run: [[...options, ...words]], tell: true, next: 'qdiscs' }
}

/** `said`: by the real tc of all that the kernel has. */
export function allQdiscs(place: Place, { json, stats, words }: IpLine, said: string): string {
  const tc = readTcLine(words) as TcLine // it was read before
  const ours = <T>(of: (pair: Pair, end: End, stats: boolean, tc: TcLine, dev: string) => T) =>
    new Map(impaired(place).map(({ pair, end }) => [end.name, of(pair, end, stats, tc, end.name)]))
  return json ? listObjects(said, ours(objectsOf)) : listLines(said, ours(linesOf))
}

function impaired({ registry, caller }: Place): { pair: Pair; end: End }[] {
  const ends = registry.list().flatMap(({ pair }) => [pair.a, pair.b].map((end) => ({ pair, end })))
  return ends.filter(({ end }) => end.netnsInode === caller.inode && chainOf(end).length > 0)
}
