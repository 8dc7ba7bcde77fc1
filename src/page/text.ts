// Numbers and events as people read them. Pure. Names come from outside: whoever shows one sets it as text, never as HTML.

import { impairText } from './knobs.js'
import type { Impairment } from './views.js'

const UNITS = ['', 'k', 'M', 'G', 'T']

/** Three digits: `1.25M`, `999`, `0.2`. */
export function short(value: number): string {
  let scaled = value
  let unit = 0
  while (scaled >= 999.5 && unit < UNITS.length - 1) {
    scaled /= 1000
    unit++
  }
  const digits =
    scaled >= 99.5 || (unit === 0 && Number.isInteger(scaled)) ? 0 : scaled >= 9.95 ? 1 : unit === 0 ? 1 : 2
  return `${scaled.toFixed(digits)}${UNITS[unit]}`
}

export function bitsText(bits: number): string {
  const text = short(bits)
  const unit = /[kMGT]$/.exec(text)?.[0] ?? ''
  return `${text.slice(0, text.length - unit.length)} ${unit}bit/s`
}

export function countText(count: number): string {
  return count.toLocaleString('en')
}

/** `10:42:07`, of here. */
export function clockText(at: Date): string {
  return at.toTimeString().slice(0, 8)
}

type Event = Readonly<Record<string, unknown>>

/** What an event says behind its name and its pair. */
export function eventText({ event, id: _, ...fields }: Event): string {
  const { a, b, on, end, name, previous, netns, reason, count, message, pid, change } = fields
  switch (event) {
    case 'added':
      return `${nameOf(a)} ⇄ ${nameOf(b)}`
    case 'carrier':
      return on === true ? 'on' : 'off'
    case 'renamed':
      return `${previous} is now ${name}`
    case 'moved':
      return `${name} is now in ${netns ?? 'home'}`
    case 'removed':
      return [reason, message].filter((part) => part !== undefined).join(': ')
    case 'replaced':
      return `the daemon, by process ${pid}`
    case 'lost':
      return `${count} events, which were not read in time`
    case 'foreignQueues':
      return `end ${end}: ${count} queues of others`
    case 'state':
      return `${name}: ${differenceOf(Object(fields.before), Object(fields.after))}`
    case 'changed':
      return partsOf(Object(change))
    default:
      return JSON.stringify(fields)
  }
}

function nameOf(end: unknown): string {
  return String(Object(end).name ?? end)
}

function differenceOf(before: Event, after: Event): string {
  const parts = Object.keys(after).map((key) => {
    if (key === 'up') return after.up === true ? 'down → up' : 'up → down'
    return `${key} ${shown(before[key])} → ${shown(after[key])}`
  })
  return parts.join(', ')
}

/** What was ordered: `end a: impair delay 10ms`. */
function partsOf(change: Event): string {
  const parts = Object.entries(change).map(([key, value]) => {
    if (key === 'a' || key === 'b') return `end ${key}: ${partsOf(Object(value))}`
    return `${key} ${key === 'impair' ? impairText(value as Impairment | null) : shown(value)}`
  })
  return parts.join(', ')
}

function shown(value: unknown): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value ?? 'none')
}
