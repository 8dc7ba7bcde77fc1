// IP addresses as text and bytes. A leaf. Strict: what `ip` would guess at (octal, missing octets, scope ids)
// is no address.

import { isIPv4, isIPv6 } from 'node:net'

/** 4 or 16 bytes in network order, or undefined if the text is no address. */
export function parseAddress(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number)
  if (!isIPv6(text) || text.includes('%')) return undefined
  // The URL parser turns every spelling (upper case, embedded IPv4) into hexadecimal groups.
  const [head = '', tail] = new URL(`http://[${text}]`).hostname.slice(1, -1).split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array<string>(8 - left.length - right.length).fill('0')
  const groups = [...left, ...zeros, ...right].map((group) => Number.parseInt(group, 16))
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]))
}

/** The canonical text of 4 or 16 bytes. */
export function formatAddress(address: Uint8Array): string {
  if (address.length === 4) return address.join('.')
  const groups = Buffer.from(address).toString('hex').match(/..../g) ?? []
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}

export interface Prefix {
  /** 4 or 16 bytes; all zero behind the prefix. */
  address: Uint8Array
  mask: Uint8Array
  /** Bits. */
  length: number
}

/** `10.0.0.0/8`, or an address, which is a prefix of all its bits. Bits behind the prefix are cleared. */
export function parsePrefix(text: string): Prefix | undefined {
  const [host = '', bits, ...rest] = text.split('/')
  const address = parseAddress(host)
  if (address === undefined || rest.length > 0) return undefined
  if (bits !== undefined && !/^(0|[1-9]\d{0,2})$/.test(bits)) return undefined
  const length = bits === undefined ? 8 * address.length : Number(bits)
  if (length > 8 * address.length) return undefined
  return prefixOf(address, length)
}

/** The network of `length` bits that an address is in; of all its bits: itself. */
export function prefixOf(address: Uint8Array, length: number = 8 * address.length): Prefix {
  const mask = address.map((_, index) => 0xff00 >> Math.min(8, Math.max(0, length - 8 * index)))
  return { address: address.map((byte, index) => byte & mask[index]), mask, length }
}

/** The canonical text; a prefix of all bits is written as an address. */
export function formatPrefix({ address, length }: Prefix): string {
  const text = formatAddress(address)
  return length === 8 * address.length ? text : `${text}/${length}`
}

/** An address of an interface, with the length of its network's prefix. */
export interface Cidr {
  /** 4 or 16 bytes, in network order. */
  address: Uint8Array
  prefixLength: number
}

/** `10.0.0.1/24`. Without '/N' it is a host's (/32, /128), as with `ip`. Undefined: neither. */
export function parseCidr(text: string): Cidr | undefined {
  const address = parseAddress(text.split('/')[0] ?? '')
  const length = parsePrefix(text)?.length
  return address === undefined || length === undefined ? undefined : { address, prefixLength: length }
}

export function formatCidr({ address, prefixLength }: Cidr): string {
  return `${formatAddress(address)}/${prefixLength}`
}
