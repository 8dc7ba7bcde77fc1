// The plots and tables of the documentation are those of the series that is kept beside them: nobody has written a number
// by hand, and whoever takes a new series sees all of it change.

import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { barChart } from '../bench/chart.mjs'
import { drawn, filled, PAGES, plots } from '../bench/draw.mjs'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

test.each(PAGES)('%s has the tables of the series', (page) => {
  const text = read(page)
  expect(text).toContain('<!-- table: ')
  expect(text).toBe(filled(text, drawn()))
})

test('the plots are those of the series, and the page shows each, light and dark', () => {
  const page = read('docs/performance.md')
  const files = Object.entries(plots(drawn()))
  expect(files.length).toBeGreaterThanOrEqual(8)
  for (const [path, svg] of files) {
    expect(existsSync(new URL(`../../${path}`, import.meta.url)), path).toBe(true)
    expect(read(path), path).toBe(svg)
    expect(page).toContain(path.replace('docs/', ''))
  }
})

test('a bar is as long as its number is large, and words are words', () => {
  const bars = [
    { title: 'a & b', own: true, median: 10, values: [9, 11] },
    { title: 'c', own: false, median: 5.5, values: [] },
  ]
  const svg = barChart({ title: 'x < y', digits: 1, bars }, 'dark')
  const widths = [...svg.matchAll(/<rect [^>]*width="(\d+)"/g)].map(([, width]) => Number(width))
  expect(widths[0]).toBeCloseTo((10 / 11) * 400, 0)
  expect(widths[1]).toBe(200)
  expect(svg).toContain('a &amp; b')
  expect(svg).toContain('x &lt; y')
  expect(svg.match(/<circle/g)).toHaveLength(2)
})
