// The pairs of a testbed, made so that counting begins with the test's first frame. A kernel that has got an
// IPv6 address tells the routers (MLD), and nothing keeps it from that. So these addresses come when the links
// carry, where none of its reports is lost; as many as there will be are waited for; and impairments and rules,
// which go by the number of a frame, come behind them. In between, nodes get their bridges, routes and
// neighbours. Used by testbed.ts.

import { setTimeout } from 'node:timers/promises'
import { parseCidr } from '../frame/address.js'
import { createPair, type EndOptions, type Pair } from '../index.js'
import { linkLines } from '../labs/commands.js'
import type { CablePlan } from '../labs/plan.js'
import { beginCounting } from './counted.js'
import type { NodePlace } from './nodes.js'
import { observe } from './observation.js'
import { addressesOf, type TestPlan } from './options.js'
import { runIp } from './run-ip.js'
import { cableSeed, seedEnds } from './seeded.js'

const ENDS = ['a', 'b'] as const
/** How often a kernel says that its groups have changed: `mld_qrv`, which no namespace can change. */
const REPORTS = 2
/** ms without a frame that count as silence, where it is not known how many there will be. */
const SILENCE = 20
/** ms between looks until all has been said that will be: mostly one. */
const LOOK = 1
/** ms that is waited for it. A report may take a second in a container, or where settings could not be written. */
const LONGEST_CHATTER = 3_000
/** Bytes of frames that all observations of a test keep. */
const KEPT = 32 * 1024 * 1024

/** One cable: what is wished, and what there is. */
export interface Laid {
  readonly plan: CablePlan
  readonly pair: Pair
  /** The nodes of its ends; none of a tunnel. */
  readonly nodes: { readonly a: NodePlace; readonly b: NodePlace | undefined }
}

/**
 * `fileOf`: where the capture of a cable goes; undefined where frames are not looked at. `ready`: called when kernels have
 * said what they say. On failure none is left.
 */
export async function makePairs(
  plan: TestPlan,
  nodes: readonly NodePlace[],
  fileOf: (cable: string) => string | undefined,
  ready: () => Promise<void>,
): Promise<Laid[]> {
  const { lab, signal } = plan
  const made = await Promise.allSettled(
    lab.cables.map((cable, number) =>
      makePair(plan, cable, nodesOf(plan, number, nodes), fileOf(cable.name)),
    ),
  )
  const laid = made.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  try {
    for (const one of made) if (one.status === 'rejected') throw one.reason
    await wire(plan, laid, nodes, 'bridge')
    const reports = await Promise.all(laid.map(addIpv6))
    await wire(plan, laid, nodes, 'others')
    await silence(laid, reports, signal)
    await ready()
    await Promise.all(
      laid.map((one, number) => begin(plan, one, number, fileOf(one.plan.name) !== undefined)),
    )
    return laid
  } catch (error) {
    await Promise.allSettled(laid.map(({ pair }) => pair.close()))
    throw error
  }
}

/** A pair's ends are at a and b. */
function nodesOf({ of, lab }: TestPlan, cable: number, nodes: readonly NodePlace[]): Laid['nodes'] {
  const own = lab.ends.filter((end) => end.cable === cable)
  const [a, b] = of === 'pair' ? nodes : own.map(({ node }) => nodes.find(({ name }) => name === node))
  return { a: a as NodePlace, b }
}

async function makePair(
  { signal, both }: TestPlan,
  plan: CablePlan,
  nodes: Laid['nodes'],
  file: string | undefined,
): Promise<Laid> {
  const { pair: options } = plan
  const endOf = (end: EndOptions, { netns }: NodePlace): EndOptions => ({
    ...withoutSchedule(end),
    addresses: addressesOf(end, 4),
    netns,
    rules: [],
  })
  const { a, b } = options
  const pair = await createPair({
    ...options,
    a: endOf(a, nodes.a),
    b: nodes.b === undefined ? { ...withoutSchedule(b), rules: [] } : endOf(b, nodes.b),
    ...(file !== undefined && { capture: { path: file, both } }),
    ...(signal && { signal }),
  })
  await Promise.all(ENDS.map((end) => pair[end].impair(null)))
  return { plan, pair, nodes }
}

/** It begins when the test does. */
function withoutSchedule({ schedule: _, ...end }: EndOptions): EndOptions {
  return end
}

