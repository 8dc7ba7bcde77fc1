// All pairs as a table, filtered: the way to one of them by keyboard, and the numbers of all in columns. Rows are made
// when pairs come or go; each second only their texts are set.

import { byId, el, say, set } from './element.js'
import type { Rates } from './rates.js'
import { short } from './text.js'
import { type PairView, placeOf } from './views.js'

interface Row {
  element: HTMLTableRowElement
  button: HTMLButtonElement
  cells: HTMLElement[]
}

export class Table {
  readonly #body = byId('pairs')
  readonly #rows = new Map<string, Row>()
  readonly #choose: (id: string) => void

  constructor(choose: (id: string) => void) {
    this.#choose = choose
  }

  show(pairs: readonly PairView[], rates: (id: string) => Rates, chosen: string | undefined): void {
    const ids = pairs.map(({ id }) => id)
    if (ids.join('\n') !== [...this.#rows.keys()].join('\n')) this.#arrange(ids)
    for (const pair of pairs) this.#fill(pair, rates(pair.id), pair.id === chosen)
  }

  /** Rows that stay are the same elements, so that focus stays, too. */
  #arrange(ids: readonly string[]): void {
    const held = document.activeElement
    const rows = ids.map((id) => [id, this.#rows.get(id) ?? this.#row(id)] as const)
    this.#rows.clear()
    for (const [id, row] of rows) this.#rows.set(id, row)
    this.#body.replaceChildren(...rows.map(([, { element }]) => element))
    if (held instanceof HTMLElement && this.#body.contains(held)) held.focus({ preventScroll: true })
  }

  #row(id: string): Row {
    const button = el('button', { type: 'button', class: 'link' })
    button.addEventListener('click', () => this.#choose(id))
    const cells = Array.from({ length: 5 }, () => el('td'))
    return { element: el('tr', {}, el('th', { scope: 'row' }, button), ...cells), button, cells }
  }

  #fill({ id, a, b, carrier, carrierMode }: PairView, rates: Rates, chosen: boolean): void {
    const row = this.#rows.get(id)
    if (row === undefined) return
    const drops = rates.a.drops + rates.b.drops
    const impaired = [a, b].filter(({ impair, rules }) => impair !== null || rules.length > 0)
    const texts = [
      `${carrier ? 'on' : 'off'}${carrierMode === 'auto' ? '' : ', forced'}`,
      short(rates.a.bits),
      short(rates.b.bits),
      drops === 0 ? '' : short(drops),
      impaired.map(({ name }) => name).join(', '),
    ]
    say(row.button, `${a.name} @ ${placeOf(a)} ⇄ ${b.name} @ ${placeOf(b)}`)
    for (const [at, cell] of row.cells.entries()) say(cell, texts[at] ?? '')
    set(row.button, { 'aria-pressed': String(chosen) })
    set(row.element, { 'data-chosen': chosen, 'data-off': !carrier, 'data-drops': drops > 0 })
  }
}
