// What else the kernel can put an end into: bonds that see its carrier, and VRFs. Not every kernel has them; those that
// scripts/kernels boots do.

import { createPair, type Pair, type PairOptions } from 'uveth'
import { describe, expect } from 'vitest'
import { A, B, Cable } from '../support/cable.js'
import { Netns, until } from '../support/netns.js'
import { pings } from '../support/ping.js'
import { needs } from '../support/skip.js'

const itBonds = needs('root', 'tun', 'netns', 'ip', 'ping', 'bond')
const itVrfs = needs('root', 'tun', 'netns', 'ip', 'ping', 'vrf')

/** Two pairs between two namespaces, each end in its namespace's bond. */
class Bonded implements AsyncDisposable {
  readonly left = Netns.create('left')
  readonly right = Netns.create('right')
  pairs: Pair[] = []

  static async lay(...mode: string[]): Promise<Bonded> {
    const bonded = new Bonded()
    const { left, right } = bonded
    for (const name of ['x', 'y']) {
      const options: PairOptions = {
        quiet: true,
        a: { name: `${name}0`, netns: left.name },
        b: { name: `${name}1`, netns: right.name },
      }
      bonded.pairs.push(await createPair(options))
    }
    for (const [netns, end, address] of [[left, 0, A] as const, [right, 1, B] as const]) {
      netns.ip('link', 'add', 'bond0', 'type', 'bond', 'miimon', '20', ...mode)
      for (const name of ['x', 'y']) netns.ip('link', 'set', `${name}${end}`, 'master', 'bond0')
      netns.ip('address', 'add', `${address}/24`, 'dev', 'bond0')
      netns.ip('link', 'set', 'bond0', 'up')
    }
    return bonded
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pair of this.pairs) await pair.close()
    for (const netns of [this.left, this.right]) netns[Symbol.dispose]()
  }
}

/** A line of /proc/net/bonding/bond0. */
function lineOf(netns: Netns, start: string): string | undefined {
  const lines = netns.exec('cat', '/proc/net/bonding/bond0').split('\n')
  return lines
    .find((line) => line.startsWith(start))
    ?.slice(start.length)
    .trim()
}

describe('bonds of two pairs', () => {
  itBonds('active-backup: the other end takes over when one loses carrier', async () => {
    await using bonded = await Bonded.lay('mode', 'active-backup')
    const { left, pairs } = bonded
    await until('an answer', () => pings(left, B))
    const before = lineOf(left, 'Currently Active Slave:')
    const [x, y] = pairs
    const active = before === 'x0' ? x : y
    await active?.setCarrier('off')
    await until(
      'the other',
      () => lineOf(left, 'Currently Active Slave:') === (before === 'x0' ? 'y0' : 'x0'),
    )
    await until('an answer over the other', () => pings(left, B))
  })

  itBonds('LACP: both are in one aggregate, and either carries it alone', async () => {
    await using bonded = await Bonded.lay('mode', '802.3ad', 'lacp_rate', 'fast')
    const { left, right, pairs } = bonded
    for (const netns of [left, right])
      await until('an aggregate of two', () => lineOf(netns, '\tNumber of ports:') === '2')
    await until('an answer', () => pings(left, B))
    for (const pair of pairs) {
      await pair.setCarrier('off')
      await until('an answer over the other', () => pings(left, B))
      await pair.setCarrier('auto')
      await until('both', () => lineOf(left, '\tNumber of ports:') === '2')
    }
  })
})

itVrfs('an end in a VRF: reached from within it, and not from outside', async () => {
  await using cable = await Cable.addressed({ a: { addresses: [] } })
  const { left } = cable
  left.ip('link', 'add', 'red', 'type', 'vrf', 'table', '10')
  left.ip('link', 'set', 'red', 'up')
  left.ip('link', 'set', 'x0', 'master', 'red')
  left.ip('address', 'add', `${A}/24`, 'dev', 'x0')
  const within = () => {
    try {
      left.exec('ping', '-n', '-c', '2', '-i', '0.1', '-W', '1', '-I', 'red', B)
      return true
    } catch {
      return false
    }
  }
  await until('an answer', within)
  expect(pings(left, B)).toBe(false)
})
