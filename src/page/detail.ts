// The panel of the pair that is chosen: carrier, the chart, counters with drops by cause, impairments of either end, and
// captures. Made once; show() says what it shows. A pair that is gone keeps its name here, and takes no more orders.

import { ask } from './ask.js'
import { CaptureBox } from './capture.js'
import { Chart } from './chart.js'
import { el, say, set } from './element.js'
import { ImpairForm } from './impair.js'
import { dropsOf, type History } from './rates.js'
import { bitsText, countText, short } from './text.js'
import { type EndCounts, nameIn, type PairView, placeOf, SIDES, type Side } from './views.js'

const MODES = ['auto', 'on', 'off'] as const

export class Detail {
  readonly element = el('fieldset', { class: 'detail', 'aria-labelledby': 'pair' })
  readonly captures = new CaptureBox()
  readonly #ordered: () => void
  readonly #title = el('h2', { id: 'pair' })
  readonly #where = el('p', { class: 'where' })
  readonly #carrier = el('output', { class: 'state' })
  readonly #error = el('p', { class: 'error', role: 'alert' })
  readonly #modes: HTMLInputElement[]
  readonly #sides: Record<Side, { radio: HTMLInputElement; name: HTMLElement; row: HTMLElement[] }>
  readonly #chart: Chart
  readonly #form: ImpairForm
  #pair: PairView | undefined

  constructor(ordered: () => void) {
    this.#ordered = ordered
    this.#form = new ImpairForm(ordered)
    this.#modes = MODES.map((value) => el('input', { type: 'radio', name: 'carrier', value }))
    const canvas = el('canvas', { role: 'img' })
    this.#sides = { a: this.#side('a'), b: this.#side('b') }
    this.element.append(
      el('header', {}, this.#title, this.#where),
      this.#carrierBox(),
      canvas,
      this.#counters(),
      el(
        'section',
        {},
        el('h3', {}, 'Impairments'),
        el(
          'div',
          { class: 'choice', role: 'radiogroup', 'aria-label': 'of what is sent by' },
          ...SIDES.map((side) => this.#label(side)),
        ),
        this.#form.element,
      ),
      el('section', {}, el('h3', {}, 'Capture'), this.captures.element),
    )
    this.#chart = new Chart(canvas)
  }

  show(
    pair: PairView | undefined,
    counts: Readonly<Record<Side, EndCounts>> | undefined,
    history: History,
  ): void {
    const shown = pair ?? this.#pair
    this.element.hidden = shown === undefined
    this.element.disabled = pair === undefined
    if (shown === undefined) return
    if (this.#pair?.id !== shown.id) say(this.#error, '')
    this.#pair = shown
    const { a, b, carrier, carrierMode } = shown
    say(this.#title, `${a.name} ⇄ ${b.name}`)
    say(this.#where, pair === undefined ? 'is gone' : `${placeOf(a)} ⇄ ${placeOf(b)}, id ${shown.id}`)
    for (const mode of this.#modes) if (mode.value === carrierMode && !mode.checked) mode.checked = true
    say(
      this.#carrier,
      carrier ? 'carrier' : a.up && b.up ? 'no carrier' : `no carrier: ${(a.up ? b : a).name} is down`,
    )
    set(this.#carrier, { 'data-on': carrier })
    for (const side of SIDES) this.#count(side, shown, counts?.[side], history)
    const { now } = history
    const label = `The last three minutes. Now ${a.name} sends ${bitsText(now.a.bits)}, ${b.name} ${bitsText(now.b.bits)}`
    this.#chart.show(history.rates, label)
    if (pair === undefined) return
    this.#form.show(pair[this.#chosen()])
    this.captures.show(pair)
  }

  #chosen(): Side {
    return this.#sides.b.radio.checked ? 'b' : 'a'
  }

  #side(side: Side) {
    const radio = el('input', { type: 'radio', name: 'side', value: side, checked: side === 'a' })
    radio.addEventListener('change', () => this.#pair && this.#form.show(this.#pair[this.#chosen()]))
    const row = ['th', 'td', 'td', 'td', 'td', 'td'].map((tag) =>
      el(tag as 'td', tag === 'th' ? { scope: 'row' } : {}),
    )
    return { radio, name: el('span'), row }
  }

  #label(side: Side): HTMLElement {
    const { radio, name } = this.#sides[side]
    return el('label', {}, radio, name)
  }

  #carrierBox(): HTMLElement {
    const labels = this.#modes.map((mode) => el('label', {}, mode, el('span', {}, mode.value)))
    for (const mode of this.#modes) mode.addEventListener('change', () => void this.#setCarrier(mode.value))
    const group = el('div', { class: 'choice', role: 'radiogroup', 'aria-label': 'carrier' }, ...labels)
    return el('div', { class: 'carrier' }, group, this.#carrier, this.#error)
  }

  async #setCarrier(carrier: string): Promise<void> {
    if (this.#pair === undefined) return
    try {
      await ask(`/v1/pairs/${encodeURIComponent(`id:${this.#pair.id}`)}`, {
        method: 'PATCH',
        json: { carrier },
      })
      say(this.#error, '')
    } catch (refusal) {
      say(this.#error, (refusal as Error).message)
    }
    this.#ordered()
  }

  #counters(): HTMLElement {
    const heads = ['sent by', 'bit/s', 'frames/s', 'frames', 'bytes', 'dropped']
    const head = el('tr', {}, ...heads.map((name) => el('th', { scope: 'col' }, name)))
    const rows = SIDES.map((side) => el('tr', { class: `side-${side}` }, ...this.#sides[side].row))
    return el('table', { class: 'counters' }, el('thead', {}, head), el('tbody', {}, ...rows))
  }

  #count(side: Side, pair: PairView, counts: EndCounts | undefined, { now }: History): void {
    const { name, row } = this.#sides[side]
    const end = pair[side]
    const rules =
      end.rules.length === 0 ? '' : ` (${end.rules.length} ${end.rules.length === 1 ? 'rule' : 'rules'})`
    say(name, `${nameIn(pair, side)} sends${rules}`)
    const causes = Object.entries(counts?.drops ?? {}).filter(([, count]) => count > 0)
    const texts = [
      nameIn(pair, side),
      short(now[side].bits),
      short(now[side].frames),
      countText(counts?.tx_packets ?? 0),
      short(counts?.tx_bytes ?? 0),
      [
        counts === undefined ? '0' : countText(dropsOf(counts)),
        ...causes.map(([cause, count]) => `${cause} ${countText(count)}`),
      ].join('\n'),
    ]
    for (const [at, cell] of row.entries()) say(cell, texts[at] ?? '')
    set(row.at(-1) as HTMLElement, { 'data-bad': now[side].drops > 0 })
  }
}
