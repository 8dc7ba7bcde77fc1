// Captures of a pair, by the library: from the first frame on, with what became of each, complete however they
// end, on one queue and on two. The bytes of the files are the business of 205 and 207-pcapng-readers.

import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, openSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { configure } from 'uveth'
import { afterEach, beforeAll, beforeEach, describe, expect } from 'vitest'
import { addressed, Cable, stream } from '../support/cable.js'
import { ETH_P } from '../support/frames.js'
import { expectBalanced, marked, marksAtB, perFrame, sendMarks } from '../support/hooks.js'
import { until } from '../support/netns.js'
import { type PcapngPacket, packetsOf, readPcapng } from '../support/pcapng.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip')
const itPings = needs('root', 'tun', 'netns', 'ip', 'ping')

let folder = ''
let path = ''
beforeAll(() => configure({ workers: 2 }))
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'uveth-26-'))
  path = join(folder, 'x.pcapng')
})
afterEach(() => rmSync(folder, { recursive: true }))

/** The packets of a complete file: it ends with the statistics of each interface. */
function packetsIn(file: string): PcapngPacket[] {
  const sections = readPcapng(readFileSync(file))
  for (const { interfaces, statistics } of sections) expect(statistics).toHaveLength(interfaces.length)
  return packetsOf(readFileSync(file))
}

const at = (packets: PcapngPacket[], on: string, mark?: number) =>
  packets.filter((one) => one.on === on && (mark === undefined || one.frame[14] === mark))

it('from the first frame: what the stack sends as the pair comes up is there', async () => {
  await using cable = await Cable.lay({ ...addressed(), quiet: false, capture: { path, both: true } })
  await until('the first frame', () => cable.pair.counters().a.tx_packets > 0)
  await expectBalanced(cable)
  await cable.pair.close()
  const packets = packetsIn(path)
  const { tx_packets, rx_packets } = cable.pair.counters().a
  expect(at(packets, 'x0').filter(({ direction }) => direction === 'out')).toHaveLength(tx_packets)
  expect(at(packets, 'x0').filter(({ direction }) => direction === 'in')).toHaveLength(rx_packets)
  expect(packets[0]?.id).toBeLessThanOrEqual(1)
})

it('each frame at both ends under one id, in both directions', async () => {
  await using cable = await Cable.lay()
  await using capture = await cable.pair.capture({ path, both: true })
  sendMarks(cable, 1, 2)
  expect(await marksAtB(cable, 2)).toEqual([1, 2])
  cable.b.send(marked(3))
  await cable.a.receive()
  const { records, lost } = await capture.stop()
  expect([records, lost]).toEqual([6, 0])
  const packets = packetsIn(path)
  const seen = packets.map(({ on, direction, id, frame }) => [on, direction, id, frame[14]])
  expect(seen.sort()).toEqual(
    [
      ['x0', 'out', 0, 1],
      ['x1', 'in', 0, 1],
      ['x0', 'out', 2, 2],
      ['x1', 'in', 2, 2],
      ['x1', 'out', 1, 3],
      ['x0', 'in', 1, 3],
    ].sort(),
  )
})

it('with what became of it: dropped by what, and held for how long', async () => {
  await using cable = await Cable.lay()
  const rule = cable.pair.a.drop({ bytes: [[14, 0xff, 1]] })
  cable.pair.a.delay({ bytes: [[14, 0xff, 2]] }, 30)
  await using _hook = await cable.pair.a.use(
    perFrame("if (burst.frame(i)[14] === 3) burst.drop(i, 'hook', 'three')"),
  )
  await using capture = await cable.pair.capture({ path, both: true })
  sendMarks(cable, 1, 2, 3, 4)
  expect(await marksAtB(cable, 2)).toEqual([4, 2])
  await capture.stop()
  const packets = packetsIn(path)
  const comments = (mark: number) => at(packets, 'x0', mark).map((one) => one.comments)
  expect(comments(1)).toEqual([[`dropped: rule (rule ${rule.id})`]])
  expect(comments(2)).toEqual([['delayed: 30.000 ms']])
  expect(comments(3)).toEqual([['dropped: hook (three)']])
  expect(comments(4)).toEqual([[]])
  expect(at(packets, 'x1').map(({ frame }) => frame[14])).toEqual([4, 2])
  const [sent] = at(packets, 'x0', 2)
  const [delivered] = at(packets, 'x1', 2)
  expect(Number((delivered?.time ?? 0n) - (sent?.time ?? 0n))).toBeGreaterThanOrEqual(30e6)
})

