// Frames between two processes of ours over a Unix stream socket: JSON, and open descriptors beside it. Used by daemon/
// when one daemon takes over from another; by link/, which sends the descriptors that it owns itself. Knows no message.
//
//   +--------+-------------+------+      lengths in bytes and in descriptors, big-endian; the descriptors go with the
//   | length | descriptors | JSON |      first bytes, 253 with each, and belong to whoever has received them
//   +--------+-------------+------+

import { errno, systemError } from './errors.js'
import { closeFds, EPOLLIN, EPOLLOUT, receiveFds, sendFds, unwatch, watch } from './native.js'

const HEAD = 8
/** As many as the kernel takes at once (SCM_MAX_FD). */
const MOST_FDS = 253
const PIECE = 65_536

export interface Frame {
  message: unknown
  fds: number[]
}

/**
 * Resolves when all of it has gone. `descriptors` is asked again after each wait: it throws when they are not
 * there any more, and then nothing more may be sent.
 */
export async function sendFrame(
  socket: number,
  message: unknown,
  descriptors: () => readonly number[] = () => [],
): Promise<void> {
  const text = Buffer.from(JSON.stringify(message))
  const frame = Buffer.alloc(HEAD + text.length)
  frame.writeUInt32BE(text.length, 0)
  frame.writeUInt32BE(descriptors().length, 4)
  text.copy(frame, HEAD)
  let at = 0
  for (let given = 0; at < frame.length; ) {
    const fds = descriptors().slice(given, given + MOST_FDS)
    const isLast = given + fds.length === descriptors().length
    const sent = sendFds(socket, frame.subarray(at, isLast ? frame.length : at + 1), fds)
    if (sent === errno.EAGAIN) await ready(socket, EPOLLOUT)
    else if (sent < 0) throw systemError(sent, 'sendmsg')
    else {
      at += sent
      given += fds.length
    }
  }
}

/** Takes frames out of a socket that nobody else reads. */
export class FrameReader {
  readonly #socket: number
  readonly #piece = new Uint8Array(PIECE)
  /** Put together when a whole frame is there: it may come in thousands of pieces. */
  #pieces: Buffer[] = []
  #size = 0
  #wanted = HEAD
  #fds: number[] = []
  #closed = false

  constructor(socket: number) {
    this.#socket = socket
  }

  /** The next one; undefined when the peer has gone, or close() was called. */
  async next(): Promise<Frame | undefined> {
    for (;;) {
      const frame = this.#take()
      if (frame !== undefined) return frame
      if (this.#closed) return undefined
      const { result, fds } = receiveFds(this.#socket, this.#piece)
      this.#fds.push(...fds)
      if (result === errno.EAGAIN) await ready(this.#socket, EPOLLIN)
      else if (result === 0 || result === errno.ECONNRESET) return undefined
      else if (result < 0) throw systemError(result, 'recvmsg')
      else {
        this.#pieces.push(Buffer.from(this.#piece.subarray(0, result)))
        this.#size += result
      }
    }
  }

  /** Closes what has come and was not taken. */
  close(): void {
    this.#closed = true
    unwatch(this.#socket)
    closeFds(this.#fds.splice(0), () => {}) // not here: one may be the last of a TAP
  }

  #take(): Frame | undefined {
    if (this.#size < this.#wanted) return undefined
    const bytes = Buffer.concat(this.#pieces)
    this.#pieces = [bytes]
    const [length, count] = [bytes.readUInt32BE(0), bytes.readUInt32BE(4)]
    this.#wanted = HEAD + length
    if (this.#size < this.#wanted || this.#fds.length < count) return undefined
    const text = bytes.toString('utf8', HEAD, HEAD + length)
    this.#pieces = [bytes.subarray(HEAD + length)]
    this.#size -= HEAD + length
    this.#wanted = HEAD
    return { message: JSON.parse(text), fds: this.#fds.splice(0, count) }
  }
}

async function ready(socket: number, events: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const result = watch(socket, events, resolve)
    if (result < 0) reject(systemError(result, 'epoll_ctl'))
  })
}
