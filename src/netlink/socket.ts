// One netlink socket to the kernel, over the addon. As a client: request() sends and returns the
// answer in one synchronous call, which works because the kernel answers inside sendmsg. As a
// monitor: join(), then receive() whenever the fd is readable. Not both on one socket: a client
// that has joined groups would take events for answers. Used by the link thread only, which may
// wait for RTNL. It must be closed: an open socket keeps its namespace alive.

import { constants } from 'node:os'
import { systemError } from '../errors.js'
import {
  closeFd,
  netlinkBind,
  netlinkOpen,
  netlinkReceive,
  netlinkSend,
  socketSetFilter,
  socketSetOption,
} from '../native.js'
import * as nl from './constants.js'
import { type Client, encodeMessage, type Message, parseAck, parseMessages, type Request } from './message.js'

const { EAGAIN, EMSGSIZE, ENOBUFS, ENOPROTOOPT, EPERM } = constants.errno
const KERNEL_PORT_ID = 0
const MAX_BUFFER = 1 << 20
// A dump that raced with a change is asked for again; under constant change the last one is taken.
const MAX_ATTEMPTS = 5

/** A message of the monitor and the namespace it is from (-1: the socket's own). */
export interface Received {
  message: Message
  nsid: number
}

// Shared by the sockets of this thread: calls are synchronous, and what is kept of it is copied.
// 32 KiB is what the kernel fills at most in a dump; a single message may be larger.
let buffer = new Uint8Array(32 * 1024)
const meta = new Int32Array(5) // sender's port id, groups, nsid, uid, cut

export class NetlinkSocket implements Client {
  #fd: number
  #seq = 0

  private constructor(fd: number) {
    this.#fd = fd
  }

  /** `nsFd`: the namespace that the socket belongs to, -1 for that of the process. */
  static open(protocol: number, nsFd = -1): NetlinkSocket {
    const fd = netlinkOpen(protocol, nsFd)
    if (fd < 0) throw systemError(fd, 'socket(AF_NETLINK)', undefined, hintOf(fd, nsFd))
    const socket = new NetlinkSocket(fd)
    try {
      // An unbound socket has port id 0 as the kernel has, and gets no multicast.
      socket.#check(netlinkBind(fd, 0, 0), 'bind(AF_NETLINK)')
      for (const option of [nl.NETLINK_EXT_ACK, nl.NETLINK_CAP_ACK, nl.NETLINK_GET_STRICT_CHK]) {
        const result = socketSetOption(fd, nl.SOL_NETLINK, option, 1)
        if (result !== -ENOPROTOOPT) socket.#check(result, 'setsockopt(SOL_NETLINK)')
      }
    } catch (error) {
      socket.close()
      throw error
    }
    return socket
  }

  /** For watch() and unwatch(); -1 when closed. */
  get fd(): number {
    return this.#fd
  }

  /**
   * Sends a request and returns the messages of the answer: none for a bare acknowledgement. A
   * refusal is thrown, with the kernel's own sentence as the hint. The request must ask for an
   * acknowledgement or a dump.
   */
  request(request: Request): Message[] {
    for (let attempt = 1; ; attempt++) {
      const { messages, fault } = this.#exchange(request)
      if (fault === undefined) return messages
      if (attempt < MAX_ATTEMPTS) continue
      if (fault === 'interrupted') return messages
      throw systemError(-EMSGSIZE, nameOf(request), request.subject)
    }
  }

  /**
   * Everything that waits in the monitor. 'overrun': events are lost, ask for the state anew. The
   * older ones that still waited are thrown away then: the kernel sends no new ones before the queue
   * is empty, and nothing older than that state may be taken for news.
   */
  receive(): Received[] | 'overrun' {
    const events: Received[] = []
    let overrun = false
    for (;;) {
      const datagram = this.#receive()
      if (datagram === -EAGAIN) return overrun ? 'overrun' : events
      if (datagram === -ENOBUFS || datagram === 'cut') overrun = true
      else if (typeof datagram === 'number') throw systemError(datagram, 'recvmsg(AF_NETLINK)')
      else for (const message of parseMessages(datagram)) events.push({ message, nsid: meta[2] ?? -1 })
    }
  }

  /** Joins a multicast group (RTNLGRP_*). */
  join(group: number): void {
    this.#check(
      socketSetOption(this.#fd, nl.SOL_NETLINK, nl.NETLINK_ADD_MEMBERSHIP, group),
      'setsockopt(NETLINK_ADD_MEMBERSHIP)',
    )
  }

