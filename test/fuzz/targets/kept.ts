// What is read from files and from other processes of ours: a pair's dossier, the file of wanted pairs, pcapng.

import assert from 'node:assert/strict'
import { viewOf } from '../../../src/frame/view.js'
import { readDossier, writeDossier } from '../../../src/pair/dossier.js'
import {
  BlockBuffer,
  ENHANCED_PACKET,
  INTERFACE_STATISTICS,
  interfaceStatistics,
} from '../../../src/pcapng/blocks.js'
import * as reader from '../../../src/pcapng/reader.js'
import { checkRefusal, refusing } from '../allow.js'
import type { Target } from '../fuzz.js'

const IMPAIR = { limit: 1000, delay: { time: 10, jitter: 2, correlation: 25 }, loss: { random: 1 }, seed: 7 }
const RULE = { id: 1, matched: 3, hits: 2, action: { kind: 'drop' }, match: { ip: { version: 4 }, nth: 3 } }
const END = { impair: IMPAIR, rules: [RULE], counts: { received: 3, drops: { loss: 2 } } }
const HELD = { frame: 'AAECAw==', wait: 1.5, least: 1, number: 3, queue: 1, delay: 2 }
const DRAWN = {
  ...{
    seed: 7,
    number: 9,
    loss: { model: 'random', state: 0.5 },
    duplicate: 1,
    corrupt: 2,
    delay: 3,
    rate: -1e12,
  },
  ...{ reorder: { last: 1, counted: 2 }, slot: { slots: 1, next: 2.5, packets: 3, bytes: -4 } },
}
const PROGRESS = { origin: 1.5, number: 7, impairment: DRAWN, held: [HELD] }
const WISHES = { from: null, sent: { a: { name: 'v0' }, b: {} }, since: { a: { up: true } } }
const CAPTURE = {
  ...{ id: 1, ends: { a: true, b: false }, delivered: true, match: { arp: { op: 1 } } },
  ...{ snaplen: 65535, ringBytes: 4096 },
}
const DOSSIER = {
  version: 1,
  id: 'v0',
  wishes: WISHES,
  carrier: 'auto',
  a: END,
  b: { impair: null, rules: [], counts: {} },
}
const BEFORE = {
  id: 'v0',
  from: 'red',
  wish: { a: { name: 'v0', impair: { loss: 1 } } },
  since: { carrier: 'off', b: { up: true } },
  rules: { a: [{ action: { kind: 'drop' }, match: {} }] },
}

export const dossier: Target = {
  name: 'dossier',
  kind: 'json',
  about: /src\/(pair\/(dossier|chain)|faults\/.*plan|wishes\/)/,
  seeds: [
    JSON.stringify({
      ...DOSSIER,
      flaps: [{ ms: 2, times: 3 }],
      captures: [CAPTURE],
      progress: [PROGRESS, PROGRESS],
    }),
    JSON.stringify({ ...DOSSIER, captures: [], progress: [] }),
    JSON.stringify(BEFORE),
  ],
  words: [
    'a',
    'b',
    'version',
    'id',
    'carrier',
    'on',
    'counts',
    'forwarded',
    'frames',
    'bytes',
    'dropped',
    'rules',
    'match',
    'action',
    'held',
    'frame',
    'net:[1]',
  ],
  run(input) {
    const given = parsed(input)
    const read = refusing(() => readDossier(given), 'EBADMSG')
    if (read === undefined) return
    const written = JSON.parse(JSON.stringify(writeDossier(read)))
    assert.deepEqual(JSON.parse(JSON.stringify(writeDossier(readDossier(written)))), written)
  },
}

export function parsed(input: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(input).toString())
  } catch {
    return undefined
  }
}

function block(type: number, body: string): Buffer {
  const bytes = Buffer.from(body.replaceAll(' ', ''), 'hex')
  const length = Buffer.alloc(4)
  length.writeUInt32LE(12 + bytes.length)
  const kind = Buffer.alloc(4)
  kind.writeUInt32LE(type)
  return Buffer.concat([kind, length, bytes, length])
}

const statistics = new BlockBuffer(256)
interfaceStatistics(statistics, { interface: 0, time: 1n, started: 0n, recorded: 3, lost: 2 })
const FRAME = block(
  ENHANCED_PACKET,
  `00000000 00000000 01000000 04000000 04000000 01020304 04000800 0500000000000000 00000000`,
)
const HEAD = Buffer.concat([
  block(0x0a0d0d0a, '4d3c2b1a 01000000 ffffffffffffffff'),
  block(1, '0100 0000 00000400'),
])

export const pcapng: Target = {
  name: 'pcapng',
  kind: 'bytes',
  about: /src\/pcapng\/reader/,
  seeds: [FRAME, Buffer.concat([HEAD, FRAME, FRAME, statistics.bytes])],
  run(input) {
    const whole = blocksOf([input])
    // In whatever pieces it comes.
    for (const size of [1, 7, 13]) {
      const count = Math.ceil(input.length / size)
      const pieces = Array.from({ length: count }, (_, at) => input.subarray(at * size, (at + 1) * size))
      assert.deepEqual(blocksOf(pieces), whole)
    }
  },
}

/** The blocks, as whoever writes files walks them; a `garbled` one is the last. */
function blocksOf(parts: readonly Uint8Array[]): unknown[] {
  const cutter = new reader.BlockCutter()
  const found: unknown[] = []
  try {
    for (const part of parts) for (const piece of cutter.take(part)) walk(piece, found)
  } catch (error) {
    checkRefusal(error, ['EBADMSG'])
    found.push('garbled')
  }
  // Of a part that ends in what is garbled nothing is taken, of two parts the first is.
  return found.at(-1) === 'garbled' ? ['garbled'] : found
}

function walk(blocks: Uint8Array, found: unknown[]): void {
  const view = viewOf(blocks)
  for (let at = 0, length = 0; at < blocks.length; at += length) {
    length = reader.lengthOf(view, at)
    assert.ok(at + length <= blocks.length)
    const type = reader.typeOf(view, at)
    const counts: number[] = []
    if (type === ENHANCED_PACKET) counts.push(reader.interfaceOf(view, at, 2), reader.lostBefore(view, at))
    if (type === INTERFACE_STATISTICS)
      counts.push(reader.interfaceOf(view, at, 2), reader.lostInAll(view, at))
    found.push([type, length, ...counts])
  }
}
