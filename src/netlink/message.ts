// Netlink messages: the nlmsghdr in front of each, several of them in one datagram, and the
// NLMSG_ERROR with which a request is acknowledged or refused. Called by socket.ts and by the
// control server. Pure functions on bytes; what is inside a payload is for others to say.

import { viewOf } from '../frame/view.js'
import { AttributeDecoder, align, DecodeError } from './attribute.js'
import * as nl from './constants.js'

const NLMSG_HDRLEN = 16
const ERROR_LEN = 4 // the int in front of the echoed request

/** One message; `pid` is a port id. */
export interface Message {
  type: number
  flags: number
  seq: number
  pid: number
  payload: Uint8Array
}

/** What a client sends: a message before the socket has given it a sequence number. */
export interface Request extends Pick<Message, 'type' | 'flags' | 'payload'> {
  /** The kernel's name of the type, and the object it is about: for the error's text. */
  name: string
  subject: string
}

/** A request that is acknowledged; with NLM_F_DUMP in `flags` the end of the dump does that. */
export function requestOf(
  name: string,
  subject: string,
  type: number,
  payload: Uint8Array,
  flags = 0,
): Request {
  const dump = (flags & nl.NLM_F_DUMP) === nl.NLM_F_DUMP
  return { name, subject, type, flags: nl.NLM_F_REQUEST | (dump ? 0 : nl.NLM_F_ACK) | flags, payload }
}

/** Whoever carries requests to the kernel: a NetlinkSocket. */
export interface Client {
  request(request: Request): Message[]
}

/** What NLMSG_ERROR says: errno 0 is an acknowledgement. */
export interface Ack {
  /** 0 or negative. */
  errno: number
  /** The kernel's own sentence, '' if it gave none. */
  sentence: string
  /** Offset in the request (its nlmsghdr included) of the attribute at fault. */
  offset: number | undefined
}

// struct nlmsghdr { __u32 nlmsg_len; __u16 nlmsg_type; __u16 nlmsg_flags; __u32 nlmsg_seq; __u32 nlmsg_pid; }
export function encodeMessage(message: Message): Uint8Array {
  const length = NLMSG_HDRLEN + message.payload.length
  const bytes = new Uint8Array(align(length))
  const view = viewOf(bytes)
  view.setUint32(0, length, nl.HOST_LITTLE_ENDIAN)
  view.setUint16(4, message.type, nl.HOST_LITTLE_ENDIAN)
  view.setUint16(6, message.flags, nl.HOST_LITTLE_ENDIAN)
  view.setUint32(8, message.seq, nl.HOST_LITTLE_ENDIAN)
  view.setUint32(12, message.pid, nl.HOST_LITTLE_ENDIAN)
  bytes.set(message.payload, NLMSG_HDRLEN)
  return bytes
}

// #define NLMSG_OK(nlh, len) ((len) >= sizeof(struct nlmsghdr) && (nlh)->nlmsg_len >= sizeof(struct nlmsghdr) && (nlh)->nlmsg_len <= (len))
function messageLength(view: DataView, offset: number): number | undefined {
  const rest = view.byteLength - offset
  if (rest < NLMSG_HDRLEN) return undefined
  const length = view.getUint32(offset, nl.HOST_LITTLE_ENDIAN)
  return length >= NLMSG_HDRLEN && length <= rest ? length : undefined
}

/**
 * The messages of one datagram. As in the kernel, the first header that is not right ends the
 * datagram without an error. Payloads are views into `datagram`.
 */
export function parseMessages(datagram: Uint8Array): Message[] {
  return parseSome(datagram, Number.POSITIVE_INFINITY)
}

/** The first messages of a datagram, so many at most. */
export function parseSome(datagram: Uint8Array, most: number): Message[] {
  const messages: Message[] = []
  const view = viewOf(datagram)
  let offset = 0
  for (;;) {
    const length = messageLength(view, offset)
    if (length === undefined || messages.length >= most) return messages
    const payload = datagram.subarray(offset + NLMSG_HDRLEN, offset + length)
    messages.push(readMessage(view, offset, payload))
    offset += align(length)
  }
}

/** The first message of a datagram of which the rest is lost, without its payload. */
export function firstHeader(datagram: Uint8Array): Message[] {
  if (datagram.length < NLMSG_HDRLEN) return []
  return [readMessage(viewOf(datagram), 0, datagram.subarray(0, 0))]
}

function readMessage(view: DataView, offset: number, payload: Uint8Array): Message {
  return {
    type: view.getUint16(offset + 4, nl.HOST_LITTLE_ENDIAN),
    flags: view.getUint16(offset + 6, nl.HOST_LITTLE_ENDIAN),
    seq: view.getUint32(offset + 8, nl.HOST_LITTLE_ENDIAN),
    pid: view.getUint32(offset + 12, nl.HOST_LITTLE_ENDIAN),
    payload,
  }
}

/**
 * Decodes an NLMSG_ERROR: struct nlmsgerr { int error; struct nlmsghdr msg; }, then the rest of the
 * request unless NLM_F_CAPPED is set, then attributes if NLM_F_ACK_TLVS is set. Of an NLMSG_DONE
 * the same int ends a dump, with the attributes right behind it: pass `echoed` false.
 */
export function parseAck(message: Message, echoed = true): Ack {
  const { payload, flags } = message
  if (payload.length < ERROR_LEN) throw new DecodeError(`an error message of ${payload.length} bytes`)
  const view = viewOf(payload)
  const ack: Ack = { errno: view.getInt32(0, nl.HOST_LITTLE_ENDIAN), sentence: '', offset: undefined }
  if ((flags & nl.NLM_F_ACK_TLVS) === 0) return ack

  let echo = 0
  if (echoed) {
    if (payload.length < ERROR_LEN + NLMSG_HDRLEN)
      throw new DecodeError('an error message without its request')
    const capped = (flags & nl.NLM_F_CAPPED) !== 0
    echo = capped ? NLMSG_HDRLEN : view.getUint32(ERROR_LEN, nl.HOST_LITTLE_ENDIAN)
  }
  const attributes = new AttributeDecoder(payload, ERROR_LEN + echo)
  while (attributes.next()) {
    if (attributes.type === nl.NLMSGERR_ATTR_MSG) ack.sentence = attributes.string()
    else if (attributes.type === nl.NLMSGERR_ATTR_OFFS) ack.offset = attributes.u32()
  }
  attributes.end()
  return ack
}

/**
 * The NLMSG_ERROR that answers `request`, as the kernel builds it: a refusal (`errno` negative) echoes
 * the whole request, or with `capped` its header only; an acknowledgement (0) always the header.
 * `port` is the requester's.
 */
export function encodeAck(request: Message, port: number, errno: number, capped = errno === 0): Uint8Array {
  const echo = NLMSG_HDRLEN + (capped ? 0 : request.payload.length)
  const payload = new Uint8Array(ERROR_LEN + echo)
  viewOf(payload).setInt32(0, errno, nl.HOST_LITTLE_ENDIAN)
  payload.set(encodeMessage(request).subarray(0, echo), ERROR_LEN)
  const flags = capped ? nl.NLM_F_CAPPED : 0
  return encodeMessage({ type: nl.NLMSG_ERROR, flags, seq: request.seq, pid: port, payload })
}

/** The message of an answer that has exactly one. */
export function only(messages: Message[]): Message {
  const [message] = messages
  if (message === undefined || messages.length > 1)
    throw new DecodeError(`an answer of ${messages.length} messages`)
  return message
}
