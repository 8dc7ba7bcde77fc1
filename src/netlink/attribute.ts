// Netlink attributes: {u16 length, u16 type, payload, padded to 4 bytes}. The writer builds them
// behind a family's fixed header, the decoder walks them. Called by the message codecs of this
// folder and by the control server, which decodes bytes of other users: the decoder never reads
// past its bytes, and never throws anything but a DecodeError, in `end()`. No I/O here.

import { viewOf } from '../frame/view.js'
import { HOST_LITTLE_ENDIAN, NLA_F_NESTED, NLA_F_NET_BYTEORDER } from './constants.js'

const NLA_HDRLEN = 4
const NLA_MAXLEN = 0xffff
const EMPTY = new Uint8Array(0)

/** The bytes are not what they say they are. The only error that decoding raises. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
}

// #define NLA_ALIGN(len) (((len) + NLA_ALIGNTO - 1) & ~(NLA_ALIGNTO - 1))
export function align(length: number): number {
  return (length + 3) & ~3
}

// struct nlattr { __u16 nla_len; __u16 nla_type; }, followed by the payload and by zeros up to 4.
function encodeAttribute(type: number, payload: Uint8Array): Uint8Array {
  const length = NLA_HDRLEN + payload.length
  if (length > NLA_MAXLEN) throw new RangeError(`attribute ${type}: ${payload.length} bytes do not fit`)
  const bytes = new Uint8Array(align(length))
  const view = new DataView(bytes.buffer)
  view.setUint16(0, length, HOST_LITTLE_ENDIAN)
  view.setUint16(2, type, HOST_LITTLE_ENDIAN)
  bytes.set(payload, NLA_HDRLEN)
  return bytes
}

/** Collects attributes behind an optional fixed header (a multiple of 4 bytes). Calls chain. */
export class AttributeWriter {
  readonly #parts: Uint8Array[]

  constructor(header: Uint8Array = EMPTY) {
    this.#parts = [header]
  }

  /** An attribute without payload: it means "yes" by being there. */
  flag(type: number): this {
    return this.bytes(type, EMPTY)
  }

  u8(type: number, value: number): this {
    return this.#integer(type, value, 1)
  }

  u16(type: number, value: number): this {
    return this.#integer(type, value, 2)
  }

  u32(type: number, value: number): this {
    return this.#integer(type, value, 4)
  }

  /** An int of C, such as a file descriptor or a namespace id, which may be -1. */
  s32(type: number, value: number): this {
    if (value !== (value | 0)) throw new RangeError(`attribute ${type}: ${value} is no s32`)
    return this.u32(type, value >>> 0)
  }

  /** Integers up to Number.MAX_SAFE_INTEGER. */
  u64(type: number, value: number): this {
    return this.#integer(type, value, 8)
  }

  /** The text in UTF-8 with a terminating NUL. */
  string(type: number, value: string): this {
    if (value.includes('\0')) throw new RangeError(`attribute ${type}: a NUL inside the text`)
    return this.bytes(type, Buffer.from(`${value}\0`))
  }

  bytes(type: number, payload: Uint8Array): this {
    this.#parts.push(encodeAttribute(type, payload))
    return this
  }

  /** Attributes inside an attribute. NLA_F_NESTED is set: families newer than Linux 5.2 insist on it. */
  nested(type: number, fill: (inner: AttributeWriter) => void): this {
    const inner = new AttributeWriter()
    fill(inner)
    return this.bytes(type | NLA_F_NESTED, inner.finish())
  }

  finish(): Uint8Array {
    const bytes = new Uint8Array(this.#parts.reduce((sum, part) => sum + part.length, 0))
    let offset = 0
    for (const part of this.#parts) {
      bytes.set(part, offset)
      offset += part.length
    }
    return bytes
  }

  #integer(type: number, value: number, size: 1 | 2 | 4 | 8): this {
    if (!Number.isSafeInteger(value) || value < 0 || value >= 2 ** (8 * size)) {
      throw new RangeError(`attribute ${type}: ${value} is no u${8 * size}`)
    }
    const view = new DataView(new ArrayBuffer(size))
    if (size === 1) view.setUint8(0, value)
    else if (size === 2) view.setUint16(0, value, HOST_LITTLE_ENDIAN)
    else if (size === 4) view.setUint32(0, value, HOST_LITTLE_ENDIAN)
    else view.setBigUint64(0, BigInt(value), HOST_LITTLE_ENDIAN)
    return this.bytes(type, new Uint8Array(view.buffer))
  }
}

