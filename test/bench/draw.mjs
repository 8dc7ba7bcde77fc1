// Puts a series of the benchmark into the documentation: plots and tables of docs/performance.md, the table of README.
//   node test/bench/draw.mjs [RESULTS.json]     the JSON of scripts/bench; without one, what was drawn last, once more
// The series is kept in docs/performance/results.json. What stands between `<!-- table: NAME -->` and `<!-- end -->` is
// this program's; a test compares it (unit/bench-docs). It must not change a number.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { barChart, THEMES } from './chart.mjs'
import { machineLines } from './report.mjs'

/** @import { Results, SummaryEntry } from './types.d.ts' */

const ROOT = new URL('../../', import.meta.url)
export const PLOTS = 'docs/performance/'
export const PAGES = ['docs/performance.md', 'README.md']
const SERIES = `${PLOTS}results.json`

const CHARTS = [
  { measure: 'tcp-through', metric: 'gbps', title: 'TCP, one stream, Gb/s' },
  { measure: 'tcp-delay', metric: 'gbps', title: 'TCP, one stream, through 1 ms, Gb/s' },
  { measure: 'frames-64', metric: 'cpu_ns_per_frame', title: 'CPU of the forwarder for a 64-byte frame, ns' },
  { measure: 'rtt', metric: 'median_us', title: 'TCP round trip of one byte, median, µs' },
]

/** Of README: a line each. */
const COMPARED = [
  { measure: 'tcp', metric: 'gbps', title: 'one TCP stream, Gb/s' },
  {
    measure: 'frames-64',
    metric: 'frames_per_s',
    title: 'frames of 64 bytes, thousands a second',
    scale: 1e-3,
  },
  { measure: 'frames-64', metric: 'cpu_ns_per_frame', title: 'CPU of the forwarder for each, ns' },
  { measure: 'rtt', metric: 'median_us', title: 'TCP round trip, median, µs', digits: 0 },
  { measure: 'idle', metric: 'cpu_ms_per_s', title: 'CPU of an idle pair, ms a second', digits: 2 },
]
const COLUMNS = { uveth: 'uveth', kernel: 'kernel veth', relay: 'C relay, frame by frame', socat: 'socat' }

/** @param {string} path below the project */
const read = (path) => readFileSync(new URL(path, ROOT), 'utf8')

/** What was drawn last. @returns {Results} */
export const drawn = () => JSON.parse(read(SERIES))

/**
 * Files by their paths below the project.
 * @param {Results} results
 * @returns {Record<string, string>}
 */
export function plots(results) {
  const files = CHARTS.flatMap(({ measure, metric, title }) => {
    const entry = results.summary.find((one) => one.measure === measure && one.metric === metric)
    if (entry === undefined || entry.rows.length === 0) return []
    const bars = entry.rows.map((row) => ({
      title: row.title,
      own: row.contender.startsWith('uveth'),
      median: row.median ?? 0,
      values: results.samples
        .filter((sample) => sample.measure === measure && sample.contender === row.contender)
        .flatMap((sample) => sample.values[metric] ?? []),
    }))
    const what = { title, digits: entry.digits, bars }
    return Object.keys(THEMES).map((theme) => [
      `${PLOTS}${measure}-${theme}.svg`,
      barChart(what, /** @type {keyof typeof THEMES} */ (theme)),
    ])
  })
  return Object.fromEntries(files)
}

/**
 * The page with its tables filled anew.
 * @param {string} page
 * @param {Results} results
 */
export function filled(page, results) {
  return page.replaceAll(/(<!-- table: (\S+) -->\n)[\s\S]*?(<!-- end -->)/g, (_, begin, name, end) => {
    return `${begin}${table(name, results)}\n${end}`
  })
}

/**
 * @param {string} name
 * @param {Results} results
 */
