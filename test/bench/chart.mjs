// A bar chart as SVG: a bar for the median of each contender, a dot for each of its runs. draw.mjs writes them, one for a
// light page and one for a dark one. Pure; it must not read files, and says the same for the same numbers.

/** @typedef {{ title: string, own: boolean, median: number, values: readonly number[] }} Bar own: of uveth */

export const THEMES = {
  light: { text: '#1f2328', muted: '#59636e', line: '#d1d9e0', own: '#0969da', other: '#8c959f' },
  dark: { text: '#f0f6fc', muted: '#9198a1', line: '#3d444d', own: '#4493f8', other: '#6e7681' },
}

const WIDTH = 760
const LEFT = 270 // of the bars
const RIGHT = 90 // for the value behind the longest
const ROW = 30
const BAR = 16
const TOP = 44

/**
 * @param {{ title: string, digits: number, bars: readonly Bar[] }} what
 * @param {keyof typeof THEMES} theme
 */
export function barChart({ title, digits, bars }, theme) {
  const color = THEMES[theme]
  const most = Math.max(...bars.flatMap(({ median, values }) => [median, ...values]), Number.MIN_VALUE)
  const height = TOP + ROW * bars.length + 8
  const x = (/** @type {number} */ value) => Math.round(LEFT + ((WIDTH - LEFT - RIGHT) * value) / most)
  const rows = bars.flatMap((bar, at) => {
    const y = TOP + ROW * at
    const middle = y + BAR / 2
    const fill = bar.own ? color.own : color.other
    return [
      text(LEFT - 10, middle + 4, bar.title, color.text, 'end'),
      `<rect x="${LEFT}" y="${y}" width="${x(bar.median) - LEFT}" height="${BAR}" rx="2" fill="${fill}"/>`,
      ...bar.values.map(
        (value) =>
          `<circle cx="${x(value)}" cy="${middle}" r="3" fill="none" stroke="${color.text}" stroke-opacity="0.6"/>`,
      ),
      text(x(Math.max(bar.median, ...bar.values)) + 10, middle + 4, bar.median.toFixed(digits), color.text),
    ]
  })
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}" font-family="system-ui, sans-serif" font-size="13">`,
    text(12, 22, title, color.text, 'start', ' font-weight="600"'),
    `<line x1="${LEFT}" y1="${TOP - 6}" x2="${LEFT}" y2="${height - 8}" stroke="${color.line}"/>`,
    ...rows,
    '</svg>',
  ].join('\n')}\n`
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} words
 * @param {string} fill
 */
function text(x, y, words, fill, anchor = 'start', more = '') {
  return `<text x="${x}" y="${y}" fill="${fill}" text-anchor="${anchor}"${more}>${escaped(words)}</text>`
}

/** @param {string} words */
function escaped(words) {
  return words
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
