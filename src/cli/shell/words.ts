// The words of `uveth shell`: what is done to frames each way, and the command behind `--`. Pure: everything that can be
// refused without looking at the machine is refused here.

import { randomInt } from 'node:crypto'
import { renamed, UvethError } from '../../errors.js'
import { type ImpairOptions, planImpair } from '../../faults/impair-plan.js'
import { impairWord, parseImpairWords } from '../../faults/impair-words.js'
import { PROFILE_NAMES, PROFILES, type ProfileName } from '../../faults/profiles.js'
import type { Seed } from '../../wishes/impair.js'
import { oneOf } from '../../wishes/shape.js'
import { written } from '../../wishes/words.js'
import { SHELL } from '../options.js'
import { readText } from '../read-text.js'
import { parseVerb, UsageError } from '../usage.js'

/** How the shell's network leads out: the machine forwards, or a program carries it on as an ordinary user. */
export const WAYS = ['forward', 'pasta', 'slirp4netns'] as const
type Way = (typeof WAYS)[number]

export interface ShellPlan {
  /** What is sent, and what is received. */
  readonly up: ImpairOptions
  readonly down: ImpairOptions
  /** Of what is drawn both ways. */
  readonly seed: Seed
  /** Empty: the user's own shell. */
  readonly command: readonly string[]
  readonly capture: string | undefined
  readonly both: boolean
  readonly hostLoopback: boolean
  readonly quiet: boolean
  /** undefined: what is there. */
  readonly way: Way | undefined
}

export type ShellAsk = ShellPlan | 'help' | 'profiles'

const PROFILE = oneOf(...PROFILE_NAMES)
const WAY = oneOf(...WAYS)

export function readShell(words: readonly string[]): ShellAsk {
  const end = words.indexOf('--')
  const own = end < 0 ? words : words.slice(0, end)
  const command = end < 0 ? [] : words.slice(end + 1)
  // An overhead may be negative: no option begins like a number.
  const apart = own.map((word) => (/^-\d/.test(word) ? ` ${word}` : word))
  const { values, positionals } = parseVerb('shell', apart, SHELL)
  if (values.help) return 'help'
  if (values.profiles) return 'profiles'
  if (end >= 0 && command.length === 0)
    throw new UsageError('give a command behind --: uveth shell delay 50ms -- npm test')
  if (values.capture === '-') throw new UsageError("--capture takes a file: standard output is the command's")
  if (values.both && values.capture === undefined) throw new UsageError('--both needs --capture FILE')
  const profile = values.profile === undefined ? undefined : PROFILE.read(values.profile, '--profile')
  const drawn = values.seed === undefined ? randomInt(2 ** 32) : written(values.seed.trim())
  const { seed } = checked({ seed: drawn }, () => '--seed')
  const given = split(positionals.map((word) => word.trim()))
  return {
    up: wayOf('up', given, profile, seed),
    down: wayOf('down', given, profile, seed),
    seed,
    command,
    capture: values.capture,
    both: values.both ?? false,
    hostLoopback: values['host-loopback'] ?? false,
    quiet: values.quiet ?? false,
    way: values.via === undefined ? undefined : WAY.read(values.via, '--via'),
  }
}

type Given = Record<'common' | 'up' | 'down', string[]>

/** Words of both ways stand in front of `up` and `down`. */
function split(words: readonly string[]): Given {
  const given: Given = { common: [], up: [], down: [] }
  let part = given.common
  for (const word of words) {
    if (word !== 'up' && word !== 'down') part.push(word)
    else if (given[word].length > 0) throw new UsageError(`${word} is given twice`)
    else part = given[word]
  }
  const bare = (['up', 'down'] as const).find((way) => words.includes(way) && given[way].length === 0)
  if (bare !== undefined) throw new UsageError(`give words behind ${bare}: ${bare} delay 50ms`)
  return given
}

/** What is said of one way goes over what is said of both, and that over the profile. */
function wayOf(
  way: 'up' | 'down',
  given: Given,
  profile: ProfileName | undefined,
  seed: Seed,
): ImpairOptions {
  const known = profile === undefined ? {} : read(PROFILES[profile][way].split(' '))
  const options = { ...known, ...read(given.common), ...read(given[way]) }
  const own = given[way].length > 0 ? `${way} ` : ''
  checked(options, (attribute) => own + impairWord(attribute))
  return Object.keys(options).length === 0 ? {} : { seed, ...options }
}

function read(words: readonly string[]): ImpairOptions {
  try {
    return parseImpairWords(words, readText)
  } catch (error) {
    if (!(error instanceof UvethError) || !error.message.includes('Here may stand')) throw error
    throw new UsageError(`${error.message.replace(/^EINVAL: /, '')}, up and down; a command stands behind --`)
  }
}

function checked(options: ImpairOptions, nameOf: (attribute: string) => string) {
  try {
    return planImpair(options, '')
  } catch (error) {
    throw renamed(error, nameOf)
  }
}
