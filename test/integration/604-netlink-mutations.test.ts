// 100,000 damaged messages against a real daemon: no crash, no hang, no wrong success. What each should be
// answered is worked out here, from the bytes, by a second reading of the rules; every answer must agree, and
// after each batch the interfaces that exist must be those of the pairs that were acknowledged.
// UVETH_SEED repeats a run, UVETH_MUTATIONS shortens it.

import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { TestDaemon } from '../support/daemon.js'
import { patient } from '../support/pace.js'
import { needs } from '../support/skip.js'
import * as veth from '../support/veth-client.js'
import { add, attribute, del, errorOf, message, type Reply, VethClient } from '../support/veth-client.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')
const COUNT = Number(process.env.UVETH_MUTATIONS ?? 100_000)
const SEED = Number(process.env.UVETH_SEED ?? Date.now() % 2 ** 31)
const BATCH = 500
/** Pairs that may stand at the end of a batch; beyond it all are removed. */
const MANY = 30
const FENCE = 0xf0000000

/** mulberry32: whole numbers below `limit`. */
function randomizer(seed: number): (limit: number) => number {
  let state = seed | 0
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % limit
  }
}

function pristine(random: (limit: number) => number, seq: number): Buffer {
  const kind = random(100)
  if (kind < 3) return add('m0', 'm1', seq)
  if (kind < 6) return del('m1', seq)
  if (kind < 10) return message(veth.GETFAMILY, [attribute(2, 'veth')], { type: veth.CTRL, seq })
  if (kind < 20) return del('nobody', seq)
  if (kind < 30) return Buffer.concat([del('nobody', seq), add('a/b', 'c', 0x70000000 + seq)])
  return add('a/b', 'c/d', seq) // of illegal names, or nearly every message would make a pair
}

function damaged(random: (limit: number) => number, bytes: Buffer): Buffer {
  for (let changes = random(4); changes >= 0; changes--) {
    // Half of the changes hit a length, a type or a flag: that is where decoders break.
    const at = random(2) === 0 ? [0, 1, 4, 5, 6, 7, 16, 20, 21, 22, 28][random(11)] : random(bytes.length)
    if (at !== undefined && at < bytes.length) bytes[at] = random(3) === 0 ? random(48) : random(256)
  }
  return random(10) === 0 ? bytes.subarray(0, random(bytes.length + 1)) : bytes
}

interface Read {
  type: number
  flags: number
  seq: number
  payload: Buffer
}

function walk(bytes: Buffer): Read[] {
  const found: Read[] = []
  for (let at = 0; at + 16 <= bytes.length; ) {
    const length = bytes.readUInt32LE(at)
    if (length < 16 || at + length > bytes.length) break
    const [type, flags, seq] = [
      bytes.readUInt16LE(at + 4),
      bytes.readUInt16LE(at + 6),
      bytes.readUInt32LE(at + 8),
    ]
    found.push({ type, flags, seq, payload: bytes.subarray(at + 16, at + length) })
    at += (length + 3) & ~3
  }
  return found
}

/** Bytes of an attribute's name, by type; as the kernel reads them, the last one of a type counts. */
function names(payload: Buffer): Map<number, Buffer> {
  const found = new Map<number, Buffer>()
  for (let at = 4; at + 4 <= payload.length; ) {
    const length = payload.readUInt16LE(at)
    if (length < 4 || at + length > payload.length) break
    found.set(payload.readUInt16LE(at + 2) & 0x3fff, payload.subarray(at + 4, at + length))
    at += (length + 3) & ~3
  }
  return found
}

/** A name, or the errno of the original's check. Latin-1, so that every byte is one character. */
function nameIn(bytes: Buffer | undefined): string | number {
  if (bytes === undefined) return 2 // ENOENT
  if (bytes.length > 16) return 7 // E2BIG
  if (bytes.length < 1) return 22 // EINVAL
  const nul = bytes.indexOf(0)
  return bytes.toString('latin1', 0, nul < 0 ? bytes.length - 1 : nul)
}

function legal(name: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the kernel allows them
  return /^[\x01-\x7f]{1,15}$/.test(name) && !/[\s/:]/.test(name) && name !== '.' && name !== '..'
}

/** What may mean more than this reading knows: names with %, or beyond ASCII. */
function unclear(bytes: Buffer): boolean {
  return walk(bytes).some(({ payload }) =>
    [...names(payload).values()].some((name) => /[%\x80-\xff]/.test(name.toString('latin1'))),
  )
}

/** Pairs by the name of each end. */
class Model {
  readonly peers = new Map<string, string>()

