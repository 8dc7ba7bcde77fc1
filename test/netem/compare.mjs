// Compares what measure.mjs left and prints a table, or puts it into a page between its marks. Started by scripts/netem:
//   node compare.mjs FOLDER [PAGE]
// Status 1 when something differs that forms.mjs has no reason for, 2 when there is nothing to compare.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { FORMS } from './forms.mjs'
import { MEASURES } from './measures.mjs'
import { readSample } from './sample.mjs'

/** Two that mean the same differ so much once in so many comparisons. */
const ALARM = 1e-4
const MARKS = /(<!-- table: netem -->\n)[\s\S]*?(<!-- end -->)/

const [folder = '', page] = process.argv.slice(2)

/**
 * @typedef {object} Row
 * @property {string[]} cells
 * @property {'alike' | 'differs, as said' | 'DIFFERS'} verdict
 */

/**
 * @param {import('./forms.mjs').Form} form
 * @param {string} name without its end
 * @returns {Row[]}
 */
function compare({ words, compare: names, reasons = {} }, name) {
  const [netem, ours] = ['netem', 'uveth'].map((kind) => readSample(readFileSync(`${name}.${kind}`, 'utf8')))
  if (netem === undefined || ours === undefined) return []
  return names.map((key, at) => {
    const measure = MEASURES[key]
    if (measure === undefined) throw new Error(`forms.mjs: there is no measure ${key}`)
    const [one, other] = [measure.take(netem), measure.take(ours)]
    const verdict =
      measure.same(one, other) >= ALARM ? 'alike' : key in reasons ? 'differs, as said' : 'DIFFERS'
    const shown = verdict === 'differs, as said' ? `differs: ${reasons[key]}` : verdict
    return {
      cells: [at === 0 ? `\`${words}\`` : '', measure.title, measure.show(one), measure.show(other), shown],
      verdict,
    }
  })
}

const rows = FORMS.flatMap((form, place) => {
  const name = `${folder}/${String(place).padStart(2, '0')}`
  return existsSync(`${name}.netem`) && existsSync(`${name}.uveth`) ? compare(form, name) : []
})
if (rows.length === 0) {
  process.stderr.write(`compare.mjs: nothing to compare in ${folder}\n`)
  process.exit(2)
}
const wrong = rows.filter(({ verdict }) => verdict === 'DIFFERS').length
const said = rows.filter(({ verdict }) => verdict === 'differs, as said').length
const alarms = (rows.length * ALARM * 100).toFixed(1)
const release = existsSync(`${folder}/release`)
  ? `Linux ${readFileSync(`${folder}/release`, 'utf8').trim()}: `
  : ''
const table = [
  `${release}${rows.length} comparisons, ${rows.length - wrong - said} alike, ${said} that differ as said, ${wrong} others; chance alone makes one or more differ in ${alarms} % of such runs.`,
  '',
  '| words | what | netem | uveth | |',
  '|---|---|---|---|---|',
  ...rows.map(({ cells }) => `| ${cells.join(' | ')} |`),
].join('\n')
if (page === undefined) process.stdout.write(`${table}\n`)
else {
  const text = readFileSync(page, 'utf8')
  if (!MARKS.test(text)) throw new Error(`${page} has no place for the table`)
  writeFileSync(
    page,
    text.replace(MARKS, (_, begin, end) => `${begin}${table}\n${end}`),
  )
}
process.exitCode = wrong > 0 ? 1 : 0
