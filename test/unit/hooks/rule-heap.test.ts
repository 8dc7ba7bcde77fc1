// Reading headers, matching and acting allocate nothing, neither per frame nor per burst: half a million
// frames through rules of every kind. Rounds are short enough that no garbage collection hides anything.

import { memoryUsage } from 'node:process'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { planRule } from '../../../src/faults/rule-plan.js'
import { parseRuleWords } from '../../../src/faults/rule-words.js'
import { Burst } from '../../../src/frame/burst.js'
import { BURST, HEADROOM, SLOTS_OFFSET, Slab } from '../../../src/frame/slab.js'
import { allocateRuleCounts, Rules } from '../../../src/hooks/rule.js'
import { arp, ether, extension, icmp, ipv4, ipv6, tcp, udp } from '../frame/layers.js'

const ROUNDS = 40
const BURSTS_PER_ROUND = 200
/**
 * Bytes. An object of 16 bytes for each frame would be 204,800. Some V8 boxes a number here and there (Node 24:
 * 1.4 bytes a frame, Node 20: none), as it decides what to inline; that is no object of ours.
 */
const LESS_THAN_OBJECTS = 51_200

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const payload = Buffer.alloc(30)
const FRAMES = [
  ether(0x0800, ipv4({ proto: 17 }, udp(5000, 53, payload))),
  ether(0x86dd, ipv6({ next: 0 }, extension(6, 1, tcp({ flags: 2 }, payload)))),
  ether(0x0800, ipv4({ proto: 1 }, icmp(8, 0)), [[0x8100, 7]]),
  ether(0x0806, arp(1)),
]
const RULES = [
  'delay 1.5ms ip src 192.0.2.0/24 udp dport 53 every 3',
  'duplicate 2 tcp flags syn,!ack port 80',
  'corrupt bits 5 seed 7 icmp',
  'corrupt at 20 mask 0x0f arp op request',
  'drop bytes 12:0xffff:0x86dd length 60- every 2',
  'drop vlan 7 first 100',
  'delay 2ms src 02:00:5e:00:53:0a nth 1000000',
]

test('half a million frames through rules', () => {
  const rules = new Rules()
  for (const [index, words] of RULES.entries()) {
    const counts = new Float64Array(allocateRuleCounts())
    // Counts beyond 2^31 are no small integers any more.
    counts[0] = index % 2 === 0 ? 2 ** 33 : 0
    rules.add({ id: index, ...planRule(parseRuleWords(words.split(' ')), 'rule') }, counts)
  }
  const slab = new Slab()
  const burst = new Burst()
  const fill = () => {
    burst.begin(slab, 1_000.5)
    for (let slot = 0; slot < BURST; slot++) {
      const start = SLOTS_OFFSET + 256 * slot + HEADROOM
      const frame = FRAMES[slot & 3] as Buffer
      slab.bytes.set(frame, start)
      burst.push(start, frame.length, slot)
    }
  }
  const run = () => {
    for (let turn = 0; turn < BURSTS_PER_ROUND; turn++) {
      fill()
      rules.judge(burst)
    }
  }
  const grow = () => {
    collectGarbage()
    const before = memoryUsage().heapUsed
    run()
    return memoryUsage().heapUsed - before
  }
  // The compiler works beside this thread, and a busy machine keeps it waiting.
  for (let warm = 0, calm = 0; warm < 200 && calm < 10; warm++)
    calm = grow() < LESS_THAN_OBJECTS ? calm + 1 : 0
  const growths = Array.from({ length: ROUNDS }, grow)
  growths.sort((one, other) => one - other)
  // All of them had something to do.
  for (const { counts } of rules.state().slice(0, -1)) expect((counts as Float64Array)[1]).toBeGreaterThan(99)
  // The median: the compiler may still be at work in some of the rounds.
  expect(growths[ROUNDS / 2]).toBeLessThan(LESS_THAN_OBJECTS)
})
