// The page of `uveth web`: what is known of the daemon's pairs, and who shows it. Pairs are asked for when an event says
// that they changed, counters once a second. Where the daemon is gone the page says so, asks on, and goes on when it is back.

import { ask, askJson, isTokenGiven, listen, Refused, takeToken } from './ask.js'
import { Detail } from './detail.js'
import { byId, el, say, set } from './element.js'
import { Picture } from './picture.js'
import { History, NOTHING, sumOf } from './rates.js'
import { Table } from './table.js'
import { bitsText, clockText, eventText, short } from './text.js'
import { type Counts, type PairView, placeOf, SIDES } from './views.js'

/** ms between countings, and between tries to reach a daemon that is gone. */
const TICK = 1000
/** ms */
const SOON = 80
/** Ticks after which pairs are asked for though no event came: rules have no events of their own. */
const SELDOM = 5
/** Lines of the list of events. */
const EVENTS = 200

interface Counted {
  /** ms, of the daemon's clock. */
  at: number
  pairs: readonly ({ id: string } & Counts)[]
}

class Page {
  #pairs: readonly PairView[] = []
  readonly #histories = new Map<string, History>()
  #chosen: string | undefined
  #filter = ''
  /** Raised when pairs are to be asked for: by events, and by orders of this page. */
  #stale = 0
  #known = -1
  /** Given by this page, and answered: what was asked for before that may not have them yet. */
  #orders = 0
  #tick = 0
  /** ms: when counters were asked for. */
  #counted = Number.NEGATIVE_INFINITY
  #told = false
  readonly #choose = (id: string) => this.#pick(id)
  readonly #picture = new Picture(byId('picture'), this.#choose)
  readonly #table = new Table(this.#choose)
  readonly #detail = new Detail(() => {
    this.#orders++
    this.#wake()
  })
  #waking: (() => void) | undefined

  start(): void {
    byId('panel').append(this.#detail.element)
    const filter = byId('filter') as HTMLInputElement
    filter.addEventListener('input', () => {
      this.#filter = filter.value.trim().toLowerCase()
      this.#show()
    })
    addEventListener('hashchange', () => isTokenGiven() && location.reload())
    void this.#ask()
    void this.#hear()
  }

  async #ask(): Promise<void> {
    for (;;) {
      let pause = TICK
      try {
        await this.#refresh()
        this.#say()
        pause = this.#known === this.#stale ? this.#counted + TICK - performance.now() : SOON
      } catch (error) {
        this.#say(error as Refused)
        this.#stale++
      }
      this.#show()
      await this.#pause(pause)
    }
  }

  /** Or until a little while after something changed: of a storm of events each is not asked after. */
  #pause(ms: number): Promise<void> {
    return new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.max(SOON, ms))
      this.#waking = () => {
        this.#waking = undefined
        clearTimeout(timer)
        setTimeout(resolve, SOON)
      }
    })
  }

  async #refresh(): Promise<void> {
    if (this.#tick++ % SELDOM === 0) this.#stale++
    if (this.#known !== this.#stale) {
      const [asked, orders] = [this.#stale, this.#orders]
      const pairs = await askJson<PairView[]>('/v1/pairs')
      if (orders !== this.#orders) return
      this.#pairs = pairs
      this.#known = asked
      for (const id of this.#histories.keys())
        if (id !== this.#chosen && !this.#pairs.some((pair) => pair.id === id)) this.#histories.delete(id)
    }
    // What is drawn is a second each, also where pairs were asked for in between.
    if (performance.now() < this.#counted + TICK - SOON) return
    this.#counted = performance.now()
    const { at, pairs } = await askJson<Counted>('/v1/stats')
    for (const { id, ...counts } of pairs) this.#history(id).add({ at, counts })
  }

  /** Before the next tick. */
  #wake(): void {
    this.#stale++
    this.#waking?.()
  }

  async #hear(): Promise<void> {
    for (;;) {
      try {
        await listen(
          '/v1/events',
          () => this.#wake(),
          (event) => this.#event(event),
        )
      } catch {} // who counts says so
      await new Promise((resolve) => setTimeout(resolve, TICK))
    }
  }

  #event(event: Record<string, unknown>): void {
    const line = el(
      'li',
      {},
      el('time', {}, clockText(new Date())),
      el('b', {}, String(event.event)),
      el('span', { class: 'id' }, String(event.id ?? '')),
      el('span', {}, eventText(event)),
    )
    const list = byId('events')
    list.prepend(line)
    while (list.children.length > EVENTS) list.lastChild?.remove()
    if (event.event === 'removed') this.#detail.captures.ended(String(event.id))
    if (event.event === 'replaced') this.#told = false
    if (event.event === 'added') this.#histories.delete(String(event.id))
    this.#wake()
  }

  #history(id: string): History {
    const found = this.#histories.get(id) ?? new History()
    this.#histories.set(id, found)
    return found
  }

  #pick(id: string): void {
    this.#chosen = id
    this.#show()
    this.#picture.reveal(id)
  }

  #show(): void {
    const pairs = this.#pairs.filter((pair) => textOf(pair).includes(this.#filter))
    this.#chosen ??= pairs[0]?.id
    const rates = (id: string) => this.#histories.get(id)?.now ?? NOTHING
    this.#picture.show(pairs, rates, this.#chosen, this.#empty)
    this.#table.show(pairs, rates, this.#chosen)
    const chosen = this.#pairs.find(({ id }) => id === this.#chosen)
    const history = this.#chosen === undefined ? new History() : this.#history(this.#chosen)
    this.#detail.show(chosen, history.last?.counts, history)
    const all = this.#pairs.map(({ id }) => rates(id))
    const [bits, drops] = [sumOf(all, 'bits'), sumOf(all, 'drops')]
    const many = `${this.#pairs.length} ${this.#pairs.length === 1 ? 'pair' : 'pairs'}`
    say(byId('sum'), `${many}, ${bitsText(bits)}${drops === 0 ? '' : `, ${short(drops)} drops/s`}`)
  }

  /** In place of a picture. Before the daemon has answered, nobody knows. */
  get #empty(): string {
    if (this.#known < 0) return ''
    if (this.#pairs.length > 0) return 'No pair has what the filter asks for'
    return 'No pairs yet: uveth link add veth0 type veth peer veth1'
  }

  /** How the daemon is: nothing where all is well. */
  #say(error?: Refused): void {
    const trouble = error === undefined ? undefined : troubleOf(error)
    const banner = byId('banner')
    set(banner, { hidden: trouble === undefined })
    say(banner, trouble ?? '')
    set(document.body, { 'data-gone': trouble !== undefined })
    if (error === undefined && !this.#told) {
      this.#told = true
      void ask('/v1/health').then(
        async (answer) => {
          const { version, pid } = (await answer.json()) as { version: string; pid: number }
          say(byId('daemon'), `uveth ${version}, process ${pid}`)
        },
        () => {},
      )
    } else if (error !== undefined) this.#told = false
  }
}

function troubleOf(error: unknown): string {
  if (!(error instanceof Refused)) return String(error)
  if (error.status === 502)
    return `${error.message}. The page goes on when one does: uveth daemon, or uveth link add.`
  return error.message
}

function textOf(pair: PairView): string {
  return [pair.id, ...SIDES.flatMap((side) => [pair[side].name, placeOf(pair[side])])].join(' ').toLowerCase()
}

takeToken()
new Page().start()
