// Frames that anybody may send: reading their headers, comparing them with a match, cutting super-frames.

import assert from 'node:assert/strict'
import { planMatch } from '../../../src/faults/match-plan.js'
import { parseMatchWords } from '../../../src/faults/rule-words.js'
import { Packet } from '../../../src/frame/packet.js'
import { cutSegment, finishChecksum, segmentsOf } from '../../../src/frame/segment.js'
import { VNET_HDR_LEN } from '../../../src/frame/slab.js'
import { Matcher } from '../../../src/hooks/matcher.js'
import { refusing } from '../allow.js'
import type { Target } from '../fuzz.js'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const ETHERNET = '0200000000010200000000 02'
const IP4 = '4500 0034 0001 4000 4006 0000 0a000001 0a000002'
const IP6 = '6000 0000 0020 0640 20010db8000000000000000000000001 20010db8000000000000000000000002'
const TCP = '0050 1234 00000001 00000002 5018 0100 0000 0000'
const PAYLOAD = '0102030405060708090a0b0c'
const FRAMES = [
  hex(`${ETHERNET} 0800 ${IP4} ${TCP} ${PAYLOAD}`),
  hex(`${ETHERNET} 86dd ${IP6} ${TCP} ${PAYLOAD}`),
  hex(`${ETHERNET} 8100 2005 0800 ${IP4.replace('4006', '4011')} 0035 0036 0014 0000 ${PAYLOAD}`),
  hex(
    `${ETHERNET} 88a8 2005 8100 2006 86dd 6000 0000 0018 0040 ${IP6.slice(20)} 3a00 0100 00000000 8000 0000 00000000`,
  ),
  hex(`${ETHERNET} 86dd 6000 0000 0018 2c40 ${IP6.slice(20)} 3300 0001 00000007 0601 0000 00000000 ${TCP}`),
  hex(`${ETHERNET} 0806 0001 0800 0604 0001 020000000001 0a000001 000000000000 0a000002`),
  hex(`${ETHERNET} 0800 ${IP4.replace('4006', '4001').replace('4000', '2000')} 0800 0000 00010002`),
]

/** The frame with `fill` around it, so that reading outside shows. */
function between(frame: Uint8Array, fill: number, headroom = 64): Uint8Array {
  const bytes = new Uint8Array(headroom + frame.length + 64).fill(fill)
  bytes.set(frame, headroom)
  return bytes
}

const one = new Packet()
const two = new Packet()

function readTwice(frame: Uint8Array): void {
  one.read(between(frame, 0), 64, frame.length)
  two.read(between(frame, 0xff, 80), 80, frame.length)
  assert.deepEqual(two.fields, one.fields)
  const offsets = ({ l3, l4, payloadEnd, end }: Packet, start: number) =>
    [l3, l4, payloadEnd, end].map((at) => (at === -1 ? at : at - start))
  assert.deepEqual(offsets(two, 80), offsets(one, 64))
  const { l3, l4, payloadEnd, end } = one
  assert.ok(payloadEnd <= end && l3 < end && l4 <= payloadEnd && (l4 === -1 || (l3 !== -1 && l4 > l3)))
}

export const packet: Target = {
  name: 'packet',
  kind: 'bytes',
  about: /src\/frame\/packet/,
  seeds: FRAMES,
  run: readTwice,
}

const WORDS = [
  'ip src 10.0.0.0/8 tcp dport 80 flags psh,!syn',
  'ip6 dst 2001:db8::/32 icmp type 128 code 0',
  'vlan 5 pcp 1 udp port 53-54 length 20-100',
  'arp op request',
  'inet proto 58 ttl 1-64 dscp 0 fragment',
  'ethertype 0x800 src 02:00:00:00:00:02 whole bytes 0:0xff:0x02',
]

export const matcher: Target = {
  name: 'matcher',
  kind: 'bytes',
  about: /src\/(hooks\/matcher|faults\/(match-plan|rule-words|rule-values)|wishes\/match|frame\/address)/,
  seeds: WORDS.flatMap((words, at) =>
    [FRAMES[at]!, FRAMES[(at + 1) % FRAMES.length]!].map((frame) =>
      Buffer.concat([Buffer.from(`${words}\n`), frame]),
    ),
  ),
  words: [
    ' ip ',
    ' inet ',
    ' whole',
    ' fragment',
    '/0',
    '/128',
    '::',
    '0x',
    ' nth 1',
    ' length -9',
    ' bytes 9:0xff:0x00',
  ],
  run(input) {
    const end = input.indexOf(10)
    const frame = input.subarray(end + 1)
    const wanted = matchOf(Buffer.from(input.subarray(0, Math.max(0, end))).toString())
    if (wanted === undefined) return
    readTwice(frame)
    const matched = new Matcher(wanted).test(one)
    assert.equal(new Matcher(wanted).test(two), matched)
    // What is in the normal form means the same.
    assert.equal(new Matcher(planMatch(wanted.normal, 'match')).test(one), matched)
  },
}

function matchOf(text: string): ReturnType<typeof planMatch> | undefined {
  return refusing(() => planMatch(parseMatchWords(text.split(' ')), 'match'), 'EINVAL')
}

/** A virtio-net header: flags, type, bytes of a part, where the checksum is. */
const vnet = (flags: number, type: number, size: number, start = 34, offset = 16) =>
  hex(Buffer.from([flags, type, 0, 0, size, 0, start, 0, offset, 0, 0, 0]).toString('hex'))

export const segment: Target = {
  name: 'segment',
  kind: 'bytes',
  about: /src\/frame\/(segment|checksum|packet)/,
  seeds: [
    Buffer.concat([vnet(1, 1, 5), FRAMES[0]!]),
    Buffer.concat([vnet(1, 4, 5, 54), FRAMES[1]!]),
    Buffer.concat([vnet(0, 5, 5, 38, 6), FRAMES[2]!]),
    Buffer.concat([vnet(1, 0x81, 5), FRAMES[0]!]),
    Buffer.concat([vnet(1, 0, 0), FRAMES[0]!]),
  ],
  run(input) {
    if (input.length < VNET_HDR_LEN) return
    const length = input.length - VNET_HDR_LEN
    const start = 64 + VNET_HDR_LEN
    const parts = cutAll(between(input, 0), start, length)
    assert.deepEqual(cutAll(between(input, 0xff), start, length), parts)
    const finished = [0, 0xff].map((fill) => {
      const bytes = between(input, fill)
      const done = finishChecksum(bytes, start, length)
      assert.ok([...bytes.subarray(0, 64), ...bytes.subarray(start + length)].every((byte) => byte === fill))
      return [done, bytes.subarray(64, start + length)]
    })
    assert.deepEqual(finished[0], finished[1])
  },
}

function cutAll(from: Uint8Array, start: number, length: number): Uint8Array[] {
  const count = segmentsOf(from, start, length)
  const before = from.slice()
  const parts: Uint8Array[] = []
  for (let index = 0; index < count; index++) {
    const to = new Uint8Array(length + 128).fill(0xaa)
    const got = cutSegment(from, start, length, index, to, 64)
    assert.ok(got > 0 && got <= length)
    const outside = [...to.subarray(0, 64 - VNET_HDR_LEN), ...to.subarray(64 + got)]
    assert.ok(outside.every((byte) => byte === 0xaa))
    parts.push(to.slice(64, 64 + got))
  }
  for (const index of [-1, count])
    assert.equal(cutSegment(from, start, length, index, new Uint8Array(9999), 64), 0)
  assert.deepEqual(from, before)
  return parts
}
