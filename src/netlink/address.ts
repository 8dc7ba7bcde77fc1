// IP addresses with their prefix length as people write them ('10.0.0.1/24') and as the kernel takes them.
// Called by whoever validates a user's addresses, and by the errors that name one. Strict: what
// `ip` would guess at (octal, missing octets, netmasks, scope ids) is refused.

import { formatAddress, parseAddress } from '../frame/address.js'
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
