// Text by the columns that it takes on a terminal: how many, cut and filled up to a number of them; and a row of bars.
// Pure. Used by the pages of `uveth top`.

import { legible } from '../../legible.js'

/** In columns of two: Chinese, Japanese, Korean, and pictures. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1faff}\u{20000}-\u{3fffd}]/u
/** On top of the character in front. */
const MARK = /[\p{Mn}\p{Me}\p{Cf}]/u
/** Each takes one. */
const PLAIN = /^[ -~]*$/

export function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length
  let width = 0
  for (const char of text) width += charWidth(char)
  return width
}

function charWidth(char: string): number {
  return MARK.test(char) ? 0 : WIDE.test(char) ? 2 : 1
}

/** Exactly so many columns of it, as a terminal may have it; what is cut ends with `more`. */
export function fitted(text: string, width: number, side: 'left' | 'right' = 'left', more = '…'): string {
  if (width <= 0) return ''
  if (PLAIN.test(text) && text.length <= width)
    return side === 'left' ? text.padEnd(width) : text.padStart(width)
  const fit = legible(text)
  const cut = widthOf(fit) > width ? `${begin(fit, width - more.length)}${more}` : fit
  const space = ' '.repeat(width - widthOf(cut))
  return side === 'left' ? cut + space : space + cut
}

/** As much of it as so many columns have room for. */
function begin(text: string, width: number): string {
  let taken = ''
  let left = width
  for (const char of text) {
    left -= charWidth(char)
    if (left < 0) break
    taken += char
  }
  return taken
}

/** From nothing to all. */
export const BLOCKS = ' ▁▂▃▄▅▆▇█'
/** Where only ASCII can be shown. */
export const ASCII = ' .:-=+*#@'

/** The last values, one a column, the newest at the right, as tall as they are beside the largest of them. */
export function sparkline(values: readonly number[], width: number, levels = BLOCKS): string {
  const last = values.slice(-width)
  const most = Math.max(...last, 0)
  const bar = (value: number) => levels[most > 0 ? Math.ceil((value / most) * (levels.length - 1)) : 0]
  return last.map(bar).join('').padStart(width)
}
