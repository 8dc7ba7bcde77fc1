// How much code there may be: the table "Code budget" of CONTRIBUTING.md, as far as Biome does not hold it.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = new URL('../../../', import.meta.url).pathname
const budget = readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8')

/** The limit of the row that begins with these words. */
function limitOf(row: string): number {
  const [, limit = ''] = new RegExp(`^\\| ${row} \\| ([\\d,]+) lines`, 'm').exec(budget) ?? []
  return Number(limit.replaceAll(',', '') || Number.NaN)
}

function linesUnder(folder: string, counts: (file: string) => boolean): number {
  const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).filter(counts)
  const lines = files.map((file) => readFileSync(join(ROOT, folder, file), 'utf8').split('\n').length - 1)
  return lines.reduce((sum, count) => sum + count, 0)
}

test('src/ in all', () => {
  const lines = linesUnder('src', (file) => file.endsWith('.ts'))
  expect(lines).toBeGreaterThan(1000)
  expect(lines).toBeLessThanOrEqual(limitOf('`src/` in all'))
})

test('the addon, without its tests', () => {
  const lines = linesUnder('native/src', (file) => file.endsWith('.rs') && !file.endsWith('tests.rs'))
  expect(lines).toBeGreaterThan(100)
  expect(lines).toBeLessThanOrEqual(limitOf('the addon, without its tests'))
})