/**
 * Walks attributes:
 *
 *     while (attributes.next()) {
 *       if (attributes.type === IFLA_MTU) mtu = attributes.u32()
 *     }
 *     attributes.end()
 *
 * The first fault sticks: from then on next() is false and the getters answer zero values, so a
 * caller checks once, with end(). (The kernel ignores a faulty tail instead; who wants that leaves
 * end() out.) Of several attributes of one type the last counts, as in the kernel, if the caller
 * assigns as above.
 */
export class AttributeDecoder {
  /** Type of the current attribute, flags stripped. */
  type = 0
  /** The first fault, if there was one. */
  fault: string | undefined
  readonly #bytes: Uint8Array
  #offset: number
  #payload: Uint8Array = EMPTY
  #littleEndian = HOST_LITTLE_ENDIAN

  /** `offset`: length of the fixed header in front of the attributes. */
  constructor(bytes: Uint8Array, offset = 0) {
    this.#bytes = bytes
    this.#offset = align(offset)
    if (offset > bytes.length) this.#fail(`${bytes.length} bytes are too few for a header of ${offset}`)
  }

  // #define NLA_OK(nla, rem) ((rem) >= sizeof(*nla) && (nla)->nla_len >= sizeof(*nla) && (nla)->nla_len <= (rem))
  next(): boolean {
    const rest = this.#bytes.length - this.#offset
    if (this.fault !== undefined || rest <= 0) return false
    if (rest < NLA_HDRLEN) return this.#fail(`${rest} bytes after the last attribute`)
    const view = viewOf(this.#bytes)
    const length = view.getUint16(this.#offset, HOST_LITTLE_ENDIAN)
    const type = view.getUint16(this.#offset + 2, HOST_LITTLE_ENDIAN)
    if (length < NLA_HDRLEN || length > rest) {
      return this.#fail(`an attribute of ${length} bytes where ${rest} are left`)
    }
    this.type = type & ~(NLA_F_NESTED | NLA_F_NET_BYTEORDER)
    this.#littleEndian = HOST_LITTLE_ENDIAN && (type & NLA_F_NET_BYTEORDER) === 0
    this.#payload = this.#bytes.subarray(this.#offset + NLA_HDRLEN, this.#offset + length)
    this.#offset += align(length)
    return true
  }

  u8(): number {
    return this.#integer(1)?.getUint8(0) ?? 0
  }

  u16(): number {
    return this.#integer(2)?.getUint16(0, this.#littleEndian) ?? 0
  }

  u32(): number {
    return this.#integer(4)?.getUint32(0, this.#littleEndian) ?? 0
  }

  s32(): number {
    return this.u32() | 0
  }

  /** As a number: above 2^53 it is rounded. */
  u64(): number {
    return Number(this.#integer(8)?.getBigUint64(0, this.#littleEndian) ?? 0n)
  }

  /** The text up to the first NUL, or the whole payload if there is none. */
  string(): string {
    const nul = this.#payload.indexOf(0)
    return Buffer.from(nul < 0 ? this.#payload : this.#payload.subarray(0, nul)).toString()
  }

  /** The payload: a view into the decoded bytes, no copy. */
  bytes(): Uint8Array {
    return this.#payload
  }

  /** Hands a decoder of the payload to `read`, and takes over its fault. */
  nested(read: (inner: AttributeDecoder) => void): void {
    const inner = new AttributeDecoder(this.#payload)
    read(inner)
    if (inner.fault !== undefined) this.#fail(`in attribute ${this.type}: ${inner.fault}`)
  }

  /** Throws the fault, if there was one. */
  end(): void {
    if (this.fault !== undefined) throw new DecodeError(this.fault)
  }

  #integer(size: number): DataView | undefined {
    if (this.#payload.length === size) return viewOf(this.#payload)
    this.#fail(`attribute ${this.type}: ${this.#payload.length} bytes where ${size} are due`)
    return undefined
  }

  #fail(fault: string): false {
    this.fault ??= fault
    this.#payload = EMPTY
    return false
  }
}
