// IP addresses as people write them ('10.0.0.1/24', 'fd00::1') and as the kernel takes them.
// Called by whoever validates a user's addresses, and by the errors that name one. Strict: what
// `ip` would guess at (octal, missing octets, netmasks, scope ids) is refused.

import { isIPv4, isIPv6 } from 'node:net'
import { AF_INET, AF_INET6 } from './constants.js'

export interface Cidr {
  family: typeof AF_INET | typeof AF_INET6
  /** 4 or 16 bytes, in network order. */
  address: Uint8Array
  prefixLength: number
}

/** Address and prefix length; without '/N' it is a host's (/32, /128), as with `ip`. Undefined: neither. */
export function parseCidr(text: string): Cidr | undefined {
  const [host = '', prefix, ...rest] = text.split('/')
  const address = parseAddress(host)
  if (address === undefined || rest.length > 0) return undefined
  const bits = 8 * address.length
  if (prefix !== undefined && !/^(0|[1-9]\d{0,2})$/.test(prefix)) return undefined
  const prefixLength = prefix === undefined ? bits : Number(prefix)
  if (prefixLength > bits) return undefined
  return { family: bits === 32 ? AF_INET : AF_INET6, address, prefixLength }
}

export function formatCidr({ address, prefixLength }: Cidr): string {
  return `${formatAddress(address)}/${prefixLength}`
}

/** 4 or 16 bytes, or undefined if the text is no address. */
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
