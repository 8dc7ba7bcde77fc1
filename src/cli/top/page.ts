// The whole screen of `uveth top`: the page that is chosen, and below it what may be typed. Pure: what is seen and chosen
// in, lines out, as many as the terminal has. Called by live.ts.

import { TOP_KEYS } from '../help-seen.js'
import { detailPage } from './detail.js'
import { type Look, listPage } from './list.js'
import { ordered } from './order.js'
import type { View } from './view.js'
import type { Watch } from './watch.js'
import { fitted, widthOf } from './width.js'

export { type Look, pairsOn } from './list.js'

type Seen = Pick<Watch, 'rows' | 'gone' | 'detail'>

/** `view`: where nothing is scrolled beyond the end. */
export function pageOf(seen: Seen, view: View, look: Look): { lines: string[]; view: View } {
  const room = Math.max(0, look.rows - 1)
  const all = seen.gone
    ? [look.paint('red', fitted('daemon gone, waiting', look.columns))]
    : linesOf(seen, view, look)
  const scrolled = view.page === 'detail' ? Math.min(view.scrolled, Math.max(0, all.length - room)) : 0
  const lines = all.slice(scrolled, scrolled + room)
  while (lines.length < room) lines.push('')
  return { lines: [...lines, foot(view, look)], view: { ...view, scrolled } }
}

function linesOf({ rows, detail }: Seen, view: View, look: Look): string[] {
  if (view.page === 'help')
    return TOP_KEYS.trimEnd()
      .split('\n')
      .map((line) => fitted(line, look.columns))
  if (view.page === 'list') return listPage(ordered(rows, view), view, look)
  if (detail?.id !== view.chosen) return [] // not looked at yet
  return detailPage(
    rows.find(({ id }) => id === view.chosen),
    detail?.stats,
    look,
  )
}

const HINTS = {
  list: 'q quit  h help  enter details  / filter  < > sort  s delay  space pause',
  detail: 'q quit  h help  esc back  up and down scroll  s delay  space pause',
  help: 'q quit  any other key: back',
}

function foot({ page, prompt, sort, reverse, filter, delay, paused }: View, look: Look): string {
  const { columns, paint } = look
  if (prompt !== undefined) {
    const question = prompt.for === 'filter' ? 'only pairs with' : 'seconds between two looks'
    const wrong = prompt.wrong === undefined ? '' : `  (${prompt.wrong})`
    return fitted(`${question}: ${prompt.text}_${wrong}`, columns)
  }
  const state = [
    ...(filter === '' ? [] : [`only ${JSON.stringify(filter)}`]),
    `by ${sort}${reverse ? ', reversed' : ''}`,
    paused ? 'paused' : `every ${delay}s`,
  ].join(', ')
  const room = columns - widthOf(state) - 2
  if (room < 10) return paint('inverse', fitted(state, columns))
  return paint('inverse', `${fitted(HINTS[page], room)}  ${state}`)
}
