// What a test may ask of its pair, with the defaults and the places in the environment where they come from.
// Called by testbed.ts.

import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { invalid } from '../errors.js'
import { planRule } from '../faults/rule-plan.js'
import type { EndOptions, PairOptions } from '../index.js'
import { type TEST_END, TESTBED } from '../wishes/kit.js'
import { checked, type Given } from '../wishes/shape.js'
import { chooseSeed, withSeed } from './seeded.js'

export type WithPairOptions = Given<typeof TESTBED>
export type TestEndOptions = Given<typeof TEST_END>

export interface TestbedPlan {
  pair: Omit<PairOptions, 'a' | 'b'> & { a: EndOptions; b: EndOptions }
  ip: { a: string; b: string }
  ip6: { a: string; b: string }
  seed: number
  name: string
  capture: 'on-failure' | 'always' | false
  both: boolean
  artifacts: string
  signal: AbortSignal | undefined
}

const FOLDER = 'uveth-artifacts'
/** With a smaller one a link has no IPv6. */
const IPV6_MIN_MTU = 1280
const DEFAULTS = {
  a: { name: 'uveth-a', addresses: ['192.0.2.1/24'], addresses6: ['2001:db8::1/64'] },
  b: { name: 'uveth-b', addresses: ['192.0.2.2/24'], addresses6: ['2001:db8::2/64'] },
}

export function planTestbed(options: WithPairOptions, caller: string): TestbedPlan {
  const {
    a,
    b,
    seed: wanted,
    name = caller,
    capture = 'on-failure',
    both = false,
    artifacts,
    signal,
    ...rest
  } = checked(TESTBED, options)
  if (both && capture === false) throw invalid('both is of the capture, and capture: false has none', 'both')
  const seed = chooseSeed(wanted)
  const ends = { a: planEnd('a', a, seed), b: planEnd('b', b, seed) }
  return {
    pair: { quiet: true, ...rest, ...ends },
    ip: { a: addressOf(ends.a, 4), b: addressOf(ends.b, 4) },
    ip6: { a: addressOf(ends.a, 6), b: addressOf(ends.b, 6) },
    seed,
    name,
    capture,
    both,
    artifacts: resolve(artifacts ?? (process.env.UVETH_ARTIFACTS || FOLDER)),
    signal,
  }
}

function planEnd(end: 'a' | 'b', options: TestEndOptions = {}, seed: number): EndOptions {
  // They are added when counting begins: a bad one is refused before anything is made.
  for (const [at, rule] of (options.rules ?? []).entries()) planRule(rule, `${end}.rules.${at}`)
  const { name, addresses, addresses6 } = DEFAULTS[end]
  const { impair, ...rest } = options
  const hasIpv6 = existsSync('/proc/net/if_inet6') && (rest.mtu ?? IPV6_MIN_MTU) >= IPV6_MIN_MTU
  const own = hasIpv6 ? [...addresses, ...addresses6] : addresses
  return { name, addresses: own, up: true, ...rest, ...(impair && { impair: withSeed(impair, seed) }) }
}

/** The first address of that version, without its prefix; empty where there is none. */
function addressOf(options: EndOptions, version: 4 | 6): string {
  return addressesOf(options, version)[0]?.split('/')[0] ?? ''
}

export function addressesOf({ addresses = [] }: EndOptions, version: 4 | 6): string[] {
  return addresses.filter((address) => address.includes(':') === (version === 6))
}

/** Where a capture goes while nobody knows whether it will be kept. */
export function temporaryFile(): string {
  return join(tmpdir(), `uveth-${process.pid}-${randomBytes(4).toString('hex')}.pcapng`)
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
