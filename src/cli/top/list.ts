// The page of `uveth top` that has all pairs: two lines for each, one for each direction. Pure: rows in, lines out, as
// wide and as many as the terminal has. Called by live.ts.

import type { Paint, Style } from '../session.js'
import { causesText, endText, orderedText, rateText, SIDES, type Side, sumOf, withUnit } from './cells.js'
import type { View } from './view.js'
import type { Row } from './watch.js'
import { fitted, sparkline, widthOf } from './width.js'

export interface Look {
  columns: number
  rows: number
  paint: Paint
  /** The characters of bars, from nothing to all. */
  levels: string
  /** ASCII alone. */
  plain: boolean
}

type Cell = (row: Row, side: Side) => string

interface Column {
  title: string
  /** Columns of the terminal: those that it has at least, and how many more it would like. */
  least: number
  most: number
  side: 'left' | 'right'
  cell: Cell
}

const bits: Cell = ({ rates }, side) => rateText(rates?.[side].bits)
const frames: Cell = ({ rates }, side) => rateText(rates?.[side].packets)
const drops: Cell = ({ rates }, side) => rateText(rates?.[side].dropped)

/** In their order on the screen. Where there is no room for all, the last of DISPENSABLE go first. */
const COLUMNS = {
  pair: column('PAIR', 6, 24, 'left', ({ pair }, side) => (side === 'a' ? pair.id : '')),
  from: column('SENT BY', 6, 30, 'left', ({ pair }, side) => endText(pair[side])),
  bits: column('BIT/S', 6, 6, 'right', bits),
  frames: column('FRAMES/S', 9, 9, 'right', frames),
  drops: column('DROPS/S', 8, 8, 'right', drops),
  causes: column('BY CAUSE', 12, 30, 'left', ({ rates }, side) => causesText(rates?.[side].drops)),
  ordered: column('ORDERED', 12, 60, 'left', ({ pair }, side) => orderedText(pair[side])),
} satisfies Record<string, Column>
type Name = keyof typeof COLUMNS
const NAMES = Object.keys(COLUMNS) as Name[]
/** The most welcome first. */
const WELCOME: readonly Name[] = ['pair', 'bits', 'from', 'drops', 'frames', 'ordered', 'causes']
/** Columns of the terminal for bars, at least and at most. */
const BARS = [10, 60] as const

function column(title: string, least: number, most: number, side: Column['side'], cell: Cell): Column {
  return { title, least, most, side, cell }
}

/** How many pairs the page has room for. */
export function pairsOn({ rows }: Pick<Look, 'rows'>): number {
  return Math.max(1, Math.floor((rows - HEAD - FOOT) / 2))
}
/** Lines above the pairs, and below. */
const HEAD = 2
const FOOT = 1

/** `shown`: the pairs that are meant, in their order. */
export function listPage(shown: readonly Row[], view: View, look: Look): string[] {
  const page = pairsOn(look)
  const at = shown.findIndex(({ id }) => id === view.chosen)
  const first = at < 0 ? 0 : Math.floor(at / page) * page
  const here = shown.slice(first, first + page)
  const lines = here.flatMap((row) => SIDES.map((side) => lineOf(row, side)))
  const widths = widthsOf(lines, look.columns)
  return [
    fitted(summary(shown, first, here.length), look.columns, 'left', moreOf(look)),
    look.paint('bold', titles(widths, view, look)),
    ...lines.map((line) => drawn(line, line.row.id === view.chosen, widths, look)),
  ]
}

function moreOf({ plain }: Look): string {
  return plain ? '~' : '…'
}

function summary(shown: readonly Row[], first: number, here: number): string {
  const carried = shown.filter(({ carrier }) => carrier).length
  const part = here < shown.length ? `, ${first + 1} to ${first + here}` : ''
  const rates = `${withUnit(sumOf(shown, 'bits'), 'bit/s')}  ${rateText(sumOf(shown, 'packets'))} frames/s`
  const pairs = `${shown.length} ${shown.length === 1 ? 'pair' : 'pairs'}, ${carried} with carrier${part}`
  return `${pairs}  ${rates}  ${rateText(sumOf(shown, 'dropped'))} drops/s`
}

type Widths = Partial<Record<Name | 'bars', number>>

/** A line: of one direction, and its texts by column. */
interface Line {
  row: Row
  side: Side
  texts: Record<Name, string>
}

function lineOf(row: Row, side: Side): Line {
  const texts = {} as Line['texts']
  for (const name of NAMES) texts[name] = COLUMNS[name].cell(row, side)
  return { row, side, texts }
}

/** Columns of the terminal that each column gets: first the least of each, then, from the left, what it would like. */
function widthsOf(lines: readonly Line[], columns: number): Widths {
  const widths: Widths = {}
  let left = columns - 1 // the mark of what is chosen
  for (const name of WELCOME) {
    const { least } = COLUMNS[name]
    if (left <= least) break
    widths[name] = least
    left -= least + 1
  }
  if (left > BARS[0]) {
    widths.bars = BARS[0]
    left -= BARS[0] + 1
  }
  for (const name of NAMES) {
    const { title, least, most } = COLUMNS[name]
    if (widths[name] === undefined || least === most) continue
    let need = title.length + 1
    for (const { texts } of lines) need = Math.max(need, widthOf(texts[name]))
    const more = Math.max(0, Math.min(left, Math.min(need, most) - least))
    widths[name] = least + more
    left -= more
  }
  if (widths.bars !== undefined) widths.bars += Math.max(0, Math.min(left, BARS[1] - BARS[0]))
  return widths
}

/** Of the column that is sorted by. */
const SORTED: Partial<Record<Name, View['sort']>> = {
  pair: 'name',
  bits: 'rate',
  frames: 'frames',
  drops: 'drops',
}

function titles(widths: Widths, { sort }: View, look: Look): string {
  const cells = NAMES.filter((name) => widths[name] !== undefined).map((name) => {
    const { title, side } = COLUMNS[name]
    return fitted(SORTED[name] === sort ? `*${title}` : title, widths[name] ?? 0, side, '')
  })
  if (widths.bars !== undefined) cells.push(fitted('BIT/S UNTIL NOW', widths.bars, 'right', ''))
  return fitted(` ${cells.join(' ')}`, look.columns, 'left', '')
}

function drawn({ row, side, texts }: Line, chosen: boolean, widths: Widths, look: Look): string {
  const { paint, levels } = look
  let text = chosen ? '>' : ' '
  for (const name of NAMES) {
    const width = widths[name]
    if (width === undefined) continue
    const cell = fitted(texts[name], width, COLUMNS[name].side, moreOf(look))
    const style = chosen ? undefined : styleOf(name, row, side)
    text += `${style === undefined ? cell : paint(style, cell)} `
  }
  if (widths.bars !== undefined) {
    const bars = sparkline(row.past[side], widths.bars, levels)
    text += chosen ? bars : paint('green', bars)
  }
  return chosen ? paint('inverse', text) : text
}

function styleOf(name: Name, row: Row, side: Side): Style | undefined {
  if (name === 'pair') return row.carrier ? 'cyan' : 'red'
  if (name === 'ordered') return 'yellow'
  const dropped = (row.rates?.[side].dropped ?? 0) > 0
  return dropped && (name === 'drops' || name === 'causes') ? 'red' : undefined
}
