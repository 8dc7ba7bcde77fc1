// From the ring to the file: what is written of each record, and into which file. The thread that does so
// is test/integration/205-pcapng.test.ts.

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { commentsOn, nanoseconds, Recorder } from '../../../src/capture/recorder.js'
import type {
  CaptureMessage,
  CaptureResult,
  RecorderSetup,
  Rotation,
  SinkPlan,
} from '../../../src/capture/setup.js'
import { numbered, openSink, type Sink } from '../../../src/capture/sink.js'
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
  sink: Sink
  /** Says that the ring has ended, and writes what is in it. */
  finish(): CaptureResult
}

function recordTo(
  sinkPlan: SinkPlan,
  interfaces: RecorderSetup['interfaces'] = [END_A, END_B],
  bytes = 2 ** 20,
) {
  const ring = createRing(bytes)
  const ends = { a: interfaces[0] !== null, b: interfaces[1] !== null }
  const probe = new Probe({ id: 1, ring, ends, match: null, snaplen: 65_535 })
  const messages: CaptureMessage[] = []
  const sink = openSink(sinkPlan, { ended: () => true, post: (message) => messages.push(message) })
  const recorder = new Recorder(
    { ring, sink: sinkPlan, interfaces, snaplen: 65_535, application: 'test' },
    sink,
  )
  recorder.begin()
  const finish = () => {
    probe.flush()
    endRing(ring)
    recorder.run()
    sink.close()
    return recorder.result()
  }
  return { ring, probe, recorder, sink, finish } satisfies Recording
}

function burstOf(count: number, number = 0): Burst {
  const burst = new Burst()
  burst.begin(slab, performance.now())
  for (let i = 0; i < count; i++) burst.push(START, FRAME.length, number + i)
  return burst
}

describe('a file', () => {
  test('has what both ends sent and got', () => {
    const path = join(folder, 'one.pcapng')
    const { probe, finish } = recordTo({ kind: 'path', path })
    const burst = burstOf(3, 5)
    burst.drop(1, 'rule', 'rule 3')
    burst.hold(2, 12)
    probe.sent(burst, 1)
    probe.delivered(0, slab.bytes, START, FRAME.length, Float64Array.of(5, performance.now(), 0))
    const result = finish()
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

  test('is for its owner only, and replaces what was there', () => {
    const path = join(folder, 'one.pcapng')
    recordTo({ kind: 'path', path }).finish()
    expect(statSync(path).mode & 0o777).toBe(0o600)
    const { size } = statSync(path)
    writeFileSync(path, filler(100_000))
    recordTo({ kind: 'path', path }).finish()
    expect(statSync(path).size).toBe(size)
  })

  test('of one end has its interface only', () => {
    const path = join(folder, 'b.pcapng')
    const { probe, finish } = recordTo({ kind: 'path', path }, [null, END_B])
    probe.sent(burstOf(1), 0)
    probe.sent(burstOf(1), 1)
    probe.delivered(1, slab.bytes, START, FRAME.length, new Float64Array(3))
    finish()
    const [section] = readPcapng(readFileSync(path))
    expect(section?.interfaces.map(({ name }) => name)).toEqual(['veth1'])
    expect(section?.packets.map(({ on, direction }) => [on, direction])).toEqual([
      ['veth1', 'out'],
      ['veth1', 'in'],
    ])
  })

  test('says what was lost, where and how many', () => {
    const path = join(folder, 'lost.pcapng')
    const { probe, recorder, finish } = recordTo({ kind: 'path', path }, [END_A, END_B], 4096)
    probe.sent(burstOf(5), 0) // three fit
    probe.sent(burstOf(1), 1)
    probe.flush()
    expect(recorder.turn()).toBe(true)
    probe.sent(burstOf(4), 0)
    probe.sent(burstOf(1), 1)
    probe.flush()
    recorder.turn()
    probe.sent(burstOf(1), 0)
    probe.sent(burstOf(1), 1)
    expect(finish()).toMatchObject({ records: 8, lost: 5 })
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

  test('that cannot be opened is an error', () => {
    const open = (path: string) => recordTo({ kind: 'path', path })
    expect(() => open(join(folder, 'none', 'x.pcapng'))).toThrow(/ENOENT/)
    expect(() => open(folder)).toThrow(/EISDIR/)
  })

  test('that is full is an error', () => {
    expect(() => recordTo({ kind: 'path', path: '/dev/full' })).toThrow(/ENOSPC/)
  })
})

describe('files in turn', () => {
  const path = () => join(folder, 'x.pcapng')
  const record = (rotate: Rotation, bursts: number) => {
    const { probe, finish } = recordTo({ kind: 'path', path: path(), rotate })
    for (let i = 0; i < bursts; i++) probe.sent(burstOf(10, 10 * i), 0)
    return finish()
  }

  test('by size: none is longer, each is complete, no frame is missing', () => {
    const { files, bytes } = record({ bytes: 10_000 }, 10)
    expect(files).toEqual(files.map((_, i) => join(folder, `x-${String(i + 1).padStart(5, '0')}.pcapng`)))
    expect(files.length).toBeGreaterThanOrEqual(11)
    expect(readdirSync(folder).length).toBe(files.length)
    const sizes = files.map((file) => statSync(file).size)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(10_000)
    expect(Math.min(...sizes.slice(0, -1))).toBeGreaterThan(8_000)
    expect(sizes.reduce((sum, size) => sum + size)).toBe(bytes)
    const ids = files.flatMap((file) => {
      expect(readPcapng(readFileSync(file))[0]?.statistics.length).toBe(2)
      return packetsOf(readFileSync(file)).map(({ id }) => id)
    })
    expect(ids).toEqual(Array.from({ length: 100 }, (_, i) => 2 * i))
  })

  test('whatever the size is', () => {
    for (let bytes = 5000; bytes < 6200; bytes += 20) {
      const { files } = record({ bytes }, 1)
      for (const file of files) expect(statSync(file).size, `of ${bytes}`).toBeLessThanOrEqual(bytes)
    }
  })

  test('of which only some are kept', () => {
    const { files, records } = record({ bytes: 10_000, files: 3 }, 10)
    expect(files.length).toBe(3)
    expect(readdirSync(folder).sort()).toEqual(files.map((file) => file.slice(folder.length + 1)))
    expect(records).toBe(100)
    expect(packetsOf(readFileSync(files[2] as string)).at(-1)?.id).toBe(198)
  })

  test('a frame that is longer than a file may be has a file of its own', () => {
    const { files } = record({ bytes: 100 }, 1)
    expect(files.length).toBe(10)
    for (const file of files) expect(packetsOf(readFileSync(file)).length).toBe(1)
  })

  test.each([
    ['a.pcapng', 1, 'a-00001.pcapng'],
    ['/x.y/a', 12, '/x.y/a-00012'],
    ['a.b.pcapng', 123_456, 'a.b-123456.pcapng'],
    ['.hidden', 2, '.hidden-00002'],
  ])('%s, %d: %s', (name, number, expected) => {
    expect(numbered(name, number)).toBe(expected)
  })
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
