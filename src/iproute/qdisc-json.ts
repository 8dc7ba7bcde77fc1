// How `tc -j qdisc show` prints what qdiscs.ts keeps: the keys and units of iproute2's q_netem.c, q_tbf.c and q_htb.c, in
// seconds, bytes and parts of 1. Called by the shim's front end, which has the counts. Pure; the text is qdisc-text.ts's.

import type { ImpairPlan } from '../faults/impair-plan.js'
import { meanRate } from '../wishes/tables.js'
import { complement } from '../wishes/units.js'
import { limitOf, ownPlan, readShaper } from './qdisc-text.js'
import type { Chain, Qdisc } from './qdiscs.js'

/** One object for each; `plan` is what they mean together. */
export function qdiscObjects(chain: Chain, plan: ImpairPlan | null, dev?: string): object[] {
  return chain.map((qdisc) => ({
    kind: qdisc.kind,
    handle: `${qdisc.major}:`,
    ...(dev !== undefined && { dev }),
    ...(qdisc.parent === 'root' ? { root: true, refcnt: 2 } : { parent: qdisc.parent }),
    options: optionsOf(qdisc, chain, plan),
  }))
}

function optionsOf(qdisc: Qdisc, chain: Chain, plan: ImpairPlan | null): object {
  const { kind, htb, lines } = qdisc
  if (kind === 'htb')
    return { r2q: 10, default: `0x${htb?.default}`, direct_packets_stat: 0, direct_qlen: 1000 }
  if (kind === 'tbf') return shaperOf(lines[0] ?? [])
  const { delay, loss, duplicate, reorder, corrupt, rate, slot, ecn } = ownPlan(qdisc, chain, plan)
  return {
    limit: limitOf(qdisc, plan),
    ...(delay !== undefined && {
      delay: {
        delay: delay.time / 1000,
        jitter: (delay.jitter ?? 0) / 1000,
        correlation: part(delay.correlation),
      },
    }),
    ...(loss !== undefined && lossOf(loss)),
    ...chanceOf('duplicate', duplicate),
    ...chanceOf('reorder', reorder),
    ...chanceOf('corrupt', corrupt),
    ...(rate !== undefined && { rate: rateOf(rate) }),
    ...(slot !== undefined && { slot: slotOf(slot) }),
    ecn: ecn === true,
    gap: reorder?.gap ?? 0,
  }
}

function shaperOf(line: readonly string[]): object {
  const { rate, burst, latency, limit } = readShaper(line)
  const queue = latency === undefined ? { limit } : { lat: Math.round(latency * 1000) }
  return { rate: bytesOf(rate), burst, ...queue }
}

function slotOf(slot: NonNullable<ImpairPlan['slot']>): object {
  const times =
    'distribution' in slot
      ? { distribution: slot.delay / 1000, jitter: slot.jitter / 1000 }
      : { 'min-delay': slot.min / 1000, 'max-delay': slot.max / 1000 }
  return { ...times, packets: slot.packets ?? 0, bytes: slot.bytes ?? 0 }
}

function lossOf(loss: NonNullable<ImpairPlan['loss']>): object {
  if ('random' in loss)
    return { 'loss-random': { loss: part(loss.random), correlation: part(loss.correlation) } }
  if ('gemodel' in loss) {
    const { p, r, h, k } = loss.gemodel
    const of = { p: part(p), r: part(r), '1-h': part(complement(h)), '1-k': part(complement(k)) }
    return { 'loss-gemodel': of }
  }
  const each = Object.entries(loss.state).map(([name, value]) => [name, part(value)])
  return { 'loss-state': Object.fromEntries(each) }
}

/** tc has no word for a trace: its mean. */
function rateOf(plan: NonNullable<ImpairPlan['rate']>): object {
  const {
    rate,
    overhead = 0,
    cellSize = 0,
    cellOverhead = 0,
  } = 'trace' in plan ? { rate: meanRate(plan.trace) } : plan
  return { rate: bytesOf(rate), packetoverhead: overhead, cellsize: cellSize, celloverhead: cellOverhead }
}

function chanceOf(name: string, chance: { probability: number; correlation?: number } | undefined): object {
  if (chance === undefined) return {}
  return { [name]: { [name]: part(chance.probability), correlation: part(chance.correlation) } }
}

/** Of percent. */
function part(percent = 0): number {
  return Number((percent / 100).toPrecision(6))
}

function bytesOf(bits: number): number {
  return Math.floor(bits / 8)
}
