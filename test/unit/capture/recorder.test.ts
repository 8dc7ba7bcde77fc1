// From the ring to the file: what is written of each record. Into which file is files.test.ts's; the thread that
// does so is test/integration/205-pcapng.test.ts.

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CaptureFiles } from '../../../src/capture/files.js'
import { commentsOn, nanoseconds, Recorder } from '../../../src/capture/recorder.js'
import type { CaptureResult, RecorderSetup, SinkPlan } from '../../../src/capture/setup.js'
import { Probe } from '../../../src/datapath/probe.js'
import { Burst } from '../../../src/frame/burst.js'
import { Slab } from '../../../src/frame/slab.js'
import { FrameRecord } from '../../../src/ring/record.js'
import { createRing, endRing } from '../../../src/ring/ring.js'
import { ETH_P, ethernet, filler } from '../../support/frames.js'
import { packetsOf, readPcapng } from '../../support/pcapng.js'

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1)
const END_A = { name: 'veth0', mac: MAC }
const END_B = { name: 'veth1', mac: MAC }
const FRAME = ethernet(ETH_P.EXPERIMENT, filler(986)) // 1,000 bytes
const START = 4160

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'uveth-capture-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const slab = new Slab()
slab.bytes.set(FRAME, START)

interface Recording {
  ring: SharedArrayBuffer
  probe: Probe
  recorder: Recorder
  /** Says that the ring has ended, and writes what is in it. */
  finish(): Promise<CaptureResult>
}

async function recordTo(
  sinkPlan: SinkPlan,
  interfaces: RecorderSetup['interfaces'] = [END_A, END_B],
  bytes = 2 ** 20,
) {
  const ring = createRing(bytes)
  const ends = { a: interfaces[0] !== null, b: interfaces[1] !== null }
  const probe = new Probe({ id: 1, ring, ends, delivered: true, match: null, snaplen: 65_535 })
  const files = await CaptureFiles.open(sinkPlan, { ended: () => true })
  const recorder = new Recorder({ ring, sink: sinkPlan, interfaces, snaplen: 65_535 }, files)
  await recorder.begin()
  const finish = async () => {
    probe.flush()
    endRing(ring)
    await recorder.run()
    await files.close()
    return recorder.result()
  }
  return { ring, probe, recorder, finish } satisfies Recording
}

function burstOf(count: number, number = 0): Burst {
  const burst = new Burst()
  burst.begin(slab, performance.now())
  for (let i = 0; i < count; i++) burst.push(START, FRAME.length, number + i)
  return burst
}

describe('a file', () => {
  test('has what both ends sent and got', async () => {
    const path = join(folder, 'one.pcapng')
    const { probe, finish } = await recordTo({ kind: 'path', path })
    const burst = burstOf(3, 5)
    burst.drop(1, 'rule', 'rule 3')
    burst.hold(2, 12)
    probe.sent(burst, 1)
    probe.delivered(0, slab.bytes, START, FRAME.length, Float64Array.of(5, performance.now(), 0, 1))
    const result = await finish()
    expect(result).toEqual({ records: 4, lost: 0, bytes: statSync(path).size, files: [path] })
    const [section] = readPcapng(readFileSync(path))
    const packets = section?.packets ?? []
    expect(packets.map(({ on, direction, id, comments }) => [on, direction, id, comments])).toEqual([
      ['veth1', 'out', 11, []],
      ['veth1', 'out', 13, ['dropped: rule (rule 3)']],
      ['veth1', 'out', 15, ['delayed: 12.000 ms']],
      ['veth0', 'in', 11, []],
    ])
    for (const { frame, time } of packets) {
      expect(frame.equals(FRAME)).toBe(true)
      expect(Math.abs(Number(time / 1_000_000n) - Date.now())).toBeLessThan(1000)
    }
    expect(section?.statistics.map(({ delivered, dropped }) => [delivered, dropped])).toEqual([
      [1, 0],
      [3, 0],
    ])
  })

  test('is for its owner only, and replaces what was there', async () => {
    const path = join(folder, 'one.pcapng')
    await (await recordTo({ kind: 'path', path })).finish()
    expect(statSync(path).mode & 0o777).toBe(0o600)
    const { size } = statSync(path)
    writeFileSync(path, filler(100_000))
    await (await recordTo({ kind: 'path', path })).finish()
    expect(statSync(path).size).toBe(size)
  })

  test('of one end has its interface only', async () => {
    const path = join(folder, 'b.pcapng')
    const { probe, finish } = await recordTo({ kind: 'path', path }, [null, END_B])
    probe.sent(burstOf(1), 0)
    probe.sent(burstOf(1), 1)
    probe.delivered(1, slab.bytes, START, FRAME.length, Float64Array.of(0, 0, 0, 1))
    await finish()
    const [section] = readPcapng(readFileSync(path))
    expect(section?.interfaces.map(({ name }) => name)).toEqual(['veth1'])
    expect(section?.packets.map(({ on, direction }) => [on, direction])).toEqual([
      ['veth1', 'out'],
      ['veth1', 'in'],
    ])
  })

  test('says what was lost, where and how many', async () => {
    const path = join(folder, 'lost.pcapng')
    const { probe, recorder, finish } = await recordTo({ kind: 'path', path }, [END_A, END_B], 4096)
    probe.sent(burstOf(5), 0) // three fit
    probe.sent(burstOf(1), 1)
    probe.flush()
    expect(await recorder.turn()).toBe(true)
    probe.sent(burstOf(4), 0)
    probe.sent(burstOf(1), 1)
    probe.flush()
    await recorder.turn()
    probe.sent(burstOf(1), 0)
    probe.sent(burstOf(1), 1)
    expect(await finish()).toMatchObject({ records: 8, lost: 5 })
    const [section] = readPcapng(readFileSync(path))
    expect(section?.packets.map(({ on, dropcount }) => [on, dropcount])).toEqual([
      ['veth0', undefined],
      ['veth0', undefined],
      ['veth0', undefined],
      ['veth0', 2],
      ['veth0', undefined],
      ['veth0', undefined],
      ['veth0', 1],
      ['veth1', 2],
    ])
    expect(section?.statistics.map(({ received, dropped }) => [received, dropped])).toEqual([
      [10, 3],
      [3, 2],
    ])
  })

  test('that cannot be opened is an error', async () => {
    const open = (path: string) => recordTo({ kind: 'path', path })
    await expect(open(join(folder, 'none', 'x.pcapng'))).rejects.toThrow(/ENOENT/)
    await expect(open(folder)).rejects.toThrow(/EISDIR/)
  })

  test('that is full is an error', async () => {
    await expect(recordTo({ kind: 'path', path: '/dev/full' })).rejects.toThrow(/ENOSPC/)
  })
})

