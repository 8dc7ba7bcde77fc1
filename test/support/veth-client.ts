// A netlink client of the family `veth`, with messages built here byte by byte: not by our own codec, which
// is what is under test. `using client = VethClient.open(daemon.home)` stands in that namespace, as root.
// An open one keeps the namespace alive.

import { constants } from 'node:os'
import {
  closeFd,
  netlinkBind,
  netlinkOpen,
  netlinkReceive,
  netlinkSend,
  netnsOpen,
  socketSetOption,
} from '../../src/native.js'
import type { Netns } from './netns.js'
import { patient } from './pace.js'

const { EAGAIN } = constants.errno
const NETLINK_USERSOCK = 2
const SOL_SOCKET = 1
const SO_SNDBUFFORCE = 32

/** The port id of the daemon: "veth". */
export const PORT = 0x76657468
export const FAMILY = 0x13
export const CTRL = 0x10
export const ADD = 1
export const DEL = 2
export const GETFAMILY = 3
export const REQUEST = 0x01
export const ACK = 0x04
export const DUMP = 0x300
export const NLMSG_ERROR = 2
export const NLMSG_DONE = 3

export interface Reply {
  type: number
  flags: number
  seq: number
  pid: number
  payload: Buffer
}

/** {u16 length, u16 type, payload, padded}; a text gets its terminator. */
export function attribute(type: number, payload: string | Uint8Array): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(`${payload}\0`) : Buffer.from(payload)
  const bytes = Buffer.alloc((4 + body.length + 3) & ~3)
  bytes.writeUInt16LE(4 + body.length, 0)
  bytes.writeUInt16LE(type, 2)
  body.copy(bytes, 4)
  return bytes
}

/** nlmsghdr, genlmsghdr and attributes. */
export function message(
  cmd: number,
  attributes: Buffer[],
  { type = FAMILY, flags = REQUEST | ACK, seq = 1 } = {},
): Buffer {
  const body = Buffer.concat([Buffer.from([cmd, 1, 0, 0]), ...attributes])
  const header = Buffer.alloc(16)
  header.writeUInt32LE(16 + body.length, 0)
  header.writeUInt16LE(type, 4)
  header.writeUInt16LE(flags, 6)
  header.writeUInt32LE(seq, 8)
  return Buffer.concat([header, body])
}

export function add(name: string, peer: string, seq = 1): Buffer {
  return message(ADD, [attribute(1, name), attribute(2, peer)], { seq })
}

export function del(name: string, seq = 1): Buffer {
  return message(DEL, [attribute(1, name)], { seq })
}

export class VethClient implements Disposable {
  readonly #fd: number
  readonly #to: number
  readonly #buffer = Buffer.alloc(256 * 1024)
  readonly #meta = new Int32Array(5)
  readonly #read: Reply[] = []

  private constructor(fd: number, to: number) {
    this.#fd = fd
    this.#to = to
  }

  /** Writes to the port id `to`, from a port id that the kernel chooses unless one is given. */
  static open(netns: Netns, { to = PORT, own = 0 } = {}): VethClient {
    const at = netnsOpen(netns.path)
    const fd = netlinkOpen(NETLINK_USERSOCK, at)
    closeFd(at)
    const bound = netlinkBind(fd, own, 0)
    if (bound < 0) throw new Error(`bind answered ${bound}`)
    return new VethClient(fd, to)
  }

  /** Room for datagrams beyond the 212,960 bytes that everybody may send. */
  enlarge(bytes: number): void {
    socketSetOption(this.#fd, SOL_SOCKET, SO_SNDBUFFORCE, bytes)
  }

  /** 0 or a negative errno: -EAGAIN while the daemon's receive buffer is full. */
  trySend(datagram: Uint8Array): number {
    return Math.min(0, netlinkSend(this.#fd, datagram, this.#to))
  }

  /** Sends, waiting for room if need be. */
  async send(...datagrams: Uint8Array[]): Promise<void> {
    for (const datagram of datagrams) {
      for (let result = this.trySend(datagram); result < 0; result = this.trySend(datagram)) {
        if (result !== -EAGAIN) throw new Error(`sendto answered ${result}`)
        await sleep(1)
      }
    }
  }

  /** The next message, or undefined when none has come within `timeout` ms. */
  async receive(timeout = 10_000): Promise<Reply | undefined> {
    const deadline = performance.now() + patient(timeout)
    for (let turn = 0; ; turn++) {
      const reply = this.receiveNow()
      if (reply !== undefined || performance.now() > deadline) return reply
      await (turn < 20 ? new Promise((resolve) => setImmediate(resolve)) : sleep(1))
    }
  }

  receiveNow(): Reply | undefined {
    if (this.#read.length === 0) {
      const length = netlinkReceive(this.#fd, this.#buffer, this.#meta)
      if (length >= 0) this.#read.push(...messagesOf(Buffer.from(this.#buffer.subarray(0, length))))
      else if (length !== -EAGAIN) throw new Error(`recvmsg answered ${length}`)
    }
    return this.#read.shift()
  }

  /** Sends one request that asks for an acknowledgement, and answers the (positive) errno of the answer. */
  async ask(request: Uint8Array): Promise<number> {
    await this.send(request)
    const reply = await this.receive()
    if (reply?.type !== NLMSG_ERROR) throw new Error(`no acknowledgement but ${JSON.stringify(reply)}`)
    return errorOf(reply)
  }

  [Symbol.dispose](): void {
    closeFd(this.#fd)
  }
}

/** The positive errno in an NLMSG_ERROR; 0 is an acknowledgement. */
export function errorOf({ payload }: Reply): number {
  return 0 - payload.readInt32LE(0)
}

function messagesOf(bytes: Buffer): Reply[] {
  const replies: Reply[] = []
  for (let at = 0; at + 16 <= bytes.length; ) {
    const length = bytes.readUInt32LE(at)
    replies.push({
      type: bytes.readUInt16LE(at + 4),
      flags: bytes.readUInt16LE(at + 6),
      seq: bytes.readUInt32LE(at + 8),
      pid: bytes.readUInt32LE(at + 12),
      payload: bytes.subarray(at + 16, at + length),
    })
    at += (length + 3) & ~3
  }
  return replies
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
