// Times, percentages, rates and sizes as tc writes and reads them (iproute2's get_time, parse_percent,
// get_rate and get_size): `10ms`, `1%`, `100mbit`, `32kb`. Letter case does not matter. Used by the words and
// the options of impairments and rules. Pure; imports nothing.

type Units = Readonly<Record<string, number>>

/** In ms. A bare number is microseconds. */
const TIMES: Units = {
  '': 1e-3,
  s: 1000,
  sec: 1000,
  secs: 1000,
  ms: 1,
  msec: 1,
  msecs: 1,
  us: 1e-3,
  usec: 1e-3,
  usecs: 1e-3,
  ns: 1e-6,
  nsec: 1e-6,
  nsecs: 1e-6,
}

/** In bits per second: `bit` counts bits, `bps` bytes. A bare number is bits per second. */
const RATES: Units = {
  '': 1,
  bit: 1,
  kibit: 2 ** 10,
  kbit: 1e3,
  mibit: 2 ** 20,
  mbit: 1e6,
  gibit: 2 ** 30,
  gbit: 1e9,
  tibit: 2 ** 40,
  tbit: 1e12,
  bps: 8,
  kibps: 8 * 2 ** 10,
  kbps: 8e3,
  mibps: 8 * 2 ** 20,
  mbps: 8e6,
  gibps: 8 * 2 ** 30,
  gbps: 8e9,
  tibps: 8 * 2 ** 40,
  tbps: 8e12,
}

/** In bytes; the letters mean powers of two. A bare number is bytes. */
const SIZES: Units = {
  '': 1,
  b: 1,
  k: 2 ** 10,
  kb: 2 ** 10,
  m: 2 ** 20,
  mb: 2 ** 20,
  g: 2 ** 30,
  gb: 2 ** 30,
  kbit: 2 ** 10 / 8,
  mbit: 2 ** 20 / 8,
  gbit: 2 ** 30 / 8,
}

const NUMBER = /^(\d+(?:\.\d*)?(?:e[-+]?\d+)?|\.\d+(?:e[-+]?\d+)?)([a-z%]*)$/i

/** ms; undefined, as from all of these, if it is no time. */
export function parseTime(text: string): number | undefined {
  return parse(text, TIMES)
}

/** 0 to 100, with or without the `%`. */
export function parsePercent(text: string): number | undefined {
  const percent = parse(text, { '': 1, '%': 1 })
  return percent === undefined || percent > 100 ? undefined : percent
}

/** What is left of 100 %, without the noise of binary fractions: 99.9 leaves 0.1. */
export function complement(percent: number): number {
  return Number((100 - percent).toFixed(10))
}

/** Bits per second. */
export function parseRate(text: string): number | undefined {
  return parse(text, RATES)
}

/** Whole bytes. */
export function parseSize(text: string): number | undefined {
  const size = parse(text, SIZES)
  return size === undefined ? undefined : Math.floor(size)
}

function parse(text: string, units: Units): number | undefined {
  const [, digits = '', unit = ''] = NUMBER.exec(text) ?? []
  const scale = Object.hasOwn(units, unit.toLowerCase()) ? units[unit.toLowerCase()] : undefined
  if (digits === '' || scale === undefined) return undefined
  const value = Number(digits)
  // Dividing by a whole number is exact where multiplying by 0.001 is not.
  const scaled = scale < 1 ? value / Math.round(1 / scale) : value * scale
  return Number.isFinite(scaled) ? scaled : undefined
}

/** `1.5s`, `10ms`, `20us`: the largest unit that gives the same number back. */
export function formatTime(ms: number): string {
  return format(ms, TIMES, ['s', 'ms', 'us'], 'ms')
}

export function formatPercent(percent: number): string {
  return `${percent}%`
}

/** `100mbit`. */
export function formatRate(rate: number): string {
  return format(rate, RATES, ['tbit', 'gbit', 'mbit', 'kbit'], 'bit')
}

/** `32kb`. */
export function formatSize(bytes: number): string {
  return format(bytes, SIZES, ['gb', 'mb', 'kb'], 'b')
}

function format(value: number, units: Units, names: readonly string[], plain: string): string {
  for (const name of names) {
    const text = `${value / (units[name] as number)}${name}`
    if (Number.parseFloat(text) >= 1 && parse(text, units) === value) return text
  }
  return `${value}${plain}`
}