it('a frame that was changed, as it was sent and as it was delivered', async () => {
  await using cable = await Cable.lay({ a: { impair: { corrupt: 100, seed: 1 } } })
  const rule = cable.pair.a.corrupt({ bytes: [[14, 0xff, 1]] }, { offset: 20, mask: 0xff })
  await using capture = await cable.pair.capture({ path, both: true })
  sendMarks(cable, 1, 2)
  const arrived = [await cable.b.receive(), await cable.b.receive()].map((frame) => Buffer.from(frame ?? []))
  await capture.stop()
  const packets = packetsIn(path)
  const sent = at(packets, 'x0')
  expect(sent.map(({ frame }) => frame)).toEqual([marked(1), marked(2)])
  expect(sent.map(({ comments }) => comments)).toEqual([[`changed: rule ${rule.id}`], ['changed: corrupted']])
  expect(at(packets, 'x1').map(({ frame }) => frame)).toEqual(arrived)
  expect(arrived).not.toEqual([marked(1), marked(2)])
})

describe('one end, a match and a snaplen', () => {
  it.each<[what: string, wish: object, records: number]>([
    ['end a: what it sends and is given', { end: 'a' }, 3],
    ['end b', { end: 'b' }, 3],
    ['a match', { match: { bytes: [[14, 0xff, 2]] } }, 1],
    ['a short snaplen', { snaplen: 20, both: true }, 6],
  ])('%s', async (_, wish, records) => {
    await using cable = await Cable.lay()
    await using capture = await cable.pair.capture({ path, ...wish })
    sendMarks(cable, 1, 2)
    await marksAtB(cable, 2)
    cable.b.send(marked(3))
    await cable.a.receive()
    expect(await capture.stop()).toMatchObject({ records })
    const packets = packetsIn(path)
    if ('end' in wish)
      expect(new Set(packets.map(({ on }) => on))).toEqual(new Set([`x${wish.end === 'a' ? 0 : 1}`]))
    for (const { frame, original } of packets) {
      expect([frame.length, original]).toEqual(['snaplen' in wish ? 20 : 100, 100])
    }
  })
})

describe('is complete', () => {
  it('when the pair is closed, with what was held and is dropped', async () => {
    await using cable = await Cable.lay({ a: { impair: { delay: 10_000, seed: 1 } } })
    const capture = await cable.pair.capture({ path, both: true })
    sendMarks(cable, 1)
    await until('held', () => cable.pair.counters().a.inspected.held === 1)
    await cable.pair.close()
    expect(packetsIn(path).map(({ on, frame, comments }) => [on, frame[14], ...comments])).toEqual([
      ['x0', 1, 'delayed: 10000.000 ms'],
      ['x1', 1, 'dropped: carrier'],
    ])
    expect(await capture.finished).toMatchObject({ records: 2, lost: 0 })
    expect(await capture.stop()).toMatchObject({ records: 2 })
  })

  it('up to where its disk was full, which the pair tells', async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder])
    try {
      await using cable = await Cable.lay({ capture: { path, both: true } })
      const failed = once(cable.pair, 'captureFailed')
      sendMarks(cable, ...Array.from({ length: 30 }, (_, mark) => mark))
      await until('the first ones', () => statSync(path).size > 30 * 100)
      for (let n = 0; n < 100; n++) cable.a.send(marked(n, 1_000))
      expect(await failed).toMatchObject([{ path, message: expect.stringMatching(/^ENOSPC/) }])
      sendMarks(cable, 1)
      await cable.pair.close()
      expect(packetsOf(readFileSync(path)).length).toBeGreaterThan(20)
    } finally {
      execFileSync('umount', [folder])
    }
  })

  it('when an end is deleted by others', async () => {
    await using cable = await Cable.lay({ capture: { path, both: true } })
    sendMarks(cable, 1)
    await marksAtB(cable, 1)
    const closed = new Promise((resolve) => cable.pair.once('closed', resolve))
    cable.right.ip('link', 'del', 'x1')
    await closed
    await cable.pair.close()
    expect(packetsIn(path)).toHaveLength(2)
  })

  it('when the thread of a hook is lost: what was recorded before and after', async () => {
    await using cable = await Cable.lay()
    await using capture = await cable.pair.capture({ path, both: true })
    await cable.pair.a.use(perFrame('if (burst.frame(i)[14] === 2) process.exit()'))
    sendMarks(cable, 1)
    await marksAtB(cable, 1)
    const failed = new Promise((resolve) => cable.pair.once('hookFailed', resolve))
    sendMarks(cable, 2)
    await failed
    sendMarks(cable, 3)
    await marksAtB(cable, 1)
    await capture.stop()
    expect(at(packetsIn(path), 'x1').map(({ frame }) => frame[14])).toEqual([1, 3])
  })
})

