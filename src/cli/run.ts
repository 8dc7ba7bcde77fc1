// `uveth run A B`: one pair in the foreground. Uses the public API, as any program would.

import { renamed } from '../errors.js'
import { impairWord, parseImpairWords } from '../faults/impair-words.js'
import { parseRuleWords, ruleWord } from '../faults/rule-words.js'
import {
  configure,
  createPair,
  type End,
  type EndOptions,
  type Logger,
  type Pair,
  type PairStats,
} from '../index.js'
import { legible, legibleJson } from '../legible.js'
import { findNetns } from '../netns/names.js'
import { oneOf } from '../wishes/shape.js'
import { written } from '../wishes/words.js'
import { lostSentence, stopSignal } from './failure.js'
import { RUN_HELP } from './help-alone.js'
import { memoryOption } from './memory.js'
import { RUN } from './options.js'
import { readText } from './read-text.js'
import { formatStats } from './table.js'
import { parseVerb, UsageError } from './usage.js'

type Values = ReturnType<typeof parseVerb<typeof RUN>>['values']

/** Exit code where the kernel refused something. */
const REFUSED = 2

const LOG_LEVEL = oneOf('debug', 'info', 'warn')

export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseVerb('run', args, RUN)
  if (values.help) {
    process.stdout.write(RUN_HELP)
    return 0
  }
  const [a, b, ...rest] = positionals
  if (a === undefined || b === undefined || rest.length > 0) {
    throw new UsageError('give the names of both interfaces: uveth run A B')
  }
  if (values.capture === '-')
    throw new UsageError(
      "--capture takes a file: run's standard output is its own; uveth capture writes there",
    )
  if (values.both && values.capture === undefined) throw new UsageError('--both needs --capture FILE')
  const memory = memoryOption(values.memory)
  if (memory !== undefined) configure({ memory })
  const say = values.json ? sayJson : sayText
  const stop = stopSignal()
  const logger = values.log === undefined ? undefined : await openLog(values.log)
  const options = {
    a: await endOptions(a, 'a', values),
    b: await endOptions(b, 'b', values),
    quiet: values.quiet ?? false,
    ...(values.capture !== undefined && { capture: { path: values.capture, both: values.both ?? false } }),
    ...(logger && { logger }),
    signal: stop,
  }
  let pair: Pair
  try {
    pair = await createPair(options)
  } catch (error) {
    if (!stop.aborted) throw renamed(error, optionOf)
    say({ event: 'closed', reason: 'signal' })
    return 0
  }
  let code = 0
  pair.once('captureFailed', ({ path, message }) => {
    tell(`the capture ${path} is not complete: ${message}`)
    code = REFUSED
  })
  pair.once('captureLost', ({ path, lost }) =>
    tell(`the capture ${path} is not complete: ${lostSentence(lost)}`),
  )
  await untilClosed(pair, say, stop)
  return code
}

function tell(sentence: string): void {
  process.stderr.write(`uveth: ${legible(sentence)}\n`)
}

/** The option that an attribute of the pair comes from. */
export function optionOf(attribute: string): string {
  const [, end = '', key = '', rest = ''] = /^([ab])\.(\w+)(.*)$/.exec(attribute) ?? []
  if (key === 'name') return end.toUpperCase()
  if (key === 'mtu') return '--mtu'
  if (attribute.startsWith('capture')) return '--capture'
  if (key === '') return `--${attribute}`
  const option = { addresses: 'addr', rules: 'rule' }[key] ?? key
  const part = rest.replace(/^\.(?:\d+\.)?/, '')
  if (part === '') return `--${option}-${end}`
  return `--${option}-${end} ${key === 'rules' ? ruleWord(part) : impairWord(part)}`
}

function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '')
}

