// The pair of a testbed, made so that counting begins with the test's first frame. A kernel that has got an
// IPv6 address tells the routers (MLD), some time later, and nothing keeps it from that. So these addresses
// come when the links carry, where none of its reports is lost; as many as there will be are waited for; and
// impairments and rules, which go by the number of a frame, come behind them. Used by testbed.ts.

import { setTimeout } from 'node:timers/promises'
import { createPair, type EndOptions, type Pair, type PairOptions } from '../index.js'
import { beginCounting } from './counted.js'
import { observe } from './observation.js'
import { addressesOf, type TestbedPlan } from './options.js'
import { seedEnds } from './seeded.js'

const ENDS = ['a', 'b'] as const
/** How often a kernel says that its groups have changed: `mld_qrv`, which no namespace can change. */
const REPORTS = 2
/** ms without a frame that count as silence. */
const SILENCE = 20
/** ms that is waited for it. A report may take a second where keeper.ts could not shorten that. */
const LONGEST_CHATTER = 3_000

/** `file`: where its capture goes; undefined where frames are not looked at. */
export async function makePair(
  plan: TestbedPlan,
  netns: { readonly a: string; readonly b: string },
  file: string | undefined,
): Promise<Pair> {
  const { pair: options, signal, seed, both } = plan
  const endOf = (end: 'a' | 'b'): EndOptions => ({
    ...options[end],
    addresses: addressesOf(options[end], 4),
    netns: netns[end],
    rules: [],
  })
  const pair = await createPair({
    ...options,
    a: endOf('a'),
    b: endOf('b'),
    ...(file !== undefined && { capture: { path: file, both } }),
    ...(signal && { signal }),
  })
  const { a, b } = pair
  const [ofA, ofB] = [a.impairment, b.impairment]
  await Promise.all([a.impair(null), b.impair(null)])
  await silence(pair, await addIpv6(pair, options), signal)
  await Promise.all([a.impair(ofA), b.impair(ofB)])
  seedEnds([a, b], seed)
  for (const end of ENDS)
    for (const rule of options[end].rules ?? []) pair[end].addRule(rule.action, rule.match)
  if (file === undefined) beginCounting(pair)
  else observe(pair)
  return pair
}

/** Frames that each end will send because of it. */
async function addIpv6(pair: Pair, options: PairOptions): Promise<{ a: number; b: number }> {
  const reports = { a: 0, b: 0 }
  for (const end of ENDS) {
    const { dad = false, ...wish } = options[end] ?? {}
    const addresses = addressesOf(wish, 6)
    if (addresses.length === 0) continue
    await pair[end].set({ addresses, dad })
    if (pair.carrier) reports[end] = REPORTS
  }
  return reports
}

/** Resolves when both ends have sent so many frames, and then none for a while. */
async function silence(pair: Pair, reports: { a: number; b: number }, signal?: AbortSignal): Promise<void> {
  const deadline = performance.now() + LONGEST_CHATTER
  for (let before = -1; performance.now() < deadline; ) {
    const [a, b] = ENDS.map((end) => sentBy(pair, end)) as [number, number]
    if (a >= reports.a && b >= reports.b && a + b === before) return
    before = a + b
    await setTimeout(SILENCE, undefined, { signal })
  }
}

function sentBy(pair: Pair, end: 'a' | 'b'): number {
  const { tx_packets, tx_dropped } = pair.counters()[end]
  return tx_packets + tx_dropped
}
