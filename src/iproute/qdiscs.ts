// The queueing disciplines of one of our ends, as scripts put them there by `tc`, as far as they mean one impairment:
// a chain of netem, tbf and htb with one class, each below the one before. A pure function says what becomes of the
// chain by a line (follow), another one the impairment that it is. Called by the shim's front end.

import type { ImpairWish } from '../contract/ops.js'
import { parseImpairWords } from '../faults/impair-words.js'
import { majorOf, readHtbClass, readHtbDefault, readTbf, type Shaped, type TcLine } from './tc-line.js'

export interface Qdisc {
  kind: 'netem' | 'tbf' | 'htb'
  /** Hexadecimal, without the colon. */
  major: string
  /** `root`, or the class that it stands in: `5:1`. */
  parent: string
  options: ImpairWish
  /** Of htb: where all frames go, and what the one class asks for. */
  htb?: { default: string; class?: Shaped }
  /** The lines that made it, for the kernel. */
  lines: (readonly string[])[]
}
export type Chain = readonly Qdisc[]

/** What becomes of a line about an end. */
export type Followed =
  /** The chain is this one now. */
  | { chain: Chain }
  /** As the kernel refuses it. */
  | { refused: string }
  /** It is the real tc's; `handOver`: and so is the chain, which means one impairment no more, first. */
  | { real: 'alone' | 'hand over' | 'instead' }

const ALONE: Followed = { real: 'alone' }
const HAND_OVER: Followed = { real: 'hand over' }

export function follow(chain: Chain, line: TcLine): Followed {
  const followed = line.object === 'class' ? followClass(chain, line) : followQdisc(chain, line)
  return 'chain' in followed && impairmentOf(followed.chain) === undefined ? HAND_OVER : followed
}

function followQdisc(chain: Chain, line: TcLine): Followed {
  const { verb, parent, kind, handle } = line
  const at = parent === 'root' ? 0 : placeBelow(chain, parent)
  if (parent === undefined || at === undefined) return ALONE
  const present = chain[at]
  if (verb === 'delete') return remove(chain, at, line)
  if (present === undefined && verb === 'change') return ALONE
  if (present !== undefined && verb === 'add') {
    const other = handle !== undefined && handle !== `${present.major}:`
    return { refused: other ? 'NLM_F_REPLACE needed to override' : 'Exclusivity flag on, cannot modify' }
  }
  if (present !== undefined && verb === 'change' && kind !== present.kind)
    return { refused: 'Invalid qdisc name: must match existing qdisc' }
  const made = qdiscOf(line, at, present)
  if (made === 'wrong') return ALONE
  if (made === undefined) return at > 0 ? HAND_OVER : chain.length > 0 ? { real: 'instead' } : ALONE
  // A change leaves what is below; what replaces it does not.
  const below = verb === 'change' || present?.kind === made.kind ? chain.slice(at + 1) : []
  return { chain: [...chain.slice(0, at), made, ...below] }
}

/** The place in the chain that stands in this class; undefined: there is none. */
function placeBelow(chain: Chain, parent = ''): number | undefined {
  const at = chain.findIndex(({ major }) => major === majorOf(parent))
  const above = chain[at]
  if (above === undefined) return undefined
  const minor = parent.split(':')[1] ?? ''
  const fits = above.htb === undefined ? ['', '1'].includes(minor) : minor === above.htb.default
  return fits ? at + 1 : undefined
}

function remove(chain: Chain, at: number, { kind, handle }: TcLine): Followed {
  const present = chain[at]
  if (present === undefined) return ALONE
  if (handle !== undefined && handle !== `${present.major}:`) return { refused: 'Invalid handle' }
  if (kind !== undefined && kind !== present.kind)
    return { refused: 'Invalid qdisc name: must match existing qdisc' }
  return { chain: chain.slice(0, at) }
}

/** Undefined: of a kind, or with words, that an impairment cannot have. */
function qdiscOf(line: TcLine, at: number, present: Qdisc | undefined): Qdisc | 'wrong' | undefined {
  const { kind, args, handle, parent = 'root', words } = line
  const major = handle === undefined ? (present?.major ?? (0x8001 + at).toString(16)) : majorOf(handle)
  const base = { major, parent, lines: [['qdisc', 'add', ...words.slice(2)]] }
  if (kind === 'netem') {
    const options = netemOf(args)
    return options === undefined ? 'wrong' : { ...base, kind, options }
  }
  if (kind === 'tbf') {
    const shaped = readTbf(args)
    return shaped && { ...base, kind, options: optionsOf(shaped) }
  }
  const named = kind === 'htb' && at === 0 ? readHtbDefault(args) : undefined
  return named === undefined ? undefined : { ...base, kind: 'htb', options: {}, htb: { default: named } }
}

/** Wrong words are the real tc's to refuse. */
function netemOf(args: readonly string[]): ImpairWish | undefined {
  try {
    return parseImpairWords(args)
  } catch {
    return undefined
  }
}

function followClass(chain: Chain, { verb, parent, handle, kind, args, words }: TcLine): Followed {
  const [top, ...below] = chain
  if (top?.htb === undefined || (parent ?? handle) === undefined) return ALONE
  if (majorOf(parent ?? handle ?? '') !== top.major) return ALONE
  const shaped = kind === 'htb' || verb === 'change' ? readHtbClass(args) : undefined
  const isOurs =
    handle === `${top.major}:${top.htb.default}` && (parent ?? `${top.major}:`) === `${top.major}:`
  const changes = verb === 'change' || verb === 'replace'
  const isNew = top.htb.class === undefined
  if (!isOurs || shaped === undefined || !(verb === 'add' ? isNew : changes)) return HAND_OVER
  const lines = [top.lines[0] ?? [], ['class', 'add', ...words.slice(2)]]
  return {
    chain: [{ ...top, lines, options: optionsOf(shaped), htb: { ...top.htb, class: shaped } }, ...below],
  }
}

function optionsOf({ rate, burst, limit }: Shaped): ImpairWish {
  return { rate: { rate, ...(burst !== undefined && { burst }) }, ...(limit !== undefined && { limit }) }
}

/**
 * What all of them do together: null for nothing, undefined where two ask for the same. Each has a queue of its own;
 * one that names no limit has netem's, or htb's, which is none.
 */
export function impairmentOf(chain: Chain): ImpairWish | null | undefined {
  const wish: Record<string, unknown> = {}
  let limit = 0
  let unlimited = false
  for (const { kind, options } of chain) {
    const { limit: own, ...others } = options
    for (const [key, value] of Object.entries(others)) {
      if (key in wish) return undefined
      wish[key] = value
    }
    if (own !== undefined) limit += Number(own)
    else unlimited ||= kind === 'netem'
  }
  const nothing = chain.every(({ kind, options }) => kind === 'htb' && Object.keys(options).length === 0)
  if (nothing) return null
  return { ...wish, ...(limit > 0 && !unlimited && { limit }) }
}
