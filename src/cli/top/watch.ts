// What there is to see: the daemon is asked over one connection, for the counters of all pairs at each look, and for
// what the pairs are once a second. Called by top.ts and live.ts. Draws nothing.

import type { ControlClient } from '../../contract/client.js'
import type { Counted, PairView } from '../../contract/ops.js'
import { type PairRates, ratesOf } from '../../contract/rates.js'
import { UvethError } from '../../errors.js'
import type { PairStats } from '../../index.js'
import { isNobody } from '../failure.js'

/** ms in which what a pair is does not change. */
const LATELY = 1000
/** Looks that are remembered, for the bars. */
const REMEMBERED = 300

const byName = new Intl.Collator('en', { numeric: true })

export interface Row {
  id: string
  pair: PairView
  carrier: boolean
  /** None at the first look. */
  rates: PairRates | undefined
  /** Bits a second that the ends have sent, look by look. */
  past: { a: number[]; b: number[] }
}

export class Watch {
  readonly #client: ControlClient
  readonly #meant: (pair: PairView) => boolean
  #views = new Map<string, PairView>()
  #listed = Number.NEGATIVE_INFINITY
  #counted: Counted | undefined
  #past = new Map<string, Row['past']>()
  /** By name. */
  rows: Row[] = []
  /** No daemon listens, or the one that did has ended. */
  gone = false
  /** The pair that was looked at in detail, and what it has: nothing where it is gone. */
  detail: { id: string; stats: PairStats | undefined } | undefined

  constructor(client: ControlClient, meant: (pair: PairView) => boolean) {
    this.#client = client
    this.#meant = meant
  }

  /** `detail`: the pair of this id is wanted with all that it has. */
  async look(detail?: string): Promise<void> {
    let stats: PairStats | undefined
    try {
      const now = await this.#client.call<Counted>('stats.list')
      if (performance.now() > this.#listed + LATELY || now.pairs.some(({ id }) => !this.#views.has(id)))
        await this.#list()
      if (detail !== undefined) stats = await this.#statsOf(detail)
      this.gone = false
      this.#take(now)
    } catch (error) {
      if (!isGone(error)) throw asOlder(error)
      this.gone = true
      this.rows = []
      this.#counted = undefined
    }
    this.detail = detail === undefined ? undefined : { id: detail, stats }
  }

  async #list(): Promise<void> {
    const pairs = await this.#client.call<PairView[]>('pair.list')
    pairs.sort((one, other) => byName.compare(one.id, other.id))
    this.#views = new Map(pairs.map((pair) => [pair.id, pair]))
    this.#listed = performance.now()
  }

  /** undefined: it is gone. */
  async #statsOf(id: string): Promise<PairStats | undefined> {
    try {
      return await this.#client.call<PairStats>('pair.stats', { ref: `id:${id}` })
    } catch (error) {
      if (error instanceof UvethError && error.code === 'ENODEV') return undefined
      throw error
    }
  }

  #take(now: Counted): void {
    const rates = ratesOf(this.#counted, now)
    this.#counted = now
    const before = this.#past
    this.#past = new Map()
    this.rows = []
    const carriers = new Map(now.pairs.map(({ id, carrier }) => [id, carrier]))
    for (const [id, pair] of this.#views) {
      const carrier = carriers.get(id)
      if (carrier === undefined || !this.#meant(pair)) continue
      const row = { id, pair, carrier, rates: rates.get(id), past: before.get(id) ?? { a: [], b: [] } }
      for (const end of ['a', 'b'] as const) {
        if (row.rates !== undefined) row.past[end].push(row.rates[end].bits)
        if (row.past[end].length > REMEMBERED) row.past[end].shift()
      }
      this.#past.set(id, row.past)
      this.rows.push(row)
    }
  }
}

function isGone(error: unknown): boolean {
  return isNobody(error) || (error instanceof UvethError && ['ECONNRESET', 'EPIPE'].includes(error.code))
}

/** One that does not know what it is asked for. */
function asOlder(error: unknown): unknown {
  if (!(error instanceof UvethError) || !error.message.startsWith('ENOENT: nothing is at')) return error
  const replace = 'uveth daemon --replace has it replaced, its cables in use'
  return new UvethError(`ENOTSUP: the daemon is older than uveth top: ${replace}`, { code: 'ENOTSUP' })
}
