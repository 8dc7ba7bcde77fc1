// `uveth link show`: asks the daemon for pairs, ends and, where they are shown, counters. Starts no daemon.
// It may load neither the server's libraries nor the addon: this is what prompts and completions run.

import type { PairView } from '../../contract/ops.js'
import { UvethError } from '../../errors.js'
import type { PairStats } from '../../index.js'
import { parseShow, type ShowOrder } from '../../iproute/grammar.js'
import { wrong } from '../../iproute/words.js'
import { legible } from '../../legible.js'
import { isNobody } from '../failure.js'
import { type Globals, readTrailing } from '../globals.js'
import { painter, type Session, write, writeJson } from '../session.js'
import { briefText, linkText, type Remarks, type Row } from './format.js'
import { groupNumber } from './groups.js'

/** Words behind `link show`. */
export async function show(session: Session, words: string[]): Promise<number> {
  const { globals, rest } = readTrailing(session.globals, words)
  const order = parseShow(rest)
  const rows = await rowsOf(session, order, !globals.brief)
  await print(rows, globals)
  return 0
}

/** What `link add -j` shows of a pair that it has made. */
export async function printPair(session: Session, pair: PairView): Promise<void> {
  await print(bothEnds(pair, session.inode()), session.globals)
}

async function rowsOf(session: Session, order: ShowOrder, withStats: boolean): Promise<Row[]> {
  const { client, globals } = session
  const named = globals.netns
  const here = session.inode()
  try {
    const rows =
      order.ref === undefined
        ? (await client.call<PairView[]>('pair.list'))
            .flatMap((pair) => bothEnds(pair, here))
            .filter((row) => row.here || named === undefined || here === undefined)
            .sort(byPlace)
        : await oneEnd(session, order.ref, here)
    const shown = order.up ? rows.filter(({ pair, end }) => pair[end].up) : rows
    const { master, group } = order
    if (!withStats && master === undefined && group === undefined) return shown
    const known = await addStats(session, shown)
    return known.filter(isAmong(order))
  } catch (error) {
    // Where no daemon runs there are no pairs; but a name is then the name of nothing.
    if (order.ref === undefined && isNobody(error)) return []
    throw error
  }
}

async function oneEnd(session: Session, name: string, here: number | undefined): Promise<Row[]> {
  const { client } = session
  const ref = await session.ref(name)
  const { end, pair } = await client.call<{ end: 'a' | 'b'; pair: PairView }>('end.get', { ref })
  return bothEnds(pair, here).filter((row) => row.end === end)
}

function bothEnds(pair: PairView, here: number | undefined): Row[] {
  return (['a', 'b'] as const).map((end) => ({ pair, end, here: pair[end].netnsInode === here }))
}

/** The caller's own namespace first, then one after the other; within each by index, as `ip` does. */
function byPlace(one: Row, other: Row): number {
  const [left, right] = [one.pair[one.end], other.pair[other.end]]
  if (one.here !== other.here) return one.here ? -1 : 1
  if (left.netnsInode === right.netnsInode) return left.ifindex - right.ifindex
  const names = [left.netns ?? '', right.netns ?? '']
  return (names[0] as string) < (names[1] as string) ? -1 : 1
}

/** Those of a bridge, bond or VRF, or of none, and of a group. */
function isAmong({ master, group }: ShowOrder): (row: Row) => boolean {
  const number = group === undefined ? undefined : groupNumber(group)
  if (group !== undefined && number === undefined) throw wrong(group, 'there is no such group')
  return ({ stats }) =>
    (master === undefined || (stats?.link?.master ?? null) === master) &&
    (number === undefined || stats?.link?.group === number)
}

/** What else the kernel says of it, which the daemon knows only if it asks. */
async function addStats({ client }: Session, rows: Row[]): Promise<Row[]> {
  const known = new Map<string, PairStats | undefined>()
  for (const { pair } of rows) {
    if (!known.has(pair.id)) known.set(pair.id, await statsOf(client, pair.id))
  }
  return rows.map((row) => ({ ...row, stats: known.get(row.pair.id)?.[row.end] }))
}

/** Undefined for a pair that has ended since it was listed. */
async function statsOf(client: Session['client'], id: string): Promise<PairStats | undefined> {
  try {
    return await client.call<PairStats>('pair.stats', { ref: `id:${id}` })
  } catch (error) {
    if (error instanceof UvethError && error.code === 'ENODEV') return undefined
    throw error
  }
}

async function print(rows: Row[], globals: Globals): Promise<void> {
  const { json, brief } = globals
  if (json) {
    const { briefJson, linkJson } = await import('./json.js')
    writeJson(
      rows.map((row) => (brief ? briefJson(row) : linkJson(row, globals))),
      globals,
    )
    return
  }
  const paint = painter(globals)
  const remarks = await remarksOf(globals)
  write(
    legible(rows)
      .map((row) => `${brief ? briefText(row, paint) : linkText(row, globals, paint, remarks)}\n`)
      .join(''),
  )
}

/** Loaded where they are shown. */
async function remarksOf({ details, stats: counts }: Globals): Promise<Remarks> {
  const { faultLines } = details ? await import('./faults.js') : {}
  const { excessWords } = details || counts ? await import('../../faults/excess.js') : {}
  return (end, stats) => [...(faultLines?.(end) ?? []), ...(stats ? (excessWords?.(stats.drops) ?? []) : [])]
}
