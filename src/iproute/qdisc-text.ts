// How `tc qdisc show` and `tc class show` print what qdiscs.ts keeps: iproute2's q_netem.c, q_tbf.c and q_htb.c. Called
// by the shim's front end. Pure.

import type { ImpairPlan } from '../faults/impair-plan.js'
import { meanRate } from '../wishes/tables.js'
import { complement, parseRate, parseSize, parseTime } from '../wishes/units.js'
import type { Chain, Qdisc } from './qdiscs.js'
import { readHtbClass } from './tc-line.js'

/** What tc shows where none was given; ours is chosen by what the ordered delay needs. */
const NETEM_LIMIT = 1000

/** One line for each; `plan` is what they mean together. */
export function qdiscLines(chain: Chain, plan: ImpairPlan | null, dev?: string): string[] {
  const on = dev === undefined ? '' : ` dev ${dev}`
  return chain.map((qdisc) => {
    const place = qdisc.parent === 'root' ? 'root refcnt 2' : `parent ${qdisc.parent}`
    return `qdisc ${qdisc.kind} ${qdisc.major}:${on} ${place} ${words(qdisc, chain, plan)}`
  })
}

/** Of the first qdisc: what tc shows of a class. */
export function classLine([top, below]: Chain): string | undefined {
  const shaped = top?.htb?.class
  if (top === undefined || shaped === undefined) return undefined
  const asked = readHtbClass(top.lines[1]?.slice(top.lines[1].indexOf('htb') + 1) ?? [])
  const leaf = below === undefined ? '' : ` leaf ${below.major}:`
  const rate = showRate(asked?.rate ?? shaped.rate)
  const burst = showSize(shaped.burst ?? 1600)
  return `class htb ${top.major}:${top.htb?.default} root${leaf} prio 0 rate ${rate} ceil ${rate} burst ${burst} cburst 1600b `
}

function words(qdisc: Qdisc, chain: Chain, plan: ImpairPlan | null): string {
  const { kind, htb, lines } = qdisc
  if (kind === 'htb') return `r2q 10 default 0x${htb?.default} direct_packets_stat 0 direct_qlen 1000`
  if (kind === 'tbf') return tbf(readShaper(lines[0] ?? []))
  return netem(ownPlan(qdisc, chain, plan), limitOf(qdisc, plan))
}

/** Rates of others in the chain are theirs to show. */
export function ownPlan(
  { options }: Qdisc,
  chain: Chain,
  plan: ImpairPlan | null,
): Partial<Omit<ImpairPlan, 'limit'>> {
  const own = Object.entries(plan ?? {}).filter(([key]) => chain.length === 1 || key in options)
  return Object.fromEntries(own)
}

export function limitOf({ options }: Qdisc, plan: ImpairPlan | null): number {
  return Number(options.limit ?? plan?.limit ?? NETEM_LIMIT)
}

/** Of tbf: bits a second, bytes, and ms or bytes that may wait. */
interface Shaper {
  rate: number
  burst: number
  latency: number | undefined
  limit: number
}

export function readShaper(line: readonly string[]): Shaper {
  const value = (...names: string[]) => line[line.findIndex((word) => names.includes(word)) + 1] ?? ''
  const rate = parseRate(value('rate')) ?? 0
  const burst = parseSize(value('burst', 'buffer', 'maxburst').split('/')[0] ?? '') ?? 0
  const limit = parseSize(value('limit')) ?? 0
  // tc shows a limit as the time that it stands for.
  const implied = limit < burst ? undefined : Math.round(((limit - burst) * 8e6) / rate) / 1000
  return {
    rate,
    burst,
    latency: line.includes('latency') ? (parseTime(value('latency')) ?? 0) : implied,
    limit,
  }
}

function tbf({ rate, burst, latency, limit }: Shaper): string {
  const queue = latency === undefined ? `limit ${showSize(limit)}` : `lat ${showTime(latency)}`
  return `rate ${showRate(rate)} burst ${showSize(burst)} ${queue} `
}

