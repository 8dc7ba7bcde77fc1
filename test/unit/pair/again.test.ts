// A pair that is made again from the dossier of another one, over memory devices: what it meets from its first frame,
// and where its counts go on.

import { expect, test } from 'vitest'
import { readDossier, writeDossier } from '../../../dist/pair/dossier.js'
import { Pair } from '../../../dist/pair/pair.js'
import { MemoryLink } from '../../support/memory-link.js'

const ENDS = { a: { name: 'a', up: true }, b: { name: 'b', up: true } }
const WISHES = { from: null, sent: ENDS, since: {} }

function frame(mark: number): Uint8Array {
  const bytes = new Uint8Array(100).fill(mark)
  bytes[0] = 2 // not a multicast address
  bytes.set([0x88, 0xb5], 12) // an ethertype for experiments
  return bytes
}

test.each([
  ['by a worker', {}],
  ['inline', { inline: true }],
] as const)('goes on as that one was, forwarded %s', async (_way, options) => {
  await using memory = await MemoryLink.start()
  const rules = [
    { action: { kind: 'drop' as const }, match: { nth: 1 } },
    { action: { kind: 'drop' as const }, match: { nth: 3 } },
  ]
  const first = await Pair.create({ ...options, a: { ...ENDS.a, rules }, b: ENDS.b }, memory.link)
  const send = async (marks: number[], arriving: number[]) => {
    const [a, b] = memory.host.devices.slice(-2)
    for (const mark of marks) a?.send(frame(mark))
    expect(await b?.take(arriving.length)).toEqual(arriving.map(frame))
  }
  // The second rule has not seen the frame that the first one dropped: it has met one when the pair ends.
  await send([1, 2], [2])
  first.a.removeRule(1)
  await first.setCarrier('off')
  await first.close()
  expect(first.counters().a).toMatchObject({ tx_packets: 1, tx_dropped: 1 })

  const text = JSON.stringify(writeDossier(Pair.dossier(first, WISHES)))
  const dossier = readDossier(JSON.parse(text))
  const again = await Pair.create({ ...options, ...ENDS }, memory.link, dossier)
  expect(again.carrier).toBe(false)
  expect(again.a.rules()).toMatchObject([{ id: 2, matched: 1, hits: 0 }])
  await again.setCarrier('auto')
  await send([3, 4, 5], [3, 5])
  expect(again.a.rules()).toMatchObject([{ id: 2, matched: 4, hits: 1 }])
  expect(again.a.drop({ arp: {} }).id).toBe(3)
  await again.close()
  const { a, b } = again.counters()
  expect([a.tx_packets, a.drops.rule, b.rx_packets, b.tx_packets]).toEqual([3, 2, 3, 0])
  expect(a.workers.reduce((sum, { tx_packets }) => sum + tx_packets, 0)).toBe(2)
})
