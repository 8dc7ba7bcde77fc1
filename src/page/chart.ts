// The last minutes of one pair, on a canvas: what its end a sends above the line, what b sends below, and where frames
// were dropped, in red from the edge. Drawn once a second; a text beside it says the newest values.

import { KEPT, type Rates } from './rates.js'
import { bitsText } from './text.js'

const TOP = 14

export class Chart {
  readonly #canvas: HTMLCanvasElement
  #rates: readonly Rates[] = []

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas
    const again = () => this.#draw()
    new ResizeObserver(again).observe(canvas)
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', again)
  }

  show(rates: readonly Rates[], label: string): void {
    this.#rates = rates
    this.#canvas.setAttribute('aria-label', label)
    this.#draw()
  }

  #draw(): void {
    const canvas = this.#canvas
    const { clientWidth: width, clientHeight: height } = canvas
    const context = canvas.getContext('2d')
    if (context === null || width === 0) return
    const ratio = devicePixelRatio || 1
    canvas.width = Math.round(width * ratio)
    canvas.height = Math.round(height * ratio)
    context.scale(ratio, ratio)
    const style = getComputedStyle(canvas)
    const colour = (name: string) => style.getPropertyValue(`--${name}`).trim()
    const middle = height / 2
    const most = mostOf(this.#rates)
    const step = width / (KEPT - 1)
    const x = (at: number) => width - (this.#rates.length - 1 - at) * step
    const y = (bits: number, up: boolean) => middle + (up ? -1 : 1) * (bits / most) * (middle - TOP)
    context.font = `11px ${style.fontFamily}`
    context.fillStyle = context.strokeStyle = colour('line')
    for (const minute of [60, 120])
      context.fillRect(Math.round(width - minute * step), TOP, 1, height - 2 * TOP)
    for (const [side, up] of [
      ['a', true],
      ['b', false],
    ] as const) {
      const line = this.#rates.map((rate, at) => [x(at), y(rate[side].bits, up)] as const)
      area(context, line, middle, colour(`flow-${side}`))
      context.fillStyle = colour('bad')
      for (const [at, rate] of this.#rates.entries())
        if (rate[side].drops > 0) context.fillRect(x(at) - step, up ? 0 : height - 5, Math.max(2, step), 5)
    }
    context.fillStyle = colour('line')
    context.fillRect(0, middle, width, 1)
    context.fillStyle = colour('soft')
    context.fillText(bitsText(most), 6, TOP + 9)
    context.fillText(bitsText(most), 6, height - TOP - 2)
    context.textAlign = 'right'
    context.fillText('now', width - 6, middle - 4)
    context.textAlign = 'center'
    context.fillText('1 min', width - 60 * step, middle - 4)
    context.fillText('2 min', width - 120 * step, middle - 4)
  }
}

function area(
  context: CanvasRenderingContext2D,
  line: readonly (readonly [number, number])[],
  middle: number,
  colour: string,
): void {
  const [first] = line
  const last = line.at(-1)
  if (first === undefined || last === undefined) return
  context.strokeStyle = context.fillStyle = colour
  context.lineWidth = 1.5
  context.beginPath()
  for (const [x, y] of line) context.lineTo(x, y)
  context.stroke()
  context.lineTo(last[0], middle)
  context.lineTo(first[0], middle)
  context.globalAlpha = 0.18
  context.fill()
  context.globalAlpha = 1
}

/** A round number of bits that everything is below: 1, 2 or 5, and zeros. */
function mostOf(rates: readonly Rates[]): number {
  const most = Math.max(1000, ...rates.map(({ a, b }) => Math.max(a.bits, b.bits)))
  const ten = 10 ** Math.floor(Math.log10(most))
  return ([1, 2, 5, 10].find((times) => times * ten >= most) ?? 10) * ten
}
