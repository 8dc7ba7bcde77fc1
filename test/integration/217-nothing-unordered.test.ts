// Nothing is lost that nobody ordered: a window of TCP over a delay is under no limit that it could meet, and where a
// limit or a full queue does drop something, it is said by name, with what helps.

import type { EndStats } from 'uveth'
import { describe, expect } from 'vitest'
import { atRest, B, Cable } from '../support/cable.js'
import { commandOf } from '../support/cli.js'
import { sumOf } from '../support/counts.js'
import { TestDaemon } from '../support/daemon.js'
import { numbered } from '../support/frames.js'
import { iperf3 } from '../support/iperf.js'
import { until } from '../support/netns.js'
import { PacketSocket } from '../support/packet.js'
import { pings } from '../support/ping.js'
import { needs } from '../support/skip.js'

const basics = ['root', 'tun', 'netns', 'ip'] as const
const it = needs(...basics)
/** What a kernel before 6.2 drops for want of carrier, it does not count. */
const itCounts = needs(...basics, 'kernel 6.2')

/** Sends them as fast as it can: of a socket that is not connected, which is told nothing of the port that nobody has. */
const BURST = `import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for n in range(20000): s.sendto(b'x' * 100, (sys.argv[1], 9))`

describe('a delay alone', () => {
  needs(...basics, 'iperf3')('100 MB over 20 ms each way: no frame is dropped, none sent again', async () => {
    await using cable = await Cable.addressed({ a: { impair: { delay: 20 } }, b: { impair: { delay: 20 } } })
    // A sender that stood still sends again without a loss: other programs are busy, too.
    let again = Number.POSITIVE_INFINITY
    for (let tries = 0; tries < 3 && again > 0; tries++) {
      const { end } = await iperf3(cable.left, cable.right, B, '--bytes', '100M')
      again = Math.min(again, end.sum_sent.retransmits ?? Number.NaN)
    }
    const { a, b } = await atRest(cable.pair)
    // What a kernel says of its fresh address before there is carrier is no matter of the delay.
    expect([a, b].map(({ drops }) => sumOf({ ...drops, carrier: 0 }))).toEqual([0, 0])
    expect(again).toBe(0)
  })

  it('20,000 frames are held, and all arrive', async () => {
    await using cable = await Cable.lay({ a: { impair: { delay: '60s' } } })
    const judged = () => cable.pair.counters().a.inspected.held
    for (let sent = 0; sent < 20_000; ) {
      for (const next = sent + 500; sent < next; sent++) cable.a.send(numbered(0, sent, 100))
      await until('held', () => judged() === sent)
    }
    await cable.pair.a.impair(null)
    cable.a.send(numbered(0, 20_000, 100))
    await until('delivered', () => cable.pair.counters().b.rx_packets === 20_001)
    expect(sumOf((await atRest(cable.pair)).a.drops)).toBe(0)
  })
})

describe('the queue of an end', () => {
  needs(...basics, 'python3')('takes 20,000 datagrams at once, and all arrive', async () => {
    await using cable = await Cable.addressed()
    const { left, right, pair } = cable
    expect(pings(left, B)).toBe(true) // both know their neighbour
    // A worker that has no processor for long comes too late for any queue: other programs are busy, too.
    let lost = Number.POSITIVE_INFINITY
    for (let tries = 0; tries < 10 && lost > 0; tries++) {
      const before = (await atRest(pair)).a
      left.exec('python3', '-c', BURST, B)
      const came = ({ tx_packets, tx_dropped }: EndStats) => tx_packets + tx_dropped
      await until('all that was sent', async () => came((await pair.stats()).a) >= came(before) + 20_000)
      const { a } = await atRest(pair)
      lost = Math.min(lost, a.tx_dropped - before.tx_dropped)
    }
    expect(lost).toBe(0)
    const { rx_packets } = (await atRest(pair)).b
    await until('the kernel to have them', () => right.link('x1').stats64.rx.packets >= rx_packets)
  })

  itCounts(
    'what finds no room in it is `queue` among the drops, and what is sent without carrier is not',
    async () => {
      await using cable = await Cable.lay({ a: { txQueueLength: 5, impair: { delay: 1 } } })
      const { pair } = cable
      const send = (count: number) => {
        for (let n = 0; n < count; n++) cable.a.send(numbered(0, n, 100))
      }
      // In one turn of this thread, while the worker is still on its way: more than it can take from five places.
      for (let tries = 0; tries < 50 && (await pair.stats()).a.drops.queue === 0; tries++) send(2_000)
      const full = (await atRest(pair)).a
      expect(full.drops.queue).toBeGreaterThan(0)
      expect(full.drops).toMatchObject({ carrier: 0, queue: full.kernel?.tx_dropped })
      await pair.b.down()
      send(70)
      const { a } = await atRest(pair)
      expect(a.drops).toEqual({ ...full.drops, carrier: 70 })
      expect(sumOf(a.drops)).toBe(a.tx_dropped)
      await pair.b.up()
      send(1)
      await until('delivered', () => pair.counters().a.tx_packets === full.tx_packets + 1)
      expect((await atRest(pair)).a.drops).toEqual(a.drops)
    },
  )
})

needs(...basics, 'nsenter')(
  'the command says what was dropped for want of room, and what helps',
  async () => {
    await using daemon = await TestDaemon.start()
    const uveth = commandOf(daemon)
    const wish = { id: 'tight', quiet: true, a: { name: 'x0', up: true }, b: { name: 'x1', up: true } }
    await daemon.ask('POST', '/v1/pairs', wish)
    await uveth('link', 'set', 'x0', 'impair', 'limit', '10', 'delay', '60s', 'seed', '1')
    using socket = PacketSocket.open(daemon.home, 'x0')
    for (let n = 0; n < 25; n++) socket.send(numbered(0, n, 100))
    const drops = async () => (await daemon.ask('GET', '/v1/pairs/tight/stats')).json.a.drops
    await until('dropped', async () => (await drops()).limit === 15)
    const said = 'dropped by limit: 15: raise limit, or the memory for frames that wait'
    expect((await uveth('link', 'set', 'x0', 'impair', 'show')).stdout).toBe(
      `limit 10 delay 60s seed 1\n${said}\n`,
    )
    expect((await uveth('-s', 'link', 'show', 'x0')).stdout).toContain(`\n    ${said}\n`)
    expect((await uveth('-d', 'link', 'show', 'x1')).stdout).not.toContain('dropped by')
    expect((await uveth('stats', 'x0')).stdout).toContain('\tlimit 15')
    const { text } = await daemon.ask('GET', '/metrics')
    expect(text).toMatch(/uveth_end_dropped_total\{[^}]*end="a"[^}]*cause="limit"\} 15\n/)
    expect(text).toMatch(/uveth_end_dropped_total\{[^}]*end="a"[^}]*cause="queue"\} 0\n/)
  },
)
