// The options that stand before the verb, as iproute2 spells them: one dash or two, and any beginning of
// the word; where it is the beginning of several, the first in the table is meant. Pure.

import { expand } from '../iproute/words.js'
import { UsageError } from './usage.js'

const COLORS = ['auto', 'always', 'never'] as const

const DEFAULTS = {
  json: false,
  pretty: false,
  stats: false,
  details: false,
  brief: false,
  oneline: false,
  /** Numbers with a suffix, of 1000 or of 1024. */
  human: false,
  iec: false,
  /** When it was, for `monitor`: in a line of its own, or in front. */
  timestamp: false,
  tshort: false,
  force: false,
  /** Start a daemon where one is needed and none runs. */
  start: true,
  /** Say nothing of a daemon that was started. */
  silent: false,
  color: 'auto' as (typeof COLORS)[number],
}

export type Globals = typeof DEFAULTS & {
  /** -n: give the orders in this namespace. */
  netns?: string
  /** -batch: read orders from this file, `-` for stdin. */
  batch?: string
  socket?: string
  /** Instead of an order. */
  ask?: 'help' | 'version'
}

/** In iproute2's order, which decides what a short form means; ours come last. */
export const OPTIONS = [
  'family',
  'human-readable',
  'iec',
  'stats',
  'statistics',
  'details',
  'oneline',
  'timestamp',
  'tshort',
  'Version',
  'version',
  'force',
  'batch',
  'brief',
  'json',
  'pretty',
  'color',
  'help',
  'netns',
  'socket',
  'no-start',
] as const
/** Of ip, which change nothing here: of families and names of numbers nothing is shown. */
const IDLE = ['4', '6', '0', 'M', 'B', 'resolve', 'Numeric', 'all']
/** Of ip, which would change something, but do not exist here. */
const STRANGE = ['loops', 'rcvbuf', 'echo']
type Option = (typeof OPTIONS)[number]

export function noGlobals(): Globals {
  return { ...DEFAULTS }
}

/** Takes the options in front of the verb; `--` ends them. */
export function readGlobals(words: readonly string[]): { globals: Globals; rest: string[] } {
  const globals = noGlobals()
  let at = 0
  while (isOption(words[at])) {
    if (words[at] === '--') return { globals, rest: words.slice(at + 1) }
    at = readOption(globals, words, at)
  }
  return { globals, rest: words.slice(at) }
}

const IN_FRONT: readonly Option[] = [
  ...(['family', 'human-readable', 'iec', 'Version', 'version'] as const),
  ...(['force', 'batch', 'netns', 'socket', 'no-start'] as const),
]
/** What concerns the output only. Behind a verb `-h` asks for help. */
export const TRAILING = OPTIONS.filter((option) => !IN_FRONT.includes(option))

/** For verbs that only show: options about the output may also stand behind, `link show -br`. */
export function readTrailing(
  before: Globals,
  words: readonly string[],
): { globals: Globals; rest: string[] } {
  const globals = { ...before }
  const rest: string[] = []
  for (let at = 0; at < words.length; ) {
    const word = words[at] as string
    // What follows `dev` is a name, whatever it looks like.
    if (!isOption(word) || word === '--' || words[at - 1] === 'dev') {
      if (word !== '--') rest.push(word)
      at++
    } else at = readOption(globals, words, at, TRAILING)
  }
  return { globals, rest }
}

function isOption(word: string | undefined): word is string {
  return word?.startsWith('-') === true && word !== '-'
}

/** Where the words go on after the option at `at`. */
function readOption(
  globals: Globals,
  words: readonly string[],
  at: number,
  allowed: readonly Option[] = OPTIONS,
): number {
  const word = words[at] as string
  const [short = '', given] = split(word.replace(/^--?/, ''))
  const option = expand(short, allowed) ?? expand(short, OPTIONS)
  if (option === undefined) {
    if (given === undefined && expand(short, IDLE) !== undefined) return at + 1
    const strange = expand(short, STRANGE)
    if (strange !== undefined)
      throw new UsageError(`option "${word}" (${strange}) is for ip alone: try uveth --help`)
    throw new UsageError(`option "${word}" is unknown: try uveth --help`)
  }
  if (!allowed.includes(option)) throw new UsageError(`option "${word}" stands in front of the verb`)
  if (option === 'color') {
    globals.color = readColor(word, given ?? 'always')
    return at + 1
  }
  if (option === 'netns' || option === 'batch' || option === 'socket' || option === 'family') {
    const value = given ?? words[at + 1]
    if (value === undefined || value === '') throw new UsageError(`option "${word}" takes a value`)
    if (option !== 'family') globals[option] = value // of families nothing is shown
    return given === undefined ? at + 2 : at + 1
  }
  if (given !== undefined) throw new UsageError(`option "${word}" takes no value`)
  setFlag(globals, option)
  return at + 1
}

function setFlag(
  globals: Globals,
  option: Exclude<Option, 'color' | 'netns' | 'batch' | 'socket' | 'family'>,
): void {
  if (option === 'statistics') globals.stats = true
  else if (option === 'human-readable') globals.human = true
  else if (option === 'no-start') globals.start = false
  else if (option === 'help') globals.ask = 'help'
  else if (option === 'Version' || option === 'version') globals.ask = 'version'
  else globals[option] = true
}

function split(text: string): [word: string, value?: string] {
  const at = text.indexOf('=')
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

function readColor(word: string, value: string): Globals['color'] {
  const color = COLORS.find((one) => one === value)
  if (color === undefined) throw new UsageError(`option "${word}" takes ${COLORS.join(', ')}`)
  return color
}
