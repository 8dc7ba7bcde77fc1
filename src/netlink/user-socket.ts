// A netlink port that other processes write to: a socket of NETLINK_USERSOCK bound to a port id that
// they know. Used by servers/netlink.ts. Says what came and from whom; what it means is not known
// here. It belongs to the network namespace of the process.

import { constants } from 'node:os'
import { systemError } from '../errors.js'
import {
  closeFd,
  EPOLLIN,
  netlinkBind,
  netlinkOpen,
  netlinkReceivePast,
  netlinkSend,
  socketSetOption,
  unwatch,
  watch,
} from '../native.js'
import { NETLINK_USERSOCK, SO_PASSCRED, SO_RCVBUF, SO_RCVBUFFORCE, SOL_SOCKET } from './constants.js'

/** "veth": where clients find the family. Above pid_max, so that none is given it by chance. */
export const VETH_PORT = 0x76657468

const { EAGAIN, EPERM } = constants.errno
/**
 * Bytes: some 700 small messages. The default takes 256, then their senders block or get EAGAIN; with more, whoever may
 * order waits for longer behind a flood of those who may not.
 */
const RECEIVE_BUFFER = 512 << 10
const NOBODY = new Int32Array(0)
/** Bytes: more than a sender's default send buffer lets through in one datagram (212,960). */
const LONGEST_DATAGRAM = 256 * 1024

export interface Datagram {
  /** A view, overwritten by the next receive(). */
  bytes: Uint8Array
  /** Port id of the sender, to answer to. */
  port: number
  /** Real uid of the sender in this process's user namespace, as the kernel says; -1 where it does not. */
  uid: number
  /** Process id of the sender, as its own pid namespace counts: another process's in ours, if that is not the same. */
  pid: number
  /** It was longer than what is there of it. */
  cut: boolean
}

/** Who is not heard: uid and pid of each process, in turns; and how many datagrams of theirs were thrown away. */
export interface Past {
  processes: Int32Array
  thrown: number
}

export class NetlinkPort {
  readonly #fd: number
  readonly #buffer = new Uint8Array(LONGEST_DATAGRAM)
  // sender's port id, groups, nsid, uid, cut, pid; then how many datagrams were thrown away in front of it
  readonly #meta = new Int32Array(7)

  private constructor(fd: number) {
    this.#fd = fd
  }

  /** EADDRINUSE when another socket has the port id. */
  static bind(port: number): NetlinkPort {
    const fd = netlinkOpen(NETLINK_USERSOCK, -1)
    if (fd < 0) throw systemError(fd, 'socket(NETLINK_USERSOCK)')
    const check = (result: number, syscall: string) => {
      if (result >= 0) return
      closeFd(fd)
      throw systemError(result, syscall)
    }
    // Credentials first: nothing may arrive without them.
    check(socketSetOption(fd, SOL_SOCKET, SO_PASSCRED, 1), 'setsockopt(SO_PASSCRED)')
    const forced = socketSetOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
    if (forced === -EPERM) socketSetOption(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER)
    check(netlinkBind(fd, port, 0), 'bind(NETLINK_USERSOCK)')
    return new NetlinkPort(fd)
  }

  /** Calls `ready` once, when something waits. */
  whenReadable(ready: () => void): void {
    const result = watch(this.#fd, EPOLLIN, ready)
    if (result < 0) throw systemError(result, 'epoll_ctl')
  }

  /**
   * What waits, one by one; undefined when nothing does. What is of `past` is thrown away; undefined also when there was
   * so much of it that others shall have their turn.
   */
  receive(past: Past = { processes: NOBODY, thrown: 0 }): Datagram | undefined {
    const length = netlinkReceivePast(this.#fd, this.#buffer, this.#meta, past.processes)
    past.thrown += this.#meta[6] ?? 0
    if (length === -EAGAIN) return undefined
    if (length < 0) throw systemError(length, 'recvmsg(NETLINK_USERSOCK)')
    const [port = 0, , , uid = -1, cut = 0, pid = -1] = this.#meta
    return { bytes: this.#buffer.subarray(0, length), port: port >>> 0, uid, pid, cut: cut !== 0 }
  }

  /** 0 or a negative errno: -EAGAIN while the receiver's buffer is full, -ECONNREFUSED when it has gone. */
  send(datagram: Uint8Array, port: number): number {
    return Math.min(0, netlinkSend(this.#fd, datagram, port))
  }

  close(): void {
    unwatch(this.#fd)
    closeFd(this.#fd)
  }
}
