// The impairments that have a slider and a field: how each is read out of what is in force, what its field shows, and the
// merge patch that a text means. Pure. What a text is worth is for the daemon to say: it refuses in a sentence.

import type { Impairment } from './views.js'

export interface Knob {
  name: string
  /** What it does, for who wonders. */
  about: string
  /** Texts of the slider's places: the first one is nothing, and on it gets worse. */
  stops: readonly string[]
  /** Undefined where there is none. */
  read(impair: Impairment): number | undefined
  show(value: number): string
  /** null removes it. */
  patch(text: string | null, impair: Impairment): object
}

const TIMES = ['', '1ms', '2ms', '5ms', '10ms', '20ms', '50ms', '100ms', '200ms', '500ms', '1000ms', '2000ms']
const PERCENTS = ['', '0.1%', '0.5%', '1%', '2%', '5%', '10%', '20%', '50%', '100%']
const RATES = [
  '',
  '1gbit',
  '500mbit',
  '200mbit',
  '100mbit',
  '50mbit',
  '20mbit',
  '10mbit',
  '5mbit',
  '2mbit',
  '1mbit',
]

const time = (value: number) => `${value}ms`
const percent = (value: number) => `${value}%`

/** Where a model or a trace stands, a plain value takes its place. */
function without(present: object | undefined, ...keys: string[]): object {
  return Object.fromEntries(keys.filter((key) => key in (present ?? {})).map((key) => [key, null]))
}

function number(of: object | undefined, key: string): number | undefined {
  const value = (of as Record<string, unknown> | undefined)?.[key]
  return typeof value === 'number' ? value : undefined
}

function chance(name: 'duplicate' | 'corrupt' | 'reorder', about: string): Knob {
  return {
    name,
    about,
    stops: PERCENTS,
    read: (impair) => impair[name]?.probability,
    show: percent,
    patch: (text) => ({ [name]: text === null ? null : { probability: text } }),
  }
}

export const KNOBS: readonly Knob[] = [
  {
    name: 'delay',
    about: 'how long frames travel',
    stops: TIMES,
    read: ({ delay }) => delay?.time,
    show: time,
    patch: (text) => ({ delay: text === null ? null : { time: text } }),
  },
  {
    name: 'jitter',
    about: 'how much that varies, up and down',
    stops: TIMES.slice(0, 10),
    read: ({ delay }) => delay?.jitter,
    show: time,
    patch: (text) => ({ delay: { jitter: text } }),
  },
  {
    name: 'loss',
    about: 'frames that never arrive',
    stops: PERCENTS,
    read: ({ loss }) => number(loss, 'random'),
    show: percent,
    patch: (text, { loss }) => ({
      loss: text === null ? null : { ...without(loss, 'gemodel', 'state'), random: text },
    }),
  },
  {
    name: 'rate',
    about: 'bits per second that fit through',
    stops: [...RATES, '256kbit', '64kbit'],
    read: ({ rate }) => number(rate, 'rate'),
    show: rateText,
    patch: (text, { rate }) => ({ rate: text === null ? null : { ...without(rate, 'trace'), rate: text } }),
  },
  chance('duplicate', 'frames that arrive twice'),
  chance('corrupt', 'frames that arrive with a bit flipped'),
  chance('reorder', 'frames that overtake those that are delayed'),
]

/** Of the first unit in which it is short: 10mbit, 1.5mbit, 1234567bit. */
export function rateText(bits: number): string {
  const units = [
    ['gbit', 1e9],
    ['mbit', 1e6],
    ['kbit', 1e3],
  ] as const
  for (const [unit, size] of units) {
    const value = bits / size
    if (value >= 1 && Number.isInteger(Math.round(value * 1e9) / 1e6)) return `${value}${unit}`
  }
  return `${bits}bit`
}

/** What a field has, as it is ordered: nothing and 0 mean none, a number alone is one of ms or percent. */
export function orderedText(text: string, { show }: Knob): string | null {
  const trimmed = text.trim()
  if (trimmed === '' || Number.parseFloat(trimmed) === 0) return null
  return /^[\d.]+$/.test(trimmed) && show !== rateText ? show(Number(trimmed)) : trimmed
}

/** The place of the slider that is nearest to a value. */
export function stopOf(value: number | undefined, { stops }: Knob): number {
  if (value === undefined) return 0
  const distances = stops.map((stop, at) => {
    const size = sizeOf(stop)
    return { at, by: at === 0 ? Number.POSITIVE_INFINITY : Math.abs(Math.log(value / size)) }
  })
  return distances.reduce((best, one) => (one.by < best.by ? one : best)).at
}

function sizeOf(stop: string): number {
  const scale = { k: 1e3, m: 1e6, g: 1e9 }[/([kmg])bit$/.exec(stop)?.[1] ?? ''] ?? 1
  return Number.parseFloat(stop) * scale
}

/** What is in force, shortly: that of the knobs with its values, of the rest the names. */
export function impairText(impair: Impairment | null): string {
  const { seed: _, ...kinds } = (impair ?? {}) as Record<string, unknown>
  const parts = Object.keys(kinds).flatMap((kind) => {
    const knobs = KNOBS.filter(({ name }) => name === kind || (kind === 'delay' && name === 'jitter'))
    const said = knobs.flatMap((knob) => {
      const value = knob.read(impair ?? {})
      return value === undefined ? [] : [`${knob.name} ${knob.show(value)}`]
    })
    return said.length > 0 ? said : [`${kind} …`]
  })
  return parts.length > 0 ? parts.join(' ') : 'none'
}