/** Makes ports of bridges, or gives the other nodes their routes and neighbours. */
async function wire(
  { lab, signal }: TestPlan,
  laid: readonly Laid[],
  nodes: readonly NodePlace[],
  which: 'bridge' | 'others',
): Promise<void> {
  const concerned = nodes.filter(({ plan: { kind } }) => (kind === 'bridge') === (which === 'bridge'))
  await Promise.all(
    concerned.map(async (node) => {
      const lines = linkLines(
        node.plan,
        lab,
        ({ cable, letter }) => (laid[cable] as Laid).pair[letter].address,
      )
      if (lines.length > 0) await runIp(node, ['-batch', '-'], `${lines.join('\n')}\n`)
    }),
  )
  signal?.throwIfAborted()
}

/** How many frames each end will send because of it; `exact`: not one more. */
type Reports = { a: number; b: number; exact: boolean }

async function addIpv6({ pair, plan, nodes }: Laid): Promise<Reports> {
  const reports = { a: 0, b: 0, exact: plan.pair.quiet === true }
  for (const end of ENDS) {
    const { dad = false, ...wish } = plan.pair[end]
    const node = nodes[end]
    if (node === undefined) continue
    const { kind, container } = node.plan
    // Routers have groups of their own, a bridge passes on what others say, and duplicates are looked for by frames.
    if (kind !== 'host' || container !== undefined || dad) reports.exact = false
    const addresses = addressesOf(wish, 6)
    if (addresses.length === 0) continue
    await pair[end].set({ addresses, dad })
    if (!pair.carrier) continue
    reports[end] = REPORTS * (container === undefined ? groupsOf(addresses) : 1)
    if (dad) await usable(node, pair[end].name)
  }
  return reports
}

/** In how many groups their neighbours ask for them (RFC 4291, 2.7.1): by version 1 of MLD each has reports of its own. */
function groupsOf(addresses: readonly string[]): number {
  const tails = addresses.map((address) => parseCidr(address)?.address.subarray(-3).join())
  return new Set(tails).size
}

/** Resolves when duplicates of its addresses have been looked for. */
async function usable(node: NodePlace, name: string): Promise<void> {
  const words = ['-6', '-o', 'addr', 'show', 'dev', name, 'tentative', '-dadfailed']
  while ((await runIp(node, words)) !== '') await setTimeout(SILENCE)
}

/** Resolves when all ends have sent so many frames; where there may be more, when then none has come for a while. */
async function silence(
  laid: readonly Laid[],
  reports: readonly Reports[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const deadline = performance.now() + LONGEST_CHATTER
  const exact = reports.every((one) => one.exact)
  for (let before = -1; performance.now() < deadline; ) {
    const sent = laid.map(({ pair }) => ({ a: sentBy(pair, 'a'), b: sentBy(pair, 'b') }))
    const said = reports.every(({ a, b }, at) => (sent[at]?.a ?? 0) >= a && (sent[at]?.b ?? 0) >= b)
    const all = sent.reduce((sum, { a, b }) => sum + a + b, 0)
    if (said && (exact || all === before)) return
    before = said ? all : -1
    await setTimeout(said ? SILENCE : LOOK, undefined, { signal })
  }
}

/** By a tunnel nothing that would be over some time: what other hosts send. */
function sentBy(pair: Pair, end: 'a' | 'b'): number {
  if (pair[end].state.vxlan !== undefined) return 0
  const { tx_packets, tx_dropped } = pair.counters()[end]
  return tx_packets + tx_dropped
}

/** From here on frames are the test's. */
async function begin(
  { seed, lab }: TestPlan,
  { pair, plan }: Laid,
  number: number,
  looked: boolean,
): Promise<void> {
  await Promise.all(
    ENDS.map(async (end) => {
      const { impair, schedule } = plan.pair[end]
      if (impair) await pair[end].impair(impair)
      if (schedule) await pair[end].schedule(schedule.steps, schedule)
    }),
  )
  seedEnds([pair.a, pair.b], cableSeed(seed, number))
  for (const end of ENDS)
    for (const rule of plan.pair[end].rules ?? []) pair[end].addRule(rule.action, rule.match)
  if (looked) observe(pair, { bytes: Math.floor(KEPT / lab.cables.length) })
  else beginCounting(pair)
}
