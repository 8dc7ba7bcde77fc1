// The port of an end that is a VXLAN tunnel to another host: frames travel in UDP datagrams. Made by open-ports.ts
// of what link/tunnel.ts says. A super-frame is cut here, since what a datagram carries is a wire frame with a finished checksum;
// its wire frames leave by one call where the kernel can (UDP_SEGMENT), and come joined where it can (UDP_GRO).
// What is no frame of this tunnel is dropped and counted here: nobody else sees it. Allocates nothing for a frame.

import { errno } from '../errors.js'
import { DROPPED } from '../frame/cause.js'
import { ETH_HLEN, isSuperFrame, MAX_MTU } from '../frame/ethernet.js'
import { HEARD, isKeepalive, type LifeWords, lifeOf, READS, readKeepalive, SAID } from '../frame/keepalive.js'
import { Packet } from '../frame/packet.js'
import { finishChecksum } from '../frame/segment.js'
import {
  BURST,
  HEADROOM,
  LONGEST_FRAME,
  SLAB_BYTES,
  SLOTS_OFFSET,
  type Slab,
  VNET_HDR_LEN,
} from '../frame/slab.js'
import { SuperFrame } from '../frame/super-frame.js'
import { describeUnfinished } from '../frame/unfinished.js'
import { readVni, VXLAN_HLEN, writeVxlan } from '../frame/vxlan.js'
import { add, load, store } from '../frame/words.js'
import { finishParts, udpReceive, udpSend } from '../native.js'
import type { Outgoing } from './cells.js'
import { Copies } from './copies.js'
import { dropsOf, RECEIVED, RECEIVED_BYTES } from './counters.js'
import type { Capabilities, Served, VxlanSpec, WatchedPort } from './port.js'

/** Bytes that one call takes: what IPv4 allows behind its header and that of UDP. */
const MOST_BYTES = 65_507
/** UDP_MAX_SEGMENTS, before it was raised. */
const MOST_SEGMENTS = 64
/** A slot that begins behind this has no room for all that may come joined. */
const LAST_START = SLAB_BYTES - HEADROOM - LONGEST_FRAME
/** After the kernel has refused to cut (a segment is longer than the way allows), so many times it is not asked. */
const PAUSE = 1024

/** What the ports of a thread work with, one after the other: none leaves anything in it. */
class Bench {
  /** What was received, or is to be sent. */
  readonly bytes = new Uint8Array(VNET_HDR_LEN + 65_536)
  /** Of a receive: bytes of each datagram, where several were joined, and where from. */
  readonly meta = new Int32Array(5)
  readonly copies = new Copies()
  readonly whole = new SuperFrame()
  readonly packet = new Packet()
}
/** Made for the first of them. */
let shared: Bench | undefined
const NONE = new Uint8Array(0)

export class VxlanPort implements WatchedPort {
  readonly fd: number
  readonly capabilities: Capabilities
  readonly #spec: VxlanSpec
  readonly #bench: Bench
  readonly #header = new Uint8Array(VXLAN_HLEN)
  /** The remote address in words, as a receive answers it. */
  readonly #remote = new Int32Array(4)
  readonly #life: LifeWords
  #served: Served | undefined
  #pause = 0
  /** Where the next slot begins in the slab that is filled. */
  #at = 0