  /** Hears the namespaces that this one has a number for, too. False without CAP_NET_BROADCAST. */
  listenAllNsid(): boolean {
    const result = socketSetOption(this.#fd, nl.SOL_NETLINK, nl.NETLINK_LISTEN_ALL_NSID, 1)
    if (result === -EPERM) return false
    this.#check(result, 'setsockopt(NETLINK_LISTEN_ALL_NSID)')
    return true
  }

  /** Takes only what this program lets pass: `struct sock_filter`s. */
  filter(program: Uint8Array): void {
    this.#check(socketSetFilter(this.#fd, program), 'setsockopt(SO_ATTACH_FILTER)')
  }

  /** Enlarges the receive buffer (bytes), up to net.core.rmem_max without CAP_NET_ADMIN. */
  setReceiveBuffer(size: number): void {
    const result = socketSetOption(this.#fd, nl.SOL_SOCKET, nl.SO_RCVBUFFORCE, size)
    if (result === -EPERM)
      this.#check(socketSetOption(this.#fd, nl.SOL_SOCKET, nl.SO_RCVBUF, size), 'setsockopt(SO_RCVBUF)')
    else this.#check(result, 'setsockopt(SO_RCVBUFFORCE)')
  }

  close(): void {
    if (this.#fd < 0) return
    closeFd(this.#fd)
    this.#fd = -1
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /**
   * One attempt. 'cut': a datagram was longer than the buffer, which has grown now (only answers to
   * reads are that long, so asking again is safe). 'interrupted': links changed during the dump.
   */
  #exchange(request: Request): { messages: Message[]; fault?: 'cut' | 'interrupted' } {
    const seq = this.#send(request)
    const messages: Message[] = []
    let fault: 'cut' | 'interrupted' | undefined
    for (;;) {
      const datagram = this.#receive()
      if (datagram === 'cut') {
        fault = 'cut'
        continue
      }
      // The end of the answer was in what was cut off.
      if (datagram === -EAGAIN && fault === 'cut') return { messages, fault }
      if (typeof datagram === 'number') throw systemError(datagram, nameOf(request), request.subject)
      for (const message of parseMessages(datagram)) {
        if (message.seq !== seq) continue // left over from an attempt that was given up
        if ((message.flags & nl.NLM_F_DUMP_INTR) !== 0) fault ??= 'interrupted'
        if (message.type === nl.NLMSG_ERROR || message.type === nl.NLMSG_DONE) {
          const { errno, sentence } = parseAck(message, message.type === nl.NLMSG_ERROR)
          if (errno < 0) throw systemError(errno, nameOf(request), request.subject, sentence || undefined)
          return fault === undefined ? { messages } : { messages, fault }
        }
        if (message.type !== nl.NLMSG_NOOP) messages.push(message)
      }
    }
  }

  #send({ type, flags, payload, ...request }: Request): number {
    this.#seq = (this.#seq + 1) >>> 0
    const datagram = encodeMessage({ type, flags, seq: this.#seq, pid: 0, payload })
    const result = netlinkSend(this.#fd, datagram, KERNEL_PORT_ID)
    if (result < 0) throw systemError(result, nameOf(request), request.subject)
    return this.#seq
  }

  /** A datagram of the kernel's, 'cut' if it was longer than the buffer (which grows), or a negative errno. */
  #receive(): Uint8Array | 'cut' | number {
    for (;;) {
      const length = netlinkReceive(this.#fd, buffer, meta)
      if (length < 0) return length
      if (meta[0] !== KERNEL_PORT_ID) continue // any process may write to our port
      if (meta[4] === 0) return buffer.slice(0, length)
      if (buffer.length < MAX_BUFFER) buffer = new Uint8Array(2 * buffer.length)
      return 'cut'
    }
  }

  #check(result: number, syscall: string): void {
    if (result < 0) throw systemError(result, syscall)
  }
}

/** Sockets of other namespaces are opened by entering them. */
function hintOf(number: number, nsFd: number): string | undefined {
  if (number !== -EPERM || nsFd < 0) return undefined
  return 'to enter another network namespace takes CAP_SYS_ADMIN; in a container: --cap-add SYS_ADMIN'
}

function nameOf(request: { name: string }): string {
  return `netlink(${request.name})`
}
