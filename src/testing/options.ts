// What a test may ask of its pair or its lab, with the defaults and the places in the environment where they come
// from. A pair is the lab of two nodes, a and b. Called by with-pair.ts, lab.ts and vitest.ts.

import { existsSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { invalid } from '../errors.js'
import { IPV6_MIN_MTU } from '../frame/ethernet.js'
import type { EndOptions } from '../index.js'
import { type CablePlan, checkFaults, type LabPlan, planLab } from '../labs/plan.js'
import { LAB_OF_TEST, type LAB_TEST, type TEST_END, TESTBED } from '../wishes/kit.js'
import { checked, type Given } from '../wishes/shape.js'
import { cableSeed, chooseSeed, withSeed, withSeeds } from './seeded.js'

export type WithPairOptions = Given<typeof TESTBED>
export type TestEndOptions = Given<typeof TEST_END>
export type LabTestOptions = Given<typeof LAB_TEST>
/** Without the types that tell nodes and cables by their names (lab-types.ts). */
export type AnyLabOptions = Given<typeof LAB_OF_TEST>

export interface TestPlan {
  /** What the report is about. */
  of: 'pair' | 'lab'
  lab: LabPlan
  seed: number
  name: string
  capture: 'on-failure' | 'always' | false
  both: boolean
  artifacts: string
  signal: AbortSignal | undefined
}

const FOLDER = 'uveth-artifacts'
const DEFAULTS = {
  a: { name: 'uveth-a', addresses: ['192.0.2.1/24'], addresses6: ['2001:db8::1/64'] },
  b: { name: 'uveth-b', addresses: ['192.0.2.2/24'], addresses6: ['2001:db8::2/64'] },
}

/** `caller`: what the test is called if it has no name. */
export function planPairTest(options: WithPairOptions, caller: string): TestPlan {
  const { a, b, seed, name, capture, both, artifacts, signal, ...rest } = checked(TESTBED, options)
  const test = planTest({ seed, name, capture, both, artifacts, signal }, caller)
  const pair = { quiet: true, ...rest, a: planEnd('a', a), b: planEnd('b', b) }
  const node = (name: string) =>
    ({ name, kind: 'host', outside: [], container: undefined, routes: [] }) as const
  const lab = { nodes: [node('a'), node('b')], cables: [{ name: 'pair', pair }], ends: [], neighbours: false }
  return { of: 'pair', lab: seeded(lab, test.seed), ...test }
}

export function planLabTest(options: AnyLabOptions, caller: string): TestPlan {
  const { nodes, cables, routes, neighbours, ...test } = checked(LAB_OF_TEST, options)
  const planned = planTest(test, caller)
  const lab = planLab({
    nodes,
    cables,
    ...(routes && { routes }),
    ...(neighbours !== undefined && { neighbours }),
  })
  return { of: 'lab', lab: seeded(lab, planned.seed), ...planned }
}

function planTest(
  options: { [K in keyof LabTestOptions]: LabTestOptions[K] | undefined },
  caller: string,
): Omit<TestPlan, 'of' | 'lab'> {
  const { seed, name = caller, capture = 'on-failure', both = false, artifacts, signal } = options
  if (both && capture === false) throw invalid('both is of the capture, and capture: false has none', 'both')
  const folder = artifacts ?? (process.env.UVETH_ARTIFACTS || FOLDER)
  return { seed: chooseSeed(seed), name, capture, both, artifacts: resolve(folder), signal }
}

function planEnd(end: 'a' | 'b', options: TestEndOptions = {}): EndOptions {
  checkFaults(options, end)
  const { name, addresses, addresses6 } = DEFAULTS[end]
  const hasIpv6 = existsSync('/proc/net/if_inet6') && (options.mtu ?? IPV6_MIN_MTU) >= IPV6_MIN_MTU
  const own = hasIpv6 ? [...addresses, ...addresses6] : addresses
  return { name, addresses: own, up: true, ...options }
}

/** Impairments of its ends have the seed of their cable, unless they have one. */
function seeded(lab: LabPlan, seed: number): LabPlan {
  const endOf = ({ impair, schedule, ...end }: EndOptions, number: number): EndOptions => ({
    ...end,
    ...(impair && { impair: withSeed(impair, cableSeed(seed, number)) }),
    ...(schedule && { schedule: { ...schedule, steps: withSeeds(schedule.steps, cableSeed(seed, number)) } }),
  })
  const cables = lab.cables.map(({ name, pair }, number): CablePlan => {
    return { name, pair: { ...pair, a: endOf(pair.a, number), b: endOf(pair.b, number) } }
  })
  return { ...lab, cables }
}

/** The first address of that version, without its prefix; empty where there is none. */
export function addressOf(options: EndOptions, version: 4 | 6): string {
  return addressesOf(options, version)[0]?.split('/')[0] ?? ''
}

export function addressesOf({ addresses = [] }: EndOptions, version: 4 | 6): string[] {
  return addresses.filter((address) => address.includes(':') === (version === 6))
}

/** Where the call came from, by a stack: `client.test.ts-12`. `self`: the URL of the file that was called. */
export function callerIn(stack: string | undefined, self: string): string {
  for (const frame of stack?.split('\n').slice(1) ?? []) {
    const [, place = '', line = ''] = /((?:file:\/\/)?\/[^():]+):(\d+):\d+\)?$/.exec(frame) ?? []
    if (place === '' || place === self || place === fileURLToPath(self)) continue
    return `${basename(place)}-${line}`
  }
  return 'test'
}
