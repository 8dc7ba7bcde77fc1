// `uveth top`: reads its options, and shows what crosses the pairs: on a terminal until somebody leaves, elsewhere once.
// Starts no daemon.

import { setTimeout } from 'node:timers/promises'
import type { PairView } from '../../contract/ops.js'
import { stopSignal } from '../failure.js'
import { TOP } from '../options.js'
import { isTerminal, painter, type Session, write, writeJson } from '../session.js'
import { parseAlone, UsageError } from '../usage.js'
import { Live } from './live.js'
import { ordered } from './order.js'
import { jsonOf, tableOf } from './plain.js'
import { DELAYS, FIRST, readDelay, SORTS, type View } from './view.js'
import { Watch } from './watch.js'
import { ASCII, BLOCKS } from './width.js'

interface Wanted {
  view: View
  /** Screens, or tables. */
  count: number
  batch: boolean
  json: boolean
}

/** Words behind `top`. */
export async function top(session: Session, words: string[]): Promise<number> {
  const wanted = read(words, (await import('../help-seen.js')).TOP_HELP)
  if (wanted === undefined) return 0
  const { globals, client } = session
  const place = session.named()
  const meant = ({ a, b }: PairView) => place === undefined || [a, b].some((end) => end.netnsInode === place)
  using _ = client.keepConnection()
  const watch = new Watch(client, meant)
  await watch.look()
  const json = wanted.json || globals.json
  if (json || wanted.batch || !isTerminal() || isDumb()) await print(session, watch, { ...wanted, json })
  else {
    const plain = !speaksUtf8()
    using live = new Live(watch, wanted.view, {
      paint: painter(globals),
      plain,
      levels: plain ? ASCII : BLOCKS,
    })
    await live.show(wanted.count)
  }
  return 0
}

/** undefined: its help was asked for. */
function read(words: string[], help: string): Wanted | undefined {
  const values = parseAlone('top', words, TOP, help)
  if (values === undefined) return undefined
  const { sort = 'rate', filter = '', reverse = false, batch = false, json = false } = values
  const found = SORTS.find((one) => one === sort)
  if (found === undefined) throw new UsageError(`-o takes ${SORTS.join(', ')}, not "${sort}"`)
  const delay = readDelay(values.delay ?? '1')
  if (delay === undefined) throw new UsageError(`-d takes ${DELAYS}, not "${values.delay}"`)
  const times = values.iterations ?? (batch || (isTerminal() && !json) ? 'Infinity' : '1')
  if (values.iterations !== undefined && !/^[1-9]\d{0,8}$/.test(times))
    throw new UsageError(`-n takes a number of times, not "${times}"`)
  return { view: { ...FIRST, sort: found, reverse, filter, delay }, count: Number(times), batch, json }
}

/** A table for each look: what happened since the one before. */
async function print(session: Session, watch: Watch, { view, count, json }: Wanted): Promise<void> {
  const closed = new AbortController()
  process.stdout.once('error', () => closed.abort()) // EPIPE
  const stop = AbortSignal.any([stopSignal(), closed.signal])
  for (let printed = 0; printed < count; printed++) {
    if (!(await paused(view.delay * 1000, stop))) return
    await watch.look()
    const rows = ordered(watch.rows, view)
    if (json) writeJson(rows.map(jsonOf), session.globals)
    else if (rows.length > 0 || count > 1) {
      const table = tableOf(rows, isTerminal() || session.globals.human)
      write(`${printed > 0 ? '\n' : ''}${table}\n`)
    }
  }
}

/** False: it is to end. */
async function paused(ms: number, stop: AbortSignal): Promise<boolean> {
  return await setTimeout(ms, true, { signal: stop }).catch(() => false)
}

/** A terminal whose cursor cannot be moved. */
function isDumb(): boolean {
  return ['', 'dumb', 'unknown'].includes(process.env.TERM ?? '')
}

/** Where nothing is said of it most do. */
function speaksUtf8(): boolean {
  const { LC_ALL, LC_CTYPE, LANG } = process.env
  return /^$|utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || '')
}
