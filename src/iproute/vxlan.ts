// `peer vxlan id N remote ADDR [local ADDR] [dstport N] [keepalive SECONDS]` behind `type veth`: an end that is a tunnel to
// another host, in the words that ip has for `type vxlan`. Called by grammar.ts. Pure; values are the daemon's to judge.

import type { PairWish } from '../contract/ops.js'
import { parseTime } from '../wishes/units.js'
import { type Words, written } from '../wishes/words.js'
import { UsageError } from './usage.js'
import { wrong } from './words.js'

export type Vxlan = NonNullable<NonNullable<PairWish['b']>['vxlan']>

/** By word, what it is called in a wish. */
const WORDS = {
  id: 'id',
  vni: 'id',
  remote: 'remote',
  local: 'local',
  dstport: 'port',
  keepalive: 'keepalive',
} as const

/** For the completion. */
export const VXLAN_WORDS = Object.keys(WORDS).filter((word) => word !== 'vni')

/** Words that ip has for a tunnel of its own, and a cable does not need. */
const OF_IP =
  /^(dev|ttl|tos|df|srcport|ageing|maxaddress|gbp|gpe|external|vnifilter|no?learning|(no)?(proxy|rsc|l2miss|l3miss|udpcsum|udp6zerocsumtx|udp6zerocsumrx|localbypass))$/

/** Words behind `peer vxlan`, all of them; undefined where no tunnel stands there, and `vxlan` is an interface's name. */
export function takeVxlan(reader: Words): Vxlan | undefined {
  const first = reader.take((word) => Object.hasOwn(WORDS, word) || OF_IP.test(word))
  if (first === undefined) return undefined
  const given: Record<string, string | number> = {}
  for (let word: string | undefined = first; word !== undefined; word = reader.next()) {
    if (!Object.hasOwn(WORDS, word))
      throw wrong(
        word,
        `a tunnel takes ${VXLAN_WORDS.map((each) => `"${each}"`).join(', ')}, and no attribute of an interface`,
      )
    const key = WORDS[word as keyof typeof WORDS]
    const value = reader.value(word)
    if (given[key] !== undefined) throw new UsageError(`duplicate "${word}": "${value}" is the second value`)
    if (key === 'keepalive') given[key] = keepaliveOf(value)
    else given[key] = key === 'id' || key === 'port' ? written(value) : value
  }
  for (const key of ['id', 'remote'])
    if (given[key] === undefined) throw new UsageError(`not enough information: a tunnel takes "${key}"`)
  if (given.keepalive === 'off') delete given.keepalive
  return given as unknown as Vxlan
}

/** ms. A bare number is seconds, as others have it who keep tunnels alive; `1s`, `500ms`. */
function keepaliveOf(text: string): string | number {
  if (text === 'off') return text
  const ms = /[a-z]$/i.test(text) ? parseTime(text) : parseTime(`${text}s`)
  if (ms === undefined) throw wrong(text, 'keepalive takes seconds, a time like "500ms", or "off"')
  return ms
}
