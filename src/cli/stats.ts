// `uveth stats [NAME]`: counters of all pairs, or of one, as a table for people and as lines of fields or
// JSON for programs. Starts no daemon.

import type { PairView } from '../contract/ops.js'
import type { PairStats } from '../index.js'
import { legible } from '../legible.js'
import { isNobody } from './failure.js'
import { readTrailing } from './globals.js'
import { countText, placeOf } from './link/format.js'
import { isTerminal, type Session, write, writeJson } from './session.js'
import { alignTable, remarks, type StatsRow, statsTable } from './table.js'
import { UsageError } from './usage.js'

const ENDS = ['a', 'b'] as const

interface Counted {
  pair: PairView
  stats: PairStats
}

/** Words behind `stats`. */
export async function stats(session: Session, words: string[]): Promise<number> {
  const { globals, rest } = readTrailing(session.globals, words)
  if (globals.ask === 'help' || rest[0] === 'help') {
    write((await import('./help-seen.js')).STATS_HELP)
    return 0
  }
  const [ref, ...more] = rest[0] === 'dev' ? rest.slice(1) : rest
  if (more[0] !== undefined) throw new UsageError(`stats takes one name, not "${more[0]}" too`)
  const place = session.named()
  const counted = (await count(session, ref)).filter((pair) => ENDS.some((end) => isThere(pair, end, place)))
  if (globals.json) writeJson(counted.map(jsonOf), globals)
  else if (counted.length > 0) {
    const rows = legible(counted).flatMap((pair) => rowsOf(pair, place))
    const table = statsTable(rows, (count) => countText(count, globals))
    const lines = isTerminal() ? [alignTable(table), ...remarks(rows)] : table.map((row) => row.join('\t'))
    write(`${lines.join('\n')}\n`)
  }
  return 0
}

/** Behind -n those that stand there. */
function isThere({ pair }: Counted, end: 'a' | 'b', place: number | undefined): boolean {
  return place === undefined || pair[end].netnsInode === place
}

async function count(session: Session, ref: string | undefined): Promise<Counted[]> {
  const { client } = session
  try {
    const pairs =
      ref === undefined
        ? await client.call<PairView[]>('pair.list')
        : [await client.call<PairView>('pair.get', { ref: await session.ref(ref) })]
    const counted: Counted[] = []
    for (const pair of pairs) {
      counted.push({ pair, stats: await client.call<PairStats>('pair.stats', { ref: `id:${pair.id}` }) })
    }
    return counted
  } catch (error) {
    if (ref === undefined && isNobody(error)) return []
    throw error
  }
}

function jsonOf({ pair, stats }: Counted): object {
  const of = (end: 'a' | 'b') => {
    const { link: _, ...counts } = stats[end] // link show's
    return { ifname: pair[end].name, netns: pair[end].netns, ...counts }
  }
  return { id: pair.id, a: of('a'), b: of('b') }
}

function rowsOf(counted: Counted, place: number | undefined): StatsRow[] {
  const { pair, stats } = counted
  return ENDS.filter((end) => isThere(counted, end, place)).map((end) => {
    const { name, netns } = pair[end]
    return { name: netns === null ? name : `${name}@${placeOf(netns)}`, stats: stats[end] }
  })
}