it('several at once, each its own', async () => {
  await using cable = await Cable.lay()
  const paths = [1, 2, 3].map((n) => join(folder, `${n}.pcapng`))
  const captures = await Promise.all(paths.map((each) => cable.pair.capture({ path: each, both: true })))
  sendMarks(cable, 1)
  await marksAtB(cable, 1)
  await captures[0]?.stop()
  sendMarks(cable, 2)
  await marksAtB(cable, 1)
  await Promise.all(captures.map((capture) => capture.stop()))
  expect(paths.map((each) => packetsIn(each).length)).toEqual([2, 4, 4])
})

it('into a descriptor, which stays open, and as a stream', async () => {
  await using cable = await Cable.lay()
  const fd = openSync(path, 'w')
  const capture = await cable.pair.captureTo(fd, { end: 'b' })
  const chunks: Uint8Array[] = []
  const abort = new AbortController()
  const reading = (async () => {
    for await (const chunk of cable.pair.captureStream({ signal: abort.signal, end: 'b' })) chunks.push(chunk)
  })()
  await until('it has begun', () => chunks.length > 0)
  sendMarks(cable, 1, 2, 3)
  await marksAtB(cable, 3)
  abort.abort()
  await reading
  await capture.stop()
  expect(packetsIn(path)).toHaveLength(3)
  const [section] = readPcapng(Buffer.concat(chunks))
  expect(section?.packets.map(({ frame }) => frame[14])).toEqual([1, 2, 3])
  expect(section?.statistics).toHaveLength(1)
})

it('on two queues: every frame of every flow, in one file', async () => {
  await using cable = await Cable.lay({ queues: 2 })
  await using capture = await cable.pair.capture({ path, both: true, ringBytes: 64 << 20 })
  await cable.pair.a.settled()
  const flows = Array.from({ length: 16 }, (_, flow) => flow)
  const { summary } = await stream(cable.a, cable.b, { count: 100, flows })
  expect(summary).toEqual({ received: 1_600, damaged: 0, disordered: 0, skipped: 0 })
  expect(await capture.stop()).toMatchObject({ records: 3_200, lost: 0 })
  const packets = packetsIn(path)
  for (const on of ['x0', 'x1']) {
    expect(new Set(at(packets, on).map(({ id }) => id)).size).toBe(1_600)
  }
})

it('of a pair that is looped in this thread', async () => {
  await using cable = await Cable.lay({ inline: true })
  await using capture = await cable.pair.capture({ path, both: true })
  sendMarks(cable, 1)
  await marksAtB(cable, 1)
  expect(await capture.stop()).toMatchObject({ records: 2 })
  expect(packetsIn(path)).toHaveLength(2)
})

itPings('ICMP as a stack makes it, with checksums that are finished', async () => {
  await using cable = await Cable.lay({ ...addressed(), capture: { path, match: { ethertype: ETH_P.IP } } })
  cable.left.exec('ping', '-n', '-q', '-c', '2', '-i', '0.05', '10.77.0.2')
  await cable.pair.close()
  const packets = packetsIn(path)
  expect(packets).toHaveLength(4)
  for (const { frame } of packets) {
    let sum = 0
    for (let byte = 34; byte < frame.length; byte += 2) sum += frame.readUInt16BE(byte)
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
    expect(sum).toBe(0xffff)
  }
})