test('files in turn: each has the header, and no frame is missing', async () => {
  const path = join(folder, 'x.pcapng')
  const { probe, finish } = await recordTo({ kind: 'path', path, rotate: { bytes: 10_000 } })
  for (let i = 0; i < 10; i++) probe.sent(burstOf(10, 10 * i), i % 2 === 0 ? 0 : 1)
  const { files, records } = await finish()
  expect([files.length, records]).toEqual([12, 100])
  const sections = files.map((file) => readPcapng(readFileSync(file)))
  for (const [first, ...others] of sections) {
    expect(others).toEqual([])
    expect(first?.interfaces.map(({ name }) => name)).toEqual(['veth0', 'veth1'])
    expect(first?.statistics).toHaveLength(2)
  }
  const ids = sections.flatMap(([section]) => section?.packets ?? []).map(({ id }) => (id ?? 0) >> 1)
  expect(ids).toEqual(Array.from({ length: 100 }, (_, number) => number))
})

test('more than the buffer holds goes into the file by itself, in whole blocks', async () => {
  const path = join(folder, 'long.pcapng')
  const { probe, recorder } = await recordTo({ kind: 'path', path }, [END_A, null], 2 ** 22)
  const burst = new Burst()
  burst.begin(slab, performance.now())
  for (let id = 0; id < 20; id++) burst.push(START, 65_000, id)
  probe.sent(burst, 0)
  probe.flush()
  for (let turns = 0; turns < 2; turns++) await recorder.turn() // sixteen frames fill the buffer
  const packets = packetsOf(readFileSync(path))
  expect(packets.map(({ id }) => id)).toEqual(Array.from({ length: 20 }, (_, id) => 2 * id))
  for (const { frame } of packets) expect(frame.length).toBe(65_000)
})

test.each([
  [{}, []],
  [{ cause: 'loss' }, ['dropped: loss']],
  [{ cause: 'rule', reason: 'rule 3' }, ['dropped: rule (rule 3)']],
  [{ cause: 'limit', delay: 5, copies: 1 }, ['dropped: limit']],
  [{ delay: 12 }, ['delayed: 12.000 ms']],
  [{ delay: 0.0004 }, ['delayed: 0.000 ms']],
  [{ copies: 2 }, ['duplicated: 2 more']],
  [{ copies: 2, outbound: false }, []],
  [{ reason: 'a bit flipped', delay: 1.5 }, ['changed: a bit flipped', 'delayed: 1.500 ms']],
] as const)('%o is remarked as %o', (fields, comments) => {
  expect(commentsOn(Object.assign(new FrameRecord(), { outbound: true }, fields))).toEqual(comments)
})

test.each([
  [1_795_485_709_460.75, 87.267221, 1_795_485_709_548_017_221n],
  [1_795_485_709_460, 0.000_001, 1_795_485_709_460_000_001n],
  [0, 0, 0n],
  // 30 days up
  [1_795_485_709_460.5, 2_592_000_000.123457, 1_798_077_709_460_623_457n],
])('%d ms and %d ms are %d ns', (origin, time, expected) => {
  expect(nanoseconds(origin, time)).toBe(expected)
})
