// An end that is down takes carrier from both: nothing is delivered, the sender's tx_dropped grows by exactly
// what was sent, and nothing stale comes when it is up again. As with kernel veth, but at once.
// Invariant 6.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, expect } from 'vitest'
import { addressed, atRest, Cable, stream } from '../support/cable.js'
import { Ledger, numbered } from '../support/frames.js'
import { Netns, until } from '../support/netns.js'
import { PacketSocket } from '../support/packet.js'
import { uveth } from '../support/program.js'
import { kernelAtLeast, needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip', 'tc', 'ping')
const itCounts = needs('root', 'tun', 'netns', 'ip', 'tc', 'ping', 'kernel 6.2')

/** What the kernel says of `dropped` frames that were sent without carrier: older ones count them nowhere. */
const counted = (dropped: number): number => (kernelAtLeast('6.2') ? dropped : 0)

/** Sends `count` numbered frames from a, starting with number `first`; how many the kernel took. */
function send(cable: Cable, count: number, first = 0): number {
  let taken = 0
  for (let i = 0; i < count; i++) if (cable.a.send(numbered(0, first + i, 100))) taken++
  return taken
}

function operstates(cable: Cable): { a: string; b: string } {
  const { a, b } = cable.links()
  return { a: a.operstate, b: b.operstate }
}

it('both ends up: carrier, operstate UP on both as soon as the pair is made', async () => {
  await using cable = await Cable.lay()
  expect(operstates(cable)).toEqual({ a: 'UP', b: 'UP' })
  expect([cable.pair.carrier, cable.pair.a.carrier, cable.pair.b.carrier]).toEqual([true, true, true])
})

it('down() resolves when both ends have lost carrier, and `ip link` shows it', async () => {
  await using cable = await Cable.lay()
  const heard: boolean[] = []
  cable.pair.on('carrier', ({ on }) => heard.push(on))
  await cable.pair.b.down()
  const { a, b } = cable.links()
  expect(a).toMatchObject({ operstate: 'DOWN', flags: expect.arrayContaining(['NO-CARRIER', 'UP']) })
  expect(b.flags).not.toContain('UP')
  expect([cable.pair.a.carrier, cable.pair.b.carrier, heard]).toEqual([false, false, [false]])
})

it('up() resolves when both have it again and frames cross', async () => {
  await using cable = await Cable.lay()
  await cable.pair.b.down()
  await cable.pair.b.up()
  expect(operstates(cable)).toEqual({ a: 'UP', b: 'UP' })
  expect((await stream(cable.a, cable.b, { count: 100 })).received).toBe(100)
  expect((await stream(cable.b, cable.a, { count: 100 })).received).toBe(100)
})

it.each(['a', 'b'] as const)(
  '%s down: its peer drops and counts exactly what it sends, and none of it comes later',
  async (down) => {
    await using cable = await Cable.lay()
    const up = down === 'a' ? 'b' : 'a'
    await cable.pair[down].down()
    for (let i = 0; i < 500; i++) expect(cable[up].send(numbered(0, i, 100))).toBe(true)
    const stats = await atRest(cable.pair)
    expect(stats[up]).toMatchObject({ tx_dropped: counted(500), tx_packets: 0 })
    expect(stats[down].rx_packets).toBe(0)
    expect(cable.links()[up].stats64.tx.dropped).toBe(counted(500))
    await cable.pair[down].up()
    cable[up].send(numbered(0, 500, 100))
    expect(await cable[down].receive()).toEqual(new Uint8Array(numbered(0, 500, 100)))
  },
)

it('the same when it was `ip link set down` that did it', async () => {
  await using cable = await Cable.lay()
  cable.right.ip('link', 'set', 'x1', 'down')
  await until('carrier off', () => !cable.pair.carrier)
  expect(operstates(cable)).toEqual({ a: 'DOWN', b: 'DOWN' })
  expect(send(cable, 300)).toBe(300)
  expect((await atRest(cable.pair)).a.tx_dropped).toBe(counted(300))
  cable.right.ip('link', 'set', 'x1', 'up')
  await until('carrier on', () => cable.pair.carrier)
  expect(operstates(cable)).toEqual({ a: 'UP', b: 'UP' })
  expect((await stream(cable.a, cable.b, { count: 50 })).summary).toMatchObject({ received: 50, skipped: 0 })
})

describe('frames that are sent while it goes down and up are delivered or dropped, each once', () => {
  itCounts('and all are counted where the sender has no queue, as veth has none', async () => {
    await using cable = await Cable.lay()
    cable.left.exec('tc', 'qdisc', 'replace', 'dev', 'x0', 'root', 'noqueue')
    expect(await unaccounted(cable)).toBe(0)
  })

  // The kernel empties this queue without counting when it takes a link out of use: 1 frame in 100 times.
  itCounts('and all but those in the queue of the kernel where it has its default one', async () => {
    await using cable = await Cable.lay()
    const lost = await unaccounted(cable)
    expect(lost).toBeGreaterThanOrEqual(0)
    expect(lost).toBeLessThanOrEqual(2 * ROUNDS)
  })
})

const ROUNDS = 10

/** Sends without end while b goes down and up; how many of the frames no counter tells of. */
async function unaccounted(cable: Cable): Promise<number> {
  const ledger = new Ledger()
  let tried = 0
  const sendDuring = async (change: Promise<void>) => {
    let going = true
    void change.finally(() => {
      going = false
    })
    for (; going; await new Promise((resolve) => setImmediate(resolve))) {
      send(cable, 50, tried)
      tried += 50
      for (const frame of cable.b.drain()) ledger.enter(frame)
    }
    send(cable, 50, tried)
    tried += 50
  }
  for (let round = 0; round < ROUNDS; round++) {
    // Half of the times by our own order, half of them behind our back.
    await sendDuring(round % 2 === 0 ? cable.pair.b.down() : later(cable, 'down'))
    await until('carrier off', () => !cable.pair.carrier)
    await sendDuring(round % 4 < 2 ? cable.pair.b.up() : later(cable, 'up'))
    await until('carrier on', () => cable.pair.carrier)
  }
  const { a, b } = await atRest(cable.pair)
  for (const frame of cable.b.drain()) ledger.enter(frame)
  expect(ledger.summary).toMatchObject({ damaged: 0, disordered: 0, received: b.rx_packets })
  expect(a.tx_packets).toBe(b.rx_packets)
  expect(a.tx_dropped).toBeGreaterThan(0)
  expect(b.rx_packets).toBeGreaterThan(0)
  return tried - b.rx_packets - a.tx_dropped
}

/** `ip link set x1 …`, without blocking this thread meanwhile. */
async function later(cable: Cable, state: 'up' | 'down'): Promise<void> {
  const child = cable.right.spawn('ip', ['link', 'set', 'x1', state])
  await new Promise((resolve) => child.once('exit', resolve))
}

it('frames that were sent just before it comes up again do not come after it', async () => {
  await using cable = await Cable.lay()
  for (let round = 1; round <= 10; round++) {
    await cable.pair.b.down()
    send(cable, 200, 1_000 * round)
    await cable.pair.b.up()
    send(cable, 1, 1_000 * round + 999)
    const frame = await cable.b.receive()
    expect(frame).toEqual(new Uint8Array(numbered(0, 1_000 * round + 999, 100)))
  }
  const { a } = await atRest(cable.pair)
  expect([a.tx_packets, a.tx_dropped]).toEqual([10, counted(2_000)])
})

it('frames that were under way when it went down are dropped and counted', async () => {
  using left = Netns.create('left')
  using right = Netns.create('right')
  const words = ['run', 'x0', 'x1', '--netns-a', left.name, '--netns-b', right.name, '--quiet', '--json']
  await using program = uveth(words)
  await program.next('ready')
  using a = PacketSocket.open(left, 'x0')
  using b = PacketSocket.open(right, 'x1')
  // While the forwarder stands still, frames wait in the ring of the end that sent them.
  program.kill('SIGSTOP')
  await until('the forwarder to stand still', () => stateOf(program.pid) === 'T')
  for (let i = 0; i < 200; i++) a.send(numbered(0, i, 100))
  right.ip('link', 'set', 'x1', 'down')
  program.kill('SIGCONT')
  expect(await program.next('carrier')).toMatchObject({ on: false })
  await program.stop()
  const { stats } = await program.next('closed')
  expect([stats?.a.tx_packets, stats?.a.tx_dropped, stats?.b.rx_packets]).toEqual([0, 200, 0])
  expect(b.drain()).toEqual([])
})

/** `T` for a process that is stopped. */
function stateOf(pid: number): string | undefined {
  return /^State:\s*(\w)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
}

it('setCarrier("off") pulls the plug of two ends that are up, "auto" puts it back', async () => {
  await using cable = await Cable.lay()
  await cable.pair.setCarrier('off')
  expect(operstates(cable)).toEqual({ a: 'DOWN', b: 'DOWN' })
  expect(cable.links().b.flags).toEqual(expect.arrayContaining(['NO-CARRIER', 'UP']))
  send(cable, 20)
  expect((await atRest(cable.pair)).a.tx_dropped).toBe(counted(20))
  await cable.pair.setCarrier('auto')
  expect(operstates(cable)).toEqual({ a: 'UP', b: 'UP' })
  expect(cable.b.drain()).toEqual([])
})

it('carrier is followed while the main thread is blocked', async () => {
  const { a, b } = addressed()
  await using cable = await Cable.lay({ a, b })
  const [left, right] = [cable.left.name, cable.right.name]
  // One call that blocks this thread from beginning to end; `ip` and `ping` see what the cable does.
  const said = execFileSync('sh', ['-c', BLOCKED, 'sh', left, right], { encoding: 'utf8' }).split('\n')
  expect(said.slice(0, 4)).toEqual(['pinged 0', 'down: DOWN DOWN', 'up: UP UP', 'pinged 0'])
  if (counted(1) > 0) expect(Number(said[4])).toBeGreaterThan(0)
  expect(cable.pair.counters().a.tx_packets).toBeGreaterThan(0)
})

/** Shell: what happens while the main thread waits. $1 and $2 are the namespaces. */
const BLOCKED = `
state() { ip -n "$1" -brief link show dev "$2" | awk '{ print $2 }'; }
both() { echo "$(state "$L" x0) $(state "$R" x1)"; }
follow() { for n in $(seq 200); do [ "$(both)" = "$1" ] && break; sleep 0.02; done; }
L=$1 R=$2
ip netns exec "$L" ping -c 2 -i 0.2 -W 5 -q 10.77.0.2 >/dev/null; echo "pinged $?"
ip -n "$R" link set x1 down
follow 'DOWN DOWN'; echo "down: $(both)"
ip netns exec "$L" ping -c 2 -i 0.2 -W 1 -q 10.77.0.2 >/dev/null
ip -n "$R" link set x1 up
follow 'UP UP'; echo "up: $(both)"
ip netns exec "$L" ping -c 2 -i 0.2 -W 5 -q 10.77.0.2 >/dev/null; echo "pinged $?"
ip netns exec "$L" cat /sys/class/net/x0/statistics/tx_dropped
`