  /** The errno that answers an order of the family, carried out here as well. */
  order(cmd: number | undefined, flags: number, payload: Buffer): number {
    if ((cmd !== veth.ADD && cmd !== veth.DEL) || (flags & veth.DUMP) === veth.DUMP) return 95 // EOPNOTSUPP
    const found = names(payload)
    const device = nameIn(found.get(1))
    if (typeof device === 'number') return device
    if (cmd === veth.DEL) {
      const peer = this.peers.get(device)
      if (peer === undefined) return 19 // ENODEV
      this.peers.delete(device)
      this.peers.delete(peer)
      return 0
    }
    if (device === '') return 22
    const other = nameIn(found.get(2))
    if (typeof other === 'number') return other
    if (!legal(device) || !legal(other)) return 22
    if (this.peers.has(device) || this.peers.has(other) || device === other) return 17 // EEXIST
    if (device === 'lo' || other === 'lo') return 17
    this.peers.set(device, other).set(other, device)
    return 0
  }

  /** The errno of the NLMSG_ERROR that comes back, undefined for none, 'family' for a look-up. */
  answer({ type, flags, payload }: Read): number | 'family' | undefined {
    if ((flags & veth.REQUEST) === 0 || type < 0x10) return undefined
    if (type !== veth.CTRL && type !== veth.FAMILY) return 2
    if (payload.length < 4) return 22
    if (type === veth.CTRL) return payload[0] === veth.GETFAMILY ? 'family' : 95
    const errno = this.order(payload[0], flags, payload)
    return errno === 0 && (flags & veth.ACK) === 0 ? undefined : errno
  }
}

/** But the loopback. Not by `ip -json`, which leaves control characters in names as they are. */
function interfaces({ program }: TestDaemon): string[] {
  const lines = readFileSync(`/proc/${program.pid}/net/dev`, 'latin1').split('\n').slice(2, -1)
  const names = lines.map((line) => line.slice(0, line.indexOf(':')).replace(/^ */, ''))
  return names.filter((name) => name !== 'lo').sort()
}

/** Sends the batch and a fence behind it; the answers in front of the fence's. */
async function exchange(client: VethClient, batch: Buffer[], fence: number): Promise<Reply[]> {
  await client.send(...batch, del('', fence))
  const replies: Reply[] = []
  for (;;) {
    const reply = await client.receive(patient(20_000))
    if (reply === undefined) throw new Error('it hangs: no answer')
    if (reply.seq === fence) return replies
    replies.push(reply)
  }
}

/** The answers to one look-up: a damaged sequence number may be that of the message behind it, too. */
function passOverFamilies({ seq, flags }: Read, replies: Reply[]): void {
  let families = 0
  for (; replies[0]?.seq === seq && replies[0].type === veth.CTRL; families++) replies.shift()
  const ends = families === 0 || (flags & veth.DUMP) === veth.DUMP || (flags & veth.ACK) !== 0
  if (ends && replies[0]?.seq === seq) replies.shift()
}

function compare(read: Read[], model: Model, replies: Reply[]): void {
  for (const one of read) {
    const wanted = model.answer(one)
    if (wanted === undefined) continue
    if (wanted === 'family') {
      passOverFamilies(one, replies)
      continue
    }
    const reply = replies.shift()
    const got = reply && { seq: reply.seq, type: reply.type, errno: errorOf(reply) }
    const about = `${one.payload.toString('hex')} flags ${one.flags} type ${one.type}`
    expect(got, about).toEqual({ seq: one.seq, type: veth.NLMSG_ERROR, errno: wanted })
  }
  expect(replies).toEqual([])
}

test(`${COUNT} damaged messages, seed ${SEED}`, { timeout: patient(500_000) }, async () => {
  await using daemon = await TestDaemon.start('--netlink', 'on', '--log', 'info')
  using client = VethClient.open(daemon.home)
  const random = randomizer(SEED)
  const model = new Model()
  for (let sent = 0; sent < COUNT; sent += BATCH) {
    const batch: Buffer[] = []
    while (batch.length < BATCH) {
      const bytes = damaged(random, pristine(random, sent + batch.length))
      if (bytes.length > 0 && !unclear(bytes)) batch.push(bytes)
    }
    compare(batch.flatMap(walk), model, await exchange(client, batch, FENCE + sent))
    expect(interfaces(daemon)).toEqual([...model.peers.keys()].sort())
    if (model.peers.size <= 2 * MANY) continue
    const rest = [...model.peers.keys()].map((name, index) => del(name, index))
    compare(rest.flatMap(walk), model, await exchange(client, rest, FENCE + sent + 1))
    expect(interfaces(daemon)).toEqual([])
  }
  expect(daemon.program.hasEnded).toBe(false)
})
