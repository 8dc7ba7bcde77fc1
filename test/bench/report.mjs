// Turns samples into tables for a terminal. bench.mjs prints what it answers, and writes the JSON itself.
// A cell without a number shows "-". It must not compute anything but medians, extremes and ratios.
import { ratio, summarize } from './stats.mjs'

/** @import { Contender, Machine, Measure, Metric, Row, Sample, SummaryEntry, Verdict } from './types.d.ts' */

/** More of a core than this taken by others, and a sample says little. */
export const QUIET_PERCENT = 15

/**
 * @param {readonly Sample[]} samples
 * @param {string} measure
 * @param {string} metric
 * @param {string} contender
 * @returns {number[]}
 */
export function valuesOf(samples, measure, metric, contender) {
  return samples
    .filter((sample) => sample.measure === measure && sample.contender === contender)
    .flatMap((sample) => sample.values[metric] ?? [])
}

/**
 * Every metric of every contender with its ratios, for the table and for the JSON alike.
 * @param {readonly Sample[]} samples
 * @param {readonly Measure[]} measures
 * @param {readonly Contender[]} contenders
 * @returns {SummaryEntry[]}
 */
export function summary(samples, measures, contenders) {
  return measures.flatMap((measure) =>
    measure.metrics.map((metric) => {
      const { key, title, unit, digits } = metric
      const { name, references } = measure
      const rows = rowsOf(samples, measure, metric, contenders)
      return { measure: name, metric: key, title, unit, digits, references, rows }
    }),
  )
}

/**
 * @param {readonly Sample[]} samples
 * @param {Measure} measure
 * @param {Metric} metric
 * @param {readonly Contender[]} contenders
 * @returns {Row[]} without those who have no sample
 */
function rowsOf(samples, measure, metric, contenders) {
  const numbersOf = (/** @type {string} */ name) =>
    summarize(valuesOf(samples, measure.name, metric.key, name))
  const rows = contenders.map(({ name, title }) => {
    const numbers = numbersOf(name)
    const ratios = measure.references.map((to) => [to, ratio(numbers.median, numbersOf(to).median)])
    return {
      contender: name,
      title,
      ...numbers,
      ...(metric.ratios && { ratios: Object.fromEntries(ratios) }),
    }
  })
  return rows.filter((row) => row.count > 0)
}

/**
 * @param {readonly SummaryEntry[]} entries those of one measure
 * @param {string} title
 */
export function tableOf(entries, title) {
  const lines = [title]
  for (const { title: metric, unit, digits, references, rows } of entries) {
    if (rows.length === 0) continue
    const withRatios = rows.some((row) => row.ratios)
    const header = [`${metric}, ${unit}`, 'median', 'min', 'max', 'runs']
    const body = rows.map((row) => [
      row.title,
      ...[row.median, row.min, row.max].map((value) => value?.toFixed(digits) ?? '-'),
      String(row.count),
      ...(withRatios ? references.map((name) => times(row.ratios?.[name])) : []),
    ])
    const divided = references.map((name) => `/ ${name}`)
    lines.push(...grid([withRatios ? [...header, ...divided] : header, ...body]), '')
  }
  return lines.length === 1 ? '' : lines.join('\n')
}

/** @param {readonly Verdict[]} verdicts */
export function targetTable(verdicts) {
  const rows = verdicts.map(({ title, bound, limit, value, verdict }) => [
    title,
    value?.toFixed(3) ?? '-',
    `${bound === 'min' ? '>=' : '<='} ${limit.toFixed(2)}`,
    verdict,
  ])
  return ['targets', ...grid([['of the medians', 'measured', 'wanted', ''], ...rows])].join('\n')
}

/**
 * Says how far the numbers can be trusted. A busy neighbour does not only slow things down: round trips over
 * kernel veth become several times *faster* when the scheduler has one free core and puts both sides on it.
 * @param {readonly Sample[]} samples
 * @param {number} retaken
 */
export function disturbanceLine(samples, retaken) {
  const others = summarize(samples.map((sample) => sample.others_percent))
  const percent = (/** @type {number | undefined} */ value) => `${value?.toFixed(0) ?? '-'} %`
  const line = `other processes took ${percent(others.median)} of a core (median), ${percent(others.max)} at most; ${retaken} samples retaken`
  return (others.max ?? 0) > QUIET_PERCENT ? `${line}: repeat on a quiet machine before you quote` : line
}

/** @param {Machine} machine */
export function machineLines(machine) {
  const { cpu, cores, kernel, node, memory_mib: memory } = machine
  const tools = [machine.iproute2, machine.iperf3, machine.socat].filter(Boolean).join('; ')
  return `${cpu}, ${cores} cores, ${memory} MiB; Linux ${kernel}; Node ${node}\n${tools}`
}

/** @param {number | undefined} value */
function times(value) {
  return value === undefined ? '-' : `${value.toFixed(2)}x`
}

/**
 * First column to the left, the others to the right.
 * @param {readonly string[][]} rows all of one length
 */
function grid(rows) {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) => {
    const cells = widths.map((width, i) => (i === 0 ? row[i]?.padEnd(width) : row[i]?.padStart(width)))
    return `  ${cells.join('  ')}`.trimEnd()
  })
}
