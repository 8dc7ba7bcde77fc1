// The picture: an SVG of namespaces, other hosts and cables. A cable's colour is its state, its width what crosses it,
// and dashes run along it the way frames go. Made anew when pairs come, go, move or are renamed; each second only what
// differs is set.
// A list for assistive technology: arrow keys go from cable to cable.

import { el, say, set, svg } from './element.js'
import { type Cable, type Layout, layoutOf } from './layout.js'
import type { Rate, Rates } from './rates.js'
import { bitsText } from './text.js'
import { type PairView, placeOf, SIDES } from './views.js'

/** px, left and right of it. */
const PADDING = 18
/** Cables whose dashes run: each is painted anew in every frame. */
const RUNNING = 40

interface Drawn {
  group: SVGGElement
  label: SVGTitleElement
  wire: SVGPathElement
  flow: Record<'a' | 'b', SVGPathElement>
}

export class Picture {
  readonly #at: HTMLElement
  readonly #choose: (id: string) => void
  readonly #drawn = new Map<string, Drawn>()
  #shape = ''
  #order: string[] = []

  constructor(at: HTMLElement, choose: (id: string) => void) {
    this.#at = at
    this.#choose = choose
    at.addEventListener('keydown', (event) => this.#key(event))
  }

  /** `empty`: what stands where there are none. */
  show(
    pairs: readonly PairView[],
    rates: (id: string) => Rates,
    chosen: string | undefined,
    empty: string,
  ): void {
    const shape =
      empty + JSON.stringify(pairs.map(({ id, a, b }) => [id, a.name, placeOf(a), b.name, placeOf(b)]))
    if (shape !== this.#shape) this.#draw(pairs, shape, empty)
    const busy = new Set(
      pairs
        .map(({ id }) => ({ id, bits: rates(id).a.bits + rates(id).b.bits }))
        .filter(({ id, bits }) => bits > 0 || id === chosen)
        .sort((one, other) => other.bits - one.bits)
        .slice(0, RUNNING)
        .map(({ id }) => id),
    )
    const focusable = chosen !== undefined && this.#drawn.has(chosen) ? chosen : this.#order[0]
    for (const pair of pairs) {
      const drawn = this.#drawn.get(pair.id)
      if (drawn === undefined) continue
      const now = rates(pair.id)
      paint(drawn, pair, now, busy.has(pair.id))
      set(drawn.group, {
        'aria-selected': String(pair.id === chosen),
        tabindex: pair.id === focusable ? 0 : -1,
      })
    }
  }

  /** Where there is more than can be seen at once. */
  reveal(id: string): void {
    const cable = this.#drawn.get(id)?.wire.getBoundingClientRect()
    const { top, bottom, height } = this.#at.getBoundingClientRect()
    if (cable === undefined || (cable.top >= top && cable.bottom <= bottom)) return
    this.#at.scrollTop += (cable.top + cable.bottom) / 2 - top - height / 2
  }

  #draw(pairs: readonly PairView[], shape: string, empty: string): void {
    this.#shape = shape
    const layout = layoutOf(pairs, this.#at.clientWidth - PADDING)
    const held = document.activeElement?.getAttribute('data-id') ?? undefined
    this.#drawn.clear()
    this.#order = [...layout.cables]
      .sort((one, other) => one.middle.x - other.middle.x || one.middle.y - other.middle.y)
      .map(({ id }) => id)
    const cables = layout.cables.map((cable) => this.#cable(cable))
    this.#at.replaceChildren(
      pairs.length === 0
        ? el('p', { class: 'empty' }, empty)
        : svg(
            'svg',
            {
              role: 'presentation',
              width: layout.width,
              height: layout.height,
              viewBox: `0 0 ${layout.width} ${layout.height}`,
            },
            svg('g', { 'aria-hidden': 'true' }, ...layout.boxes.flatMap(boxesOf)),
            svg('g', { role: 'listbox', 'aria-label': 'Cables' }, ...cables),
            svg('g', { 'aria-hidden': 'true', class: 'ends' }, ...plugsOf(layout)),
          ),
    )
    if (held !== undefined) this.#drawn.get(held)?.group.focus({ preventScroll: true })
  }

  #cable({ id, path }: Cable): SVGGElement {
    const label = svg('title')
    const wire = svg('path', { d: path, class: 'wire' })
    const flow = {
      a: svg('path', { d: path, class: 'flow a' }),
      b: svg('path', { d: path, class: 'flow b' }),
    }
    const group = svg(
      'g',
      { class: 'cable', role: 'option', 'data-id': id },
      label,
      svg('path', { d: path, class: 'halo' }),
      wire,
      flow.a,
      flow.b,
    )
    group.addEventListener('click', () => this.#choose(id))
    this.#drawn.set(id, { group, label, wire, flow })
    return group
  }

  #key(event: KeyboardEvent): void {
    const at = this.#order.indexOf((event.target as Element).getAttribute('data-id') ?? '')
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key]
    if (at < 0) return
    const to = event.key === 'Home' ? 0 : event.key === 'End' ? this.#order.length - 1 : at + (step ?? 0)
    const id = this.#order[to]
    if (id === undefined || (to === at && event.key !== 'Enter' && event.key !== ' ')) return
    event.preventDefault()
    this.#choose(id)
    this.#drawn.get(id)?.group.focus()
  }
}

