// A raw socket on one interface (AF_PACKET): sends any bytes as a frame, and receives what arrives there.
// `using socket = PacketSocket.open(netns, 'veth0')`. Bytes in, bytes out: building and reading frames is
// frames.ts's business. An open socket keeps neither the interface nor its namespace from being deleted by
// `ip link del`, but it does keep a namespace alive after `ip netns del`: close it before such a test looks.

import { constants } from 'node:os'
import { closeFd as closeNs, EPOLLIN, netnsOpen, socketSetOption, unwatch, watch } from '../../src/native.js'
import { closeFd, packetOpen, packetReceive, packetSend } from './native.js'
import { homeLink, type Netns } from './netns.js'
import { patient } from './pace.js'

const { EAGAIN, ENETDOWN, ENOBUFS } = constants.errno
const SOL_SOCKET = 1
const SO_RCVBUFFORCE = 33
/** Bytes; some ten thousand small frames, where a test sends before it receives. */
const RECEIVE_BUFFER = 32 << 20
/** The longest super-frame and its tags. */
const MAX_FRAME = 70_000
const ADDRESSES = 12

export class PacketSocket implements Disposable, AsyncDisposable {
  readonly #fd: number
  readonly #buffer = new Uint8Array(MAX_FRAME)
  /** Packet type, VLAN TCI or -1, VLAN TPID, checksum not finished. */
  readonly #meta = new Int32Array(4)
  #open = true

  private constructor(fd: number) {
    this.#fd = fd
    const enlarged = socketSetOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
    if (enlarged < 0) throw new Error(`SO_RCVBUFFORCE answered ${enlarged}`)
  }

  /** On the interface `name`, in a namespace or at home (null). */
  static open(netns: Netns | null, name: string): PacketSocket {
    const { ifindex } = netns === null ? homeLink(name) : netns.link(name)
    const ns = netns === null ? -1 : netnsOpen(netns.path)
    if (netns !== null && ns < 0) throw new Error(`${netns.path} cannot be opened: ${ns}`)
    const fd = packetOpen(ns, ifindex)
    if (ns >= 0) closeNs(ns)
    if (fd < 0) throw new Error(`no packet socket on ${name}: ${fd}`)
    return new PacketSocket(fd)
  }

  /** Sends one frame. False when the kernel dropped it (ENOBUFS: no carrier, or the queue is full). */
  send(frame: Uint8Array): boolean {
    const result = packetSend(this.#fd, frame)
    if (result === -ENOBUFS) return false
    if (result < 0) throw new Error(`a frame of ${frame.length} bytes was refused: ${result}`)
    return true
  }

  /** The next frame, with its VLAN tag in place again; undefined when `timeout` ms have passed. */
  async receive(timeout = patient(5_000)): Promise<Uint8Array | undefined> {
    const deadline = performance.now() + timeout
    for (;;) {
      const frame = this.receiveNow()
      const left = deadline - performance.now()
      if (frame !== undefined || left <= 0) return frame
      await this.#readable(left)
    }
  }

  /** The next frame for which `wanted` answers true; the others are thrown away. */
  async receiveWhere(
    wanted: (frame: Uint8Array) => boolean,
    timeout = patient(5_000),
  ): Promise<Uint8Array | undefined> {
    const deadline = performance.now() + timeout
    for (;;) {
      const frame = await this.receive(Math.max(0, deadline - performance.now()))
      if (frame === undefined || wanted(frame)) return frame
    }
  }

  /** The next frame if one is there already. */
  receiveNow(): Uint8Array | undefined {
    let length = packetReceive(this.#fd, this.#buffer, this.#meta)
    // Said once after the interface went down; what was received before is still there.
    if (length === -ENETDOWN) length = packetReceive(this.#fd, this.#buffer, this.#meta)
    if (length === -EAGAIN) return undefined
    if (length < 0) throw new Error(`the packet socket answered ${length}`)
    const bytes = this.#buffer.subarray(0, length)
    const [, tci = -1, tpid = 0] = this.#meta
    if (tci < 0) return bytes.slice()
    const frame = new Uint8Array(length + 4)
    frame.set(bytes.subarray(0, ADDRESSES))
    new DataView(frame.buffer).setUint32(ADDRESSES, tpid * 0x10000 + tci)
    frame.set(bytes.subarray(ADDRESSES), ADDRESSES + 4)
    return frame
  }

  /** Everything that is there already. */
  drain(): Uint8Array[] {
    const frames: Uint8Array[] = []
    for (let frame = this.receiveNow(); frame !== undefined; frame = this.receiveNow()) frames.push(frame)
    return frames
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    unwatch(this.#fd)
    closeFd(this.#fd)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
  }

  #readable(timeout: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        unwatch(this.#fd)
        resolve()
      }, timeout)
      watch(this.#fd, EPOLLIN, () => {
        clearTimeout(timer)
        resolve()
      })
    })
  }
}
