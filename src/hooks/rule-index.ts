// Which rules are worth asking about a frame, in their order: so that thousands of rules on one end cost the other
// pairs of a worker nothing. Built by rule.ts for a set of rules; looking up allocates nothing. It answers candidates:
// whether one matches is tested as ever.
//
// A probe is a place of the packet that rules want to have one value: a field (ethertype, protocol, port …) or four
// bytes (the end of an address). Each rule stands in the list of one probe and value, that which it shares with the
// fewest others; a port on either side in two lists; what can stand nowhere is in the list of rules asked of each frame.

import type { MatchPlan } from '../faults/match-plan.js'
import { ABSENT, FIELD, type Packet } from '../frame/packet.js'
import type { Place } from '../frame/words.js'

/** Fewer are asked one by one: each probe costs as much as some of them. */
const FEW = 8
const MOST_PROBES = 8
const NOTHING = new Int32Array(0)
/** Of a probe for bytes: from the frame's first byte, or from the IP header. */
const FROM_START = 0x10000
const FROM_L3 = 0x20000

/** A probe's code (a field, or FROM_… + offset), and the value that is wanted there. */
type Key = readonly [probe: number, value: number]
/** A rule can be found by all of these together. */
type Way = readonly Key[]

export class RuleIndex {
  readonly #probes: Int32Array
  /** For each probe: positions of rules by the value, rising. */
  readonly #tables: readonly ReadonlyMap<number, Int32Array>[]
  /** The lists that the frame has led to, and how far each was read; the last is that of all frames. */
  readonly #lists: Int32Array[]
  readonly #at: Int32Array

  constructor(matches: readonly MatchPlan[]) {
    const ways = matches.map((match) => (matches.length > FEW ? waysOf(match) : []))
    const counts = countsOf(ways)
    const probes = busiest(counts)
    const tables = probes.map(() => new Map<number, number[]>())
    const rest: number[] = []
    for (const [position, all] of ways.entries()) {
      const usable = all.filter((way) => way.every(([probe]) => probes.includes(probe)))
      const shared = (way: Way) => Math.max(...way.map((key) => counts.get(key[0])?.get(key[1]) ?? 0))
      const [best] = usable.sort((one, other) => shared(one) - shared(other))
      if (best === undefined) rest.push(position)
      for (const [probe, value] of best ?? []) {
        const table = tables[probes.indexOf(probe)] as Map<number, number[]>
        const list = table.get(value)
        if (list === undefined) table.set(value, [position])
        else list.push(position)
      }
    }
    this.#probes = Int32Array.from(probes)
    this.#tables = tables.map(
      (table) => new Map([...table].map(([value, list]) => [value, Int32Array.from(list)])),
    )
    this.#lists = [...probes.map(() => NOTHING), Int32Array.from(rest)]
    this.#at = new Int32Array(this.#lists.length)
  }

  /** Begins with a packet, at the rule with this position. */
  seek(packet: Packet, from: number): void {
    for (let probe = 0; probe < this.#probes.length; probe++)
      this.#lists[probe] = this.#list(packet, probe, this.#probes[probe] as number)
    for (let list = 0; list < this.#lists.length; list++) {
      this.#at[list] = from === 0 ? 0 : placeOf(this.#lists[list] as Int32Array, from)
    }
  }

  /** The position of the next candidate; -1: there is none. */
  next(): number {
    const lists = this.#lists
    let least = -1
    for (let list = 0; list < lists.length; list++) {
      const position = (lists[list] as Int32Array)[this.#at[list] as number]
      if (position !== undefined && (least < 0 || position < least)) least = position
    }
    if (least < 0) return least
    for (let list = 0; list < lists.length; list++) {
      const at = this.#at[list] as number
      if ((lists[list] as Int32Array)[at] === least) this.#at[list] = at + 1
    }
    return least
  }

  #list(packet: Packet, probe: number, code: number): Int32Array {
    const table = this.#tables[probe] as ReadonlyMap<number, Int32Array>
    if (code < FROM_START) return table.get(packet.fields[code as Place<'field'>]) ?? NOTHING
    const base = code < FROM_L3 ? packet.start : packet.l3
    const at = base + (code & 0xffff)
    if (base === ABSENT || at + 4 > packet.end) return NOTHING
    return table.get(word(packet.bytes, at)) ?? NOTHING
  }
}

/** Where the first position stands that is not below `from`. */
function placeOf(positions: Int32Array, from: number): number {
  let low = 0
  let high = positions.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((positions[middle] as number) < from) low = middle + 1
    else high = middle
  }
  return low
}

function word(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  )
}

function waysOf({ ranges, patterns, port: [port, lastPort] }: MatchPlan): Way[] {
  const exact = ranges.filter(([, least, most]) => least === most)
  const ways: Way[] = exact.map(([field, value]) => [[field, value]])
  if (port !== ABSENT && port === lastPort) {
    const sides = [FIELD.sport, FIELD.dport] as unknown as number[]
    ways.push(sides.map((side) => [side, port]))
  }
  for (const { l3, offset, mask, value } of patterns) {
    const from = mask.length - 4
    if (from < 0 || mask.subarray(from).some((byte) => byte !== 0xff) || offset + from > 0xffff) continue
    ways.push([[(l3 ? FROM_L3 : FROM_START) + offset + from, word(value, from)]])
  }
  return ways
}

/** How many rules could stand in each list. */
function countsOf(ways: readonly Way[][]): Map<number, Map<number, number>> {
  const counts = new Map<number, Map<number, number>>()
  for (const [probe, value] of ways.flat(2)) {
    const values = counts.get(probe) ?? new Map<number, number>()
    counts.set(probe, values.set(value, (values.get(value) ?? 0) + 1))
  }
  return counts
}

/** The probes that tell the most rules apart. */
function busiest(counts: Map<number, Map<number, number>>): number[] {
  return [...counts]
    .sort(([, one], [, other]) => other.size - one.size)
    .slice(0, MOST_PROBES)
    .map(([probe]) => probe)
}
