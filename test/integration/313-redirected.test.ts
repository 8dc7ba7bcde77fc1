// XDP programs that send what an end receives elsewhere: to an end of another pair, whose peer gets it, and to AF_XDP
// sockets in copy mode, in the driver's mode and the generic one. The program is fixtures/xdp.c.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { createPair, type Pair } from 'uveth'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { atRest, B, Cable, stream } from '../support/cable.js'
import { iperf3, says } from '../support/iperf.js'
import { Netns } from '../support/netns.js'
import { PacketSocket } from '../support/packet.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip', 'bpf', 'gcc', 'ethtool', 'iperf3')
const MODES = [
  ["the driver's", 'drv'],
  ['the generic', 'skb'],
] as const

const folder = mkdtempSync(join(tmpdir(), 'uvt-xdp-'))
afterAll(() => rmSync(folder, { recursive: true }))
beforeAll(() => {
  const source = new URL('fixtures/xdp.c', import.meta.url).pathname
  execFileSync('gcc', ['-O1', '-o', join(folder, 'xdp'), source])
})

async function attached(netns: Netns, ...words: string[]): Promise<void> {
  const program = netns.spawn(join(folder, 'xdp'), words, { stdio: ['pipe', 'pipe', 'inherit'] })
  await says(program.stdout as Readable, 'ready')
}

/** left x0 = x1 right y0 = y1 far, and the redirect of all that right receives into its other end, both ways. */
class Redirected implements AsyncDisposable {
  readonly far = Netns.create('far')
  readonly cable: Cable
  #second: Pair | undefined

  private constructor(cable: Cable) {
    this.cable = cable
  }

  static async lay(mode: string): Promise<Redirected> {
    const redirected = new Redirected(await Cable.addressed({ b: { addresses: [] } }))
    const { far, cable } = redirected
    redirected.#second = await createPair({
      quiet: true,
      a: { name: 'y0', netns: cable.right.name, up: true },
      b: { name: 'y1', netns: far.name, up: true, addresses: [`${B}/24`] },
    })
    await attached(cable.right, 'redirect', 'x1', 'y0', mode)
    await attached(cable.right, 'redirect', 'y0', 'x1', mode)
    return redirected
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#second?.close()
    await this.cable[Symbol.asyncDispose]()
    this.far[Symbol.dispose]()
  }
}

describe.each(MODES)('in %s mode', (_, mode) => {
  it('what comes out of one pair is redirected into another', async () => {
    await using redirected = await Redirected.lay(mode)
    const { cable, far } = redirected
    {
      using here = PacketSocket.open(cable.left, 'x0')
      using there = PacketSocket.open(far, 'y1')
      const ledger = await stream(here, there, { count: 500, window: 50 })
      expect(ledger).toMatchObject({ received: 500, damaged: 0, disordered: 0 })
    }
    // XDP carries no sign that a checksum is still to be finished.
    cable.left.exec('ethtool', '-K', 'x0', 'tx', 'off')
    far.exec('ethtool', '-K', 'y1', 'tx', 'off')
    const report = await iperf3(cable.left, far, B, '--bytes', '10M')
    expect(report.end.sum_received.bytes).toBeGreaterThan(1_000_000)
  })

  it('an AF_XDP socket on an end receives, and sends', async () => {
    await using cable = await Cable.lay()
    await attached(cable.right, 'echo', 'x1', mode)
    const ledger = await stream(cable.a, cable.a, { count: 500, window: 30 })
    expect(ledger).toMatchObject({ received: 500, damaged: 0, disordered: 0 })
    const { b } = await atRest(cable.pair)
    expect([b.rx_packets, b.tx_packets]).toEqual([500, 500])
  })
})