function netem(plan: Partial<Omit<ImpairPlan, 'limit'>>, limit: number): string {
  const { delay, loss, duplicate, reorder, corrupt, rate, slot } = plan
  const parts = [`limit ${limit}`]
  if (delay !== undefined && delay.time > 0) {
    parts.push(`delay ${showTime(delay.time)}`)
    if (delay.jitter) parts.push(` ${showTime(delay.jitter)}${correlated(delay.correlation)}`)
  }
  if (loss !== undefined) parts.push(lossWords(loss))
  for (const [name, chance] of [
    ['duplicate', duplicate],
    ['reorder', reorder],
    ['corrupt', corrupt],
  ] as const)
    if (chance !== undefined)
      parts.push(`${name} ${percent(chance.probability)}${correlated(chance.correlation)}`)
  if (rate !== undefined && 'trace' in rate) parts.push(`rate ${showRate(meanRate(rate.trace))}`)
  else if (rate !== undefined) {
    parts.push(`rate ${showRate(rate.rate)}`)
    if (rate.overhead) parts.push(`packetoverhead ${rate.overhead}`)
    if (rate.cellSize) parts.push(`cellsize ${rate.cellSize}`)
    if (rate.cellOverhead) parts.push(`celloverhead ${rate.cellOverhead}`)
  }
  if (slot !== undefined) parts.push(slotWords(slot))
  if (plan.ecn) parts.push(' ecn ')
  if (reorder !== undefined) parts.push(`gap ${reorder.gap}`)
  return parts.join(' ')
}

function lossWords(loss: NonNullable<ImpairPlan['loss']>): string {
  if ('random' in loss) return `loss ${percent(loss.random)}${correlated(loss.correlation)}`
  if ('gemodel' in loss) {
    const { p, r, h, k } = loss.gemodel
    return `loss gemodel p ${percent(p)} r ${percent(r)} 1-h ${percent(complement(h))} 1-k ${percent(complement(k))}`
  }
  const { state } = loss
  const each = (['p13', 'p31', 'p32', 'p23', 'p14'] as const).map((name) => `${name} ${percent(state[name])}`)
  return `loss state ${each.join(' ')}`
}

function slotWords(slot: NonNullable<ImpairPlan['slot']>): string {
  const times =
    'distribution' in slot
      ? `slot distribution ${showTime(slot.delay)} ${showTime(slot.jitter)}`
      : `slot ${showTime(slot.min)} ${showTime(slot.max)}`
  const packets = slot.packets ? ` packets ${slot.packets}` : ''
  return `${times}${packets}${slot.bytes ? ` bytes ${slot.bytes}` : ''}`
}

/** C's %g. */
function general(value: number, digits = 6): string {
  return String(Number(value.toPrecision(digits)))
}

function percent(value: number): string {
  return `${general(value)}%`
}

function correlated(value: number | undefined): string {
  return value ? ` ${percent(value)}` : ''
}

/** sprint_time64(), of ms. */
function showTime(ms: number): string {
  const ns = Math.round(ms * 1e6)
  for (const [unit, size] of [
    ['s', 1e9],
    ['ms', 1e6],
    ['us', 1e3],
  ] as const)
    if (ns >= size) return `${general(ns / size, 3)}${unit}`
  return `${ns}ns`
}

/** tc_print_rate(), of bits per second. */
function showRate(bits: number): string {
  let rate = Math.floor(bits / 8) * 8
  let unit = 0
  for (; unit < 4 && rate >= 1000 && !(rate % 1000 !== 0 && rate < 1e6); unit++)
    rate = Math.floor(rate / 1000)
  return `${rate}${['', 'K', 'M', 'G', 'T'][unit]}bit`
}

/** sprint_size(), of bytes. */
function showSize(bytes: number): string {
  for (const [unit, size, near] of [
    ['Mb', 2 ** 20, 1024],
    ['Kb', 1024, 16],
  ] as const) {
    const whole = Math.round(bytes / size)
    if (bytes >= size && Math.abs(whole * size - bytes) < near) return `${general(whole)}${unit}`
  }
  return `${bytes}b`
}
