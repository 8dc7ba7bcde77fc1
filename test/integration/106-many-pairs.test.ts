// One worker serves many pairs: all of them carry traffic at once, and none hears another's.

import { once } from 'node:events'
import { createPair, type Pair } from 'uveth'
import { expect, onTestFinished } from 'vitest'
import { addressed, atRest, stream } from '../support/cable.js'
import { type Ledger, numbered, readNumbered } from '../support/frames.js'
import { Netns } from '../support/netns.js'
import { PacketSocket } from '../support/packet.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip', 'ping')
const PAIRS = 20
const NUMBERS = Array.from({ length: PAIRS }, (_, n) => n)

interface Bundle {
  left: Netns
  right: Netns
  pairs: Pair[]
}

/** Twenty pairs between the same two namespaces, `l0`-`r0` to `l19`-`r19`, each with a network of its own. */
async function layBundle(): Promise<Bundle> {
  const [left, right] = [Netns.create('left'), Netns.create('right')]
  const pairs: Pair[] = []
  onTestFinished(async () => {
    await Promise.all(pairs.map((pair) => pair.close()))
    left[Symbol.dispose]()
    right[Symbol.dispose]()
  })
  const made = NUMBERS.map(async (n) => {
    const { a, b } = addressed({}, n)
    const pair = await createPair({
      quiet: true,
      a: { ...a, name: `l${n}`, netns: left.name, up: true },
      b: { ...b, name: `r${n}`, netns: right.name, up: true },
    })
    pairs[n] = pair
  })
  await Promise.all(made)
  return { left, right, pairs }
}

function openSockets(netns: Netns, names: string[]): PacketSocket[] {
  return names.map((name) => {
    const socket = PacketSocket.open(netns, name)
    onTestFinished(() => socket.close())
    return socket
  })
}

function socketsOf({ left, right, pairs }: Bundle): { lefts: PacketSocket[]; rights: PacketSocket[] } {
  return {
    lefts: openSockets(
      left,
      pairs.map(({ a }) => a.name),
    ),
    rights: openSockets(
      right,
      pairs.map(({ b }) => b.name),
    ),
  }
}

it('twenty pairs made at once all have carrier', async () => {
  const { left, right, pairs } = await layBundle()
  expect(pairs.map(({ carrier }) => carrier)).toEqual(NUMBERS.map(() => true))
  for (const netns of [left, right]) {
    expect(netns.links().filter(({ operstate }) => operstate === 'UP')).toHaveLength(PAIRS)
  }
  expect(new Set(pairs.map(({ id }) => id)).size).toBe(PAIRS)
})

it('a ping over each at the same time is answered', async () => {
  const { left, pairs } = await layBundle()
  const codes = NUMBERS.map(async (n) => {
    const ping = left.spawn('ping', ['-c', '5', '-i', '0.2', '-W', '10', '-I', `l${n}`, `10.77.${n}.2`])
    const [code] = await once(ping, 'exit')
    return code
  })
  expect(await Promise.all(codes)).toEqual(NUMBERS.map(() => 0))
  for (const pair of pairs) expect(pair.counters().b.rx_packets).toBeGreaterThanOrEqual(5)
})

it('a frame comes out of its own pair and of no other (invariant 1)', async () => {
  const bundle = await layBundle()
  const { lefts, rights } = socketsOf(bundle)
  for (let number = 0; number < 10; number++) {
    NUMBERS.forEach((n) => {
      lefts[n]?.send(numbered(n, number, 80))
      rights[n]?.send(numbered(100 + n, number, 80))
    })
  }
  await Promise.all(bundle.pairs.map(atRest))
  const flowsSeen = (socket: PacketSocket) => {
    const flows = socket.drain().map(readNumbered)
    return flows.flatMap((read) => (typeof read === 'object' ? [read.flow] : []))
  }
  const ten = (flow: number) => Array(10).fill(flow)
  expect(rights.map(flowsSeen)).toEqual(NUMBERS.map((n) => ten(n)))
  expect(lefts.map(flowsSeen)).toEqual(NUMBERS.map((n) => ten(100 + n)))
})

it('streams over all of them, both ways at once, lose and mix up nothing', async () => {
  const { lefts, rights } = socketsOf(await layBundle())
  const streams = NUMBERS.flatMap((n) => [
    stream(lefts[n] as PacketSocket, rights[n] as PacketSocket, { count: 500, flows: [n], window: 100 }),
    stream(rights[n] as PacketSocket, lefts[n] as PacketSocket, { count: 500, flows: [n], window: 100 }),
  ])
  const good = { received: 500, damaged: 0, disordered: 0, skipped: 0 }
  expect((await Promise.all(streams)).map(({ summary }) => summary)).toEqual(streams.map(() => good))
})

it('closing one of them in full traffic leaves the others alone', async () => {
  const bundle = await layBundle()
  const { lefts, rights } = socketsOf(bundle)
  const others = NUMBERS.slice(1)
  const streams = others.map((n) =>
    stream(lefts[n] as PacketSocket, rights[n] as PacketSocket, { count: 500, flows: [n], window: 100 }),
  )
  await bundle.pairs[0]?.close()
  const received = (await Promise.all(streams)).map((ledger: Ledger) => ledger.received)
  expect(received).toEqual(others.map(() => 500))
  expect(bundle.left.has('l0')).toBe(false)
})