function paint({ group, label, wire, flow }: Drawn, pair: PairView, rates: Rates, running: boolean): void {
  const dropping = rates.a.drops + rates.b.drops > 0
  const impaired = SIDES.some((side) => pair[side].impair !== null || pair[side].rules.length > 0)
  const state = !pair.carrier ? 'off' : dropping ? 'drops' : impaired ? 'impaired' : 'well'
  set(group, { 'data-state': state })
  set(wire, { 'stroke-width': widthOf(rates.a.bits + rates.b.bits) })
  for (const side of SIDES) set(flow[side], { 'data-speed': running ? speedOf(rates[side]) : 0 })
  say(label, labelOf(pair, rates, dropping, impaired))
}

/** px: one for nothing, one more for each tenfold from 1 kbit/s on. */
function widthOf(bits: number): number {
  return 1.5 + Math.round(2 * Math.max(0, Math.log10(Math.max(1, bits)) - 2)) / 2.5
}

/** 0 to 4: style.css says how fast that is. */
function speedOf({ frames }: Rate): number {
  return frames <= 0 ? 0 : Math.min(4, 1 + Math.floor(Math.log10(1 + frames)))
}

function labelOf({ a, b, carrier }: PairView, rates: Rates, dropping: boolean, impaired: boolean): string {
  const parts = [
    `${a.name} in ${placeOf(a)} to ${b.name} in ${placeOf(b)}`,
    `carrier ${carrier ? 'on' : 'off'}`,
    `${bitsText(rates.a.bits)} there, ${bitsText(rates.b.bits)} back`,
    ...(impaired ? ['impaired'] : []),
    ...(dropping ? ['frames are dropped'] : []),
  ]
  return parts.join(', ')
}

function boxesOf({ name, far, x, y, width, height }: Layout['boxes'][number]): SVGElement[] {
  return [
    svg('rect', { x, y, width, height, rx: 8, class: far ? 'box far' : 'box' }),
    svg('text', { x: x + 12, y: y + 19, class: 'place' }, svg('title', {}, name), cut(name, 16)),
  ]
}

function plugsOf({ boxes }: Layout): SVGElement[] {
  return boxes.flatMap(({ x, width, plugs }) =>
    plugs.flatMap((plug) => [
      svg('circle', { cx: plug.x, cy: plug.y, r: 4, class: 'plug' }),
      svg(
        'text',
        {
          x: plug.facing === 'left' ? x + 12 : x + width - 12,
          y: plug.y + 4,
          class: 'end',
          'text-anchor': plug.facing === 'left' ? 'start' : 'end',
        },
        cut(plug.name, 15),
      ),
    ]),
  )
}

function cut(text: string, most: number): string {
  const all = [...text]
  return all.length <= most ? text : `${all.slice(0, most - 1).join('')}…`
}
