// `uveth stats [NAME]`: counters of all pairs, or of one, as a table for people and as lines of fields or
// JSON for programs. Starts no daemon.

import type { PairView } from '../contract/ops.js'
import type { PairStats } from '../index.js'
import { legible } from '../legible.js'
import { findRef } from '../netns/names.js'
import { isNobody } from './failure.js'
import { readTrailing } from './globals.js'
import { placeOf } from './link/format.js'
import { isTerminal, type Session, write, writeJson } from './session.js'
import { alignTable, remarks, type StatsRow, statsTable } from './table.js'
import { UsageError } from './usage.js'

interface Counted {
  pair: PairView
  stats: PairStats
}

/** Words behind `stats`. */
export async function stats(session: Session, words: string[]): Promise<number> {
  const { globals, rest } = readTrailing(session.globals, words)
  if (globals.ask === 'help' || rest[0] === 'help') {
    write((await import('./help.js')).STATS_HELP)
    return 0
  }
  const [ref, ...more] = rest[0] === 'dev' ? rest.slice(1) : rest
  if (more[0] !== undefined) throw new UsageError(`stats takes one name, not "${more[0]}" too`)
  const counted = await count(session, ref)
  if (globals.json) writeJson(counted.map(jsonOf), globals)
  else if (counted.length > 0) {
    const rows = legible(counted).flatMap(rowsOf)
    const table = statsTable(rows)
    const lines = isTerminal() ? [alignTable(table), ...remarks(rows)] : table.map((row) => row.join('\t'))
    write(`${lines.join('\n')}\n`)
  }
  return 0
}

async function count({ client }: Session, ref: string | undefined): Promise<Counted[]> {
  try {
    const pairs =
      ref === undefined
        ? await client.call<PairView[]>('pair.list')
        : [await client.call<PairView>('pair.get', { ref: await findRef(ref) })]
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

function rowsOf({ pair, stats }: Counted): StatsRow[] {
  return (['a', 'b'] as const).map((end) => {
    const { name, netns } = pair[end]
    return { name: netns === null ? name : `${name}@${placeOf(netns)}`, stats: stats[end] }
  })
}
