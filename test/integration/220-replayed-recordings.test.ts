// Recordings that are put on a cable again: of our own captures and of other programs', by one end or both, with their
// own times, and with the same fates under the same seed.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ether, readFrame } from 'uveth/frames'
import { afterAll, describe, expect } from 'vitest'
import { atRest, Cable } from '../support/cable.js'
import { numbered } from '../support/frames.js'
import { until } from '../support/netns.js'
import { pcapOf } from '../support/recordings.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip')
const withTcpdump = needs('root', 'tun', 'netns', 'ip', 'tcpdump')

const folder = mkdtempSync(join(tmpdir(), 'uveth-220-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = (name: string) => join(folder, name)

/** pcap with these frames, so many ms apart. */
function pcap(name: string, frames: readonly Uint8Array[], gap: number): string {
  writeFileSync(file(name), pcapOf(frames, gap))
  return file(name)
}

describe('refused', () => {
  it('wrong wishes, files that are none, and a pair that has ended', async () => {
    const cable = await Cable.lay()
    const { a } = cable.pair
    const one = pcap('one.pcap', [numbered(0, 0, 100)], 0)
    const refused = (wish: Promise<unknown>, code: string, words: RegExp) =>
      expect(wish).rejects.toMatchObject({ code, message: expect.stringMatching(words) })
    try {
      await refused(a.replay(one, { speed: 0 }), 'EINVAL', /^EINVAL: speed must be a number above 0, not 0$/)
      await refused(
        a.replay(one, { from: '' }),
        'EINVAL',
        /^EINVAL: from must be the name of an interface or a MAC/,
      )
      await refused(a.replay(file('none')), 'ENOENT', /^ENOENT: no such file/)
      await refused(a.replay(import.meta.filename), 'EBADMSG', /neither pcap nor pcapng$/)
      expect(cable.pair.counters().a.inspected.injected).toBe(0)
    } finally {
      await cable[Symbol.asyncDispose]()
    }
    await refused(a.replay(one), 'ENODEV', /^ENODEV/)
  })
})

it('frames leave no sooner than they did, in their order; what is not whole is left out', async () => {
  await using cable = await Cable.lay()
  const frames = [0, 1, 2, 3, 4].map((n) => numbered(0, n, 100 + n))
  const path = pcap('slow.pcap', [...frames, new Uint8Array(13)], 40)
  const begun = performance.now()
  expect(await cable.pair.a.replay(path)).toEqual({ frames: 5, unfit: 1 })
  expect(performance.now() - begun).toBeGreaterThanOrEqual(159)
  for (const frame of frames) expect(await cable.b.receive()).toEqual(new Uint8Array(frame))
  await cable.pair.a.replay(path, { speed: Number.POSITIVE_INFINITY })
  expect((await atRest(cable.pair)).b.rx_packets).toBe(10)
})

// The second is more than a timer can wait for.
it.each([3_600_000, 3_000_000_000])(
  'an AbortSignal ends it, and the end of the pair, in a gap of %i ms',
  async (gap) => {
    await using cable = await Cable.lay()
    const path = pcap('gap.pcap', [numbered(0, 0, 100), numbered(0, 1, 100)], gap)
    const abort = new AbortController()
    const replayed = cable.pair.a.replay(path, { signal: abort.signal })
    await until('the first', () => cable.pair.counters().a.inspected.injected === 1)
    abort.abort()
    await expect(replayed).rejects.toMatchObject({ name: 'AbortError' })
    expect(cable.pair.counters().a.inspected.injected).toBe(1)
    const ended = expect(cable.pair.a.replay(path)).rejects.toMatchObject({ code: 'ENODEV' })
    await until('the first once more', () => cable.pair.counters().a.inspected.injected === 2)
    await cable.pair.close()
    await ended
  },
)

it('a capture of both ends, by both: each sends what it sent, and a seed has the same fates again', async () => {
  const loss = { impair: { loss: '20%', seed: 7 } } as const
  const sent = 200
  async function numbersAtB(cable: Cable): Promise<number[]> {
    const numbers: number[] = []
    const { rx_packets } = (await atRest(cable.pair)).b
    while (numbers.length < rx_packets) {
      const { payload } = readFrame((await cable.b.receive()) as Uint8Array)
      numbers.push(new DataView(Uint8Array.from(payload as Uint8Array).buffer).getUint32(4))
    }
    return numbers
  }
  const path = file('both.pcapng')
  let first: number[]
  {
    await using cable = await Cable.lay({ a: loss, capture: { path, both: true } })
    for (let n = 0; n < sent; n++) cable.a.send(numbered(0, n, 100))
    await until('all of a', () => {
      const { tx_packets, tx_dropped } = cable.pair.counters().a
      return tx_packets + tx_dropped === sent
    })
    for (let n = 0; n < 3; n++) cable.b.send(numbered(1, n, 100))
    await until('all of b', () => cable.pair.counters().b.tx_packets === 3)
    first = await numbersAtB(cable)
  }
  expect(first.length).toBeGreaterThan(100)
  expect(first.length).toBeLessThan(sent)
  await using cable = await Cable.lay({ a: loss })
  const { a, b } = cable.pair
  const results = await Promise.all([a.replay(path, { from: 'x0' }), b.replay(path, { from: 'x1' })])
  expect(results).toEqual([
    { frames: sent, unfit: 0 },
    { frames: 3, unfit: 0 },
  ])
  expect(await numbersAtB(cable)).toEqual(first)
})

it('bytes that come from anywhere', async () => {
  await using cable = await Cable.lay()
  const bytes = pcapOf(
    [0, 1, 2].map((n) => numbered(0, n, 100)),
    0,
  )
  async function* byteByByte() {
    for (const byte of bytes) yield Uint8Array.of(byte)
  }
  expect(await cable.pair.a.replay(byteByByte())).toEqual({ frames: 3, unfit: 0 })
  expect((await atRest(cable.pair)).b.rx_packets).toBe(3)
})

withTcpdump('what tcpdump has written, by the address of the sender', async () => {
  const path = file('tcpdump.pcap')
  await using cable = await Cable.lay()
  const { pair, right } = cable
  const dump = right.spawn('tcpdump', ['-i', 'x1', '-w', path, '-U', '-c', '4', '--immediate-mode'])
  let said = ''
  dump.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  await until('tcpdump', () => said.includes('listening'))
  const from = (src: string) => ether({ src }).payload(new Uint8Array(50).fill(src.length))
  const [one, other] = ['02:00:00:00:0a:01', '02:00:00:00:0a:02']
  for (const src of [one, other, one, other]) cable.a.send(Buffer.from(from(src)))
  await until('the file', () => dump.exitCode !== null)
  expect(await pair.b.replay(path, { from: other.toUpperCase() })).toEqual({ frames: 2, unfit: 0 })
  for (let n = 0; n < 2; n++) expect(await cable.a.receive()).toEqual(from(other))
})