function table(name, results) {
  if (name === 'machine') return machine(results)
  if (name === 'aims') return aims(results)
  if (name === 'compared') return compared(results)
  const entries = results.summary.filter(({ measure, rows }) => measure === name && rows.length > 0)
  return entries.length === 0 ? 'Not measured in this series.' : measured(entries)
}

/** @param {readonly SummaryEntry[]} entries those of one measure */
function measured(entries) {
  const contenders = [
    ...new Map(entries.flatMap(({ rows }) => rows.map((row) => [row.contender, row.title]))),
  ]
  const columns = entries.flatMap((entry) => {
    const own = {
      head: `${entry.title}, ${entry.unit}`,
      cell: (/** @type {string} */ name) => range(entry, name),
    }
    const divided = entry.rows.some((row) => row.ratios) ? entry.references : []
    return [
      own,
      ...divided.map((to) => ({
        head: `/ ${to}`,
        cell: (/** @type {string} */ name) => rowOf(entry, name)?.ratios?.[to]?.toFixed(2) ?? '–',
      })),
    ]
  })
  return grid(
    ['', ...columns.map(({ head }) => head)],
    contenders.map(([name, title]) => [title, ...columns.map(({ cell }) => cell(name))]),
  )
}

/**
 * @param {SummaryEntry} entry
 * @param {string} contender
 */
const rowOf = (entry, contender) => entry.rows.find((row) => row.contender === contender)

/**
 * @param {SummaryEntry} entry
 * @param {string} contender
 */
function range(entry, contender) {
  const row = rowOf(entry, contender)
  if (row?.median === undefined) return '–'
  const [median, min, max] = [row.median, row.min, row.max].map((value) => value?.toFixed(entry.digits))
  return row.count > 1 ? `${median} (${min}–${max})` : `${median}`
}

/** @param {Results} results */
function aims({ targets }) {
  const rows = targets.map(({ title, bound, limit, value, verdict }) => [
    title,
    value?.toFixed(2) ?? '–',
    `${bound === 'min' ? '≥' : '≤'} ${limit}`,
    verdict,
  ])
  return grid(['of the medians', 'measured', 'wanted', ''], rows)
}

/** @param {Results} results */
function compared({ summary }) {
  const names = Object.entries(COLUMNS).filter(([name]) =>
    summary.some((entry) => entry.measure === 'tcp' && rowOf(entry, name)),
  )
  const rows = COMPARED.map(({ measure, metric, title, scale = 1, digits }) => {
    const entry = summary.find((one) => one.measure === measure && one.metric === metric)
    const cells = names.map(([name]) => {
      const median = entry && rowOf(entry, name)?.median
      return median === undefined
        ? '–'
        : (median * scale).toFixed(scale === 1 ? (digits ?? entry?.digits) : 0)
    })
    return [title, ...cells]
  })
  return grid(['', ...names.map(([, title]) => title)], rows)
}

/** @param {Results} results */
function machine({ machine, options, samples }) {
  const others = samples.map(({ others_percent }) => others_percent).sort((one, other) => one - other)
  const at = (/** @type {number} */ q) => others[Math.floor(q * (others.length - 1))]?.toFixed(0)
  return `${machineLines(machine).replace('\n', '.\n')}.
${options.runs} runs of each, alternating. Other processes took ${at(0.5)} % of a core meanwhile (median; at most ${at(1)} %).`
}

/**
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} rows
 */
function grid(head, rows) {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** @param {string | undefined} path of a series to be kept */
function main(path) {
  const results = path === undefined ? drawn() : JSON.parse(readFileSync(path, 'utf8'))
  mkdirSync(new URL(PLOTS, ROOT), { recursive: true })
  const write = (/** @type {string} */ to, /** @type {string} */ text) => {
    writeFileSync(new URL(to, ROOT), text)
    console.log(to)
  }
  if (path !== undefined) write(SERIES, `${JSON.stringify(results)}\n`)
  for (const [to, svg] of Object.entries(plots(results))) write(to, svg)
  for (const page of PAGES) write(page, filled(read(page), results))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv[2])
