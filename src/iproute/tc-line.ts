// The words of a `tc` line about queueing disciplines and their classes, as tc_qdisc.c and tc_class.c of iproute2 read
// them; and what tbf and htb ask for, as far as an impairment can have it. Called by qdiscs.ts and the shim's front
// end. Pure.

import * as units from '../wishes/units.js'
import { expand } from './words.js'

export interface TcLine {
  object: 'qdisc' | 'class'
  verb: 'add' | 'change' | 'replace' | 'delete' | 'show'
  dev?: string
  /** `root`, or a class: `5:1`. */
  parent?: string
  /** Of a qdisc `5:`, of a class `5:1`. */
  handle?: string
  kind?: string
  /** Behind the kind. */
  args: string[]
  /** From the object on. */
  words: readonly string[]
}

const VERBS = {
  qdisc: ['add', 'change', 'replace', 'link', 'delete', 'list', 'show', 'lst'],
  class: ['add', 'change', 'replace', 'delete', 'get', 'list', 'show', 'lst'],
} as const
const VALUED = ['dev', 'parent', 'handle', 'classid']
/** Elsewhere than where frames leave. */
const OTHERS = [
  'ingress',
  'clsact',
  'estimator',
  'stab',
  'help',
  'ingress_block',
  'egress_block',
  'invisible',
]

/** Undefined: something else, or more than can be followed. */
export function readTcLine(words: readonly string[]): TcLine | undefined {
  const object = expand(words[0] ?? '', ['qdisc', 'class'] as const)
  if (object === undefined) return undefined
  const verb = words[1] === undefined ? 'show' : expand(words[1], VERBS[object])
  if (verb === undefined || verb === 'link' || verb === 'get') return undefined
  const shows = verb === 'list' || verb === 'lst' || verb === 'show'
  const line: TcLine = { object, verb: shows ? 'show' : verb, args: [], words }
  let at = 2
  for (; at < words.length; at++) {
    const word = words[at] ?? ''
    if (OTHERS.includes(word)) return undefined
    if (word === 'root') line.parent = 'root'
    else if (VALUED.includes(word)) {
      const value = words[++at]
      if (value === undefined) return undefined
      if (word === 'dev') line.dev = value
      else if (word === 'parent') line.parent = value === 'root' ? value : classOf(value)
      else line.handle = word === 'handle' ? `${majorOf(value)}:` : classOf(value)
    } else break
  }
  const kind = words[at]
  if (kind !== undefined) line.kind = kind
  line.args = words.slice(at + 1)
  return line
}

/** `5:1` of a class, `5:` of a qdisc as the parent of others: numbers are hexadecimal. */
function classOf(text: string): string {
  const minor = Number.parseInt(text.split(':')[1] || '0', 16)
  return `${majorOf(text)}:${minor === 0 ? '' : minor.toString(16)}`
}

export function majorOf(text: string): string {
  return Number.parseInt(text, 16).toString(16)
}

/** What tbf and a class of htb do to frames. */
export interface Shaped {
  rate: number
  burst?: number
  /** In frames. */
  limit?: number
}

/** A full-sized frame: tbf counts bytes, an impairment frames. */
const FRAME = 1514

/** tbf's words; undefined where they ask for more than a rate, or are not right. */
export function readTbf(args: readonly string[]): Shaped | undefined {
  const values = valuesOf(args, [
    'limit',
    'latency',
    'burst',
    'buffer',
    'maxburst',
    'rate',
    'mtu',
    'minburst',
  ])
  const rate = units.parseRate(values?.rate ?? '')
  const burst = units.parseSize(
    (values?.burst ?? values?.buffer ?? values?.maxburst ?? '').split('/')[0] ?? '',
  )
  if (values === undefined || rate === undefined || burst === undefined) return undefined
  const latency = units.parseTime(values.latency ?? '')
  const queued = latency === undefined ? undefined : ((rate / 8) * latency) / 1000 + burst
  const bytes = queued ?? units.parseSize(values.limit ?? '')
  if (bytes === undefined) return undefined
  return { rate, burst, limit: Math.max(1, Math.floor(bytes / FRAME)) }
}

/** The words of a class of htb. Alone below its qdisc it may have all that it may borrow. */
export function readHtbClass(args: readonly string[]): Shaped | undefined {
  const values = valuesOf(args, ['rate', 'ceil', 'burst', 'buffer', 'cburst', 'prio', 'quantum', 'mtu'])
  const rate = units.parseRate(values?.ceil ?? values?.rate ?? '')
  if (values?.rate === undefined || rate === undefined) return undefined
  const burst = units.parseSize(values.burst ?? values.buffer ?? '')
  return { rate, ...(burst !== undefined && { burst }) }
}

/** The class that frames go to which no filter sends elsewhere; hexadecimal, as tc shows it. */
export function readHtbDefault(args: readonly string[]): string | undefined {
  const { default: named } = valuesOf(args, ['default', 'r2q']) ?? {}
  return named === undefined ? undefined : Number.parseInt(named, 16).toString(16)
}

/** Words with a value each; undefined where there are others. */
function valuesOf<K extends string>(
  args: readonly string[],
  known: readonly K[],
): Partial<Record<K, string>> | undefined {
  const values: Partial<Record<K, string>> = {}
  for (let at = 0; at < args.length; at += 2) {
    const word = known.find((name) => name === args[at])
    if (word === undefined || args[at + 1] === undefined) return undefined
    values[word] = args[at + 1] as string
  }
  return values
}