async function endOptions(name: string, end: 'a' | 'b', values: Values): Promise<EndOptions> {
  const netns = values[`netns-${end}`]
  const address = values[`address-${end}`]
  const impair = values[`impair-${end}`]
  if (impair?.trim() === '')
    throw new UsageError(`--impair-${end} takes what is to be done, like 'delay 10ms', not nothing`)
  return {
    name,
    netns: netns === undefined ? null : await findNetns(netns),
    addresses: values[`addr-${end}`] ?? [],
    up: !values.down,
    ...(address !== undefined && { address }),
    ...(impair !== undefined && { impair: parseImpairWords(wordsOf(impair), readText) }),
    rules: (values[`rule-${end}`] ?? []).map((text) => parseRuleWords(wordsOf(text), readText)),
    ...(values.mtu !== undefined && { mtu: written(values.mtu) as number }),
  }
}

async function openLog(level: string): Promise<Logger> {
  LOG_LEVEL.read(level, '--log')
  const { pino } = await import('pino')
  const logger: Logger = pino({ level }, pino.destination({ fd: 2, sync: true }))
  return logger
}

type Message =
  | { event: 'ready'; id: string; a: EndJson; b: EndJson }
  | { event: 'carrier'; on: boolean }
  | { event: 'renamed'; end: 'a' | 'b'; name: string; previous: string }
  | { event: 'moved'; end: 'a' | 'b'; netns: string | null; ifindex: number; name: string }
  | { event: 'stats'; stats: PairStats; names?: [string, string] }
  | { event: 'closed'; reason: string; end?: 'a' | 'b'; stats?: PairStats; names?: [string, string] }

type EndJson = Pick<End, 'name' | 'ifindex' | 'netns' | 'address' | 'mtu'>

function describe(end: End): EndJson {
  const { name, ifindex, netns, address, mtu } = end
  return { name, ifindex, netns, address, mtu }
}

/** Says what happens to the pair until it ends. */
async function untilClosed(pair: Pair, say: (message: Message) => void, stop: AbortSignal): Promise<void> {
  const side = (end: End) => (end === pair.a ? 'a' : 'b')
  const names = (): [string, string] => [pair.a.name, pair.b.name]
  const ended = new Promise<{ reason: string; end: End | null }>((resolve) => pair.once('closed', resolve))
  pair.on('carrier', ({ on }) => say({ event: 'carrier', on }))
  pair.on('renamed', ({ end, ...fields }) => say({ event: 'renamed', end: side(end), ...fields }))
  pair.on('moved', ({ end, ...fields }) => say({ event: 'moved', end: side(end), ...fields }))
  const tell = (stats: PairStats) => say({ event: 'stats', stats, names: names() })
  process.on('SIGUSR1', () => void pair.stats().then(tell, () => {})) // it may be ending just now
  say({ event: 'ready', id: pair.id, a: describe(pair.a), b: describe(pair.b) })
  const { reason, end } = pair.closed === undefined ? await ended : { reason: pair.closed, end: null }
  await pair.close() // the capture's file is complete
  say({
    event: 'closed',
    reason: stop.aborted ? 'signal' : reason,
    ...(end && { end: side(end) }),
    stats: await pair.stats(),
    names: names(),
  })
}

function sayJson(message: Message): void {
  const { names: _, ...fields } = message as Message & { names?: unknown }
  process.stdout.write(`${legibleJson(fields)}\n`)
}

function sayText(message: Message): void {
  process.stdout.write(`${textOf(legible(message))}\n`)
}

function place({ name, netns }: { name: string; netns: string | null }): string {
  return netns === null ? name : `${name} (netns ${netns})`
}

function textOf(message: Message): string {
  switch (message.event) {
    case 'ready':
      return `uveth: ${place(message.a)} <-> ${place(message.b)} ready`
    case 'carrier':
      return `uveth: carrier ${message.on ? 'on' : 'off'}`
    case 'renamed':
      return `uveth: ${message.previous} is now ${message.name}`
    case 'moved':
      return `uveth: end ${message.end} is now ${place(message)}`
    case 'stats':
      return formatStats(message.names ?? ['a', 'b'], message.stats)
    case 'closed': {
      const which = message.end === undefined ? '' : ` (end ${message.end})`
      const table = message.stats ? `\n${formatStats(message.names ?? ['a', 'b'], message.stats)}` : ''
      return `uveth: closed: ${message.reason}${which}${table}`
    }
  }
}