  constructor(spec: VxlanSpec) {
    this.fd = spec.fd
    this.capabilities = spec.capabilities
    this.#spec = spec
    this.#life = lifeOf(spec.life)
    shared ??= new Bench()
    this.#bench = shared
    new Uint8Array(this.#remote.buffer).set(spec.remote)
    writeVxlan(this.#header, 0, spec.id)
  }

  serves(direction: Served): void {
    this.#served = direction
  }

  /** What was joined may be up to 64 frames, more than `most`. 0: there is no frame behind what was dropped, either. */
  receive(slab: Slab, most: number): number {
    const { bytes, meta, copies } = this.#bench
    const enough = this.#spec.joined ? 1 : most
    let slots = 0
    this.#at = SLOTS_OFFSET
    for (let call = 0; call < BURST && slots < enough; call++) {
      const got = udpReceive(this.fd, bytes, meta)
      if (got === errno.EAGAIN) break
      // What an earlier datagram has met on its way (ICMP), which is over with that.
      if (got < 0) continue
      slots = this.#take(slab, slots, got)
      copies.flush()
      if (this.#at > LAST_START) break
    }
    return slots
  }

  /** The datagrams in `got` bytes that were received; how many slots are filled now. */
  #take(slab: Slab, slots: number, got: number): number {
    const { bytes, meta, copies, packet } = this.#bench
    const served = this.#served
    const mtu = served === undefined ? MAX_MTU : load(served.state, served.mtu)
    const step = meta[0] > 0 ? meta[0] : got
    const foreign = this.#isForeign()
    let slot = slots
    let from = 0
    let own = 0
    do {
      const length = Math.min(step, got - from) - VXLAN_HLEN
      const verdict = this.#judge(bytes, from, length, foreign)
      if (verdict === 0) own = 1
      if (verdict !== 0) this.#drop(verdict, length)
      else if (isKeepalive(bytes, from + VXLAN_HLEN, length))
        store(this.#life, SAID, readKeepalive(bytes, from + VXLAN_HLEN))
      else if (slot === BURST) this.#drop(DROPPED.limit, length)
      else {
        const start = this.#at + HEADROOM
        const header = start - VNET_HDR_LEN
        slab.bytes.fill(0, header, start)
        packet.read(bytes, from + VXLAN_HLEN, length)
        describeUnfinished(packet, mtu, slab.bytes, header)
        copies.add(slab, start, bytes, from + VXLAN_HLEN, length)
        slab.starts[slot] = start
        slab.lengths[slot++] = length + VNET_HDR_LEN
        this.#at = (start + length + 63) & ~63
      }
      from += step
    } while (from < got)
    add(this.#life, HEARD, own)
    add(this.#life, READS, 1)
    return slot
  }

  #isForeign(): boolean {
    const { meta } = this.#bench
    const remote = this.#remote
    return meta[1] !== remote[0] || meta[2] !== remote[1] || meta[3] !== remote[2] || meta[4] !== remote[3]
  }

  /** 0, or why it is dropped. */
  #judge(bytes: Uint8Array, at: number, length: number, foreign: boolean): number {
    if (foreign) return DROPPED.foreign
    if (length < ETH_HLEN) return DROPPED.malformed
    const id = readVni(bytes, at)
    if (id < 0) return DROPPED.malformed
    return id === this.#spec.id ? 0 : DROPPED.vni
  }

  #drop(verdict: number, length: number): void {
    const served = this.#served
    if (served === undefined) return
    const { counters } = served
    counters[RECEIVED]++
    counters[RECEIVED_BYTES] += Math.max(0, length)
    counters[dropsOf(verdict)]++
  }

  transmit({ bytes, starts, lengths }: Outgoing, count: number): number {
    let sent = 0
    for (let slot = 0; slot < count; slot++) {
      const length = lengths[slot] - VNET_HDR_LEN
      if (lengths[slot] <= 0) continue
      const result = this.#send(bytes, starts[slot], length)
      if (result < 0) lengths[slot] = result
      else sent++
    }
    return sent
  }

  /** Negative: refused. */
  #send(bytes: Uint8Array, start: number, length: number): number {
    if (!isSuperFrame(bytes, start - VNET_HDR_LEN)) {
      if (!finishChecksum(bytes, start, length)) return errno.EINVAL
      return this.#put(this.#header, bytes, start, length, 0)
    }
    const { whole } = this.#bench
    if (!whole.read(bytes, start, length)) return errno.EINVAL
    const step = VXLAN_HLEN + whole.headers + whole.size
    const most = Math.max(1, Math.min(MOST_SEGMENTS, Math.floor(MOST_BYTES / step)))
    let result = 0
    for (let index = 0; index < whole.count; index += most)
      result = Math.min(result, this.#sendPart(index, Math.min(most, whole.count - index), step))
    return result
  }

  /** `count` wire frames of the super-frame, each behind a header of its own, `step` bytes apart. Negative: one was refused. */
  #sendPart(index: number, count: number, step: number): number {
    const bench = this.#bench
    const { bytes, copies, whole } = bench
    const { headers } = whole
    for (let part = 0; part < count; part++) {
      const frame = part * step + VXLAN_HLEN
      copies.add(bench, frame, whole.bytes, whole.start, headers)
      const payload = whole.payload(index + part, 1)
      copies.add(bench, frame + headers, whole.bytes, whole.payloadAt(index + part), payload)
    }
    copies.flush()
    for (let part = 0; part < count; part++) {
      writeVxlan(bytes, part * step, this.#spec.id)
      whole.number(bytes, part * step + VXLAN_HLEN, index + part, 1)
    }
    const last = VXLAN_HLEN + whole.wireLength(index + count - 1)
    const length = (count - 1) * step + last
    const { sumFrom, checkAt, zero } = whole
    if (sumFrom >= 0) finishParts(bytes, 0, length, step, VXLAN_HLEN + sumFrom, VXLAN_HLEN + checkAt, zero)
    else for (let part = 0; part < count; part++) whole.finish(index + part, bytes, part * step + VXLAN_HLEN)
    if (count > 1 && this.#spec.segments && this.#pause === 0) {
      const sent = this.#put(NONE, bytes, 0, length, step)
      if (sent >= 0 || sent === errno.EAGAIN) return Math.min(0, sent)
      this.#pause = PAUSE
    }
    if (this.#pause > 0) this.#pause--
    let result = 0
    for (let part = 0; part < count; part++) {
      const one = part === count - 1 ? last : step
      result = Math.min(result, this.#put(NONE, bytes, part * step, one, 0))
    }
    return result
  }

  #put(header: Uint8Array, bytes: Uint8Array, start: number, length: number, segment: number): number {
    const { remote, port } = this.#spec
    const sent = udpSend(this.fd, remote, port, header, bytes, start, length, segment)
    if (sent >= 0 || sent === errno.EAGAIN) return sent
    // It may be what an earlier datagram has met (ICMP), which is over once it is told.
    return udpSend(this.fd, remote, port, header, bytes, start, length, segment)
  }
}
