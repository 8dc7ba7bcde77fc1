// A hook: every `every`th DNS answer over IPv4 becomes a SERVFAIL. Use it with
//   await pair.b.use(new URL('./servfail.mjs', import.meta.url), { every: 3 })
// where end b is the one that the DNS server sends on. It runs in a thread of the pair's own.
import { defineHook } from 'uveth'

const ETHERTYPE = 12
const IPV4 = 0x0800
const IP_HEADER = 14
const UDP = 17
const DNS_PORT = 53
const SERVFAIL = 2

/**
 * @param {Uint8Array} frame
 * @param {number} at
 */
const u16 = (frame, at) => /** @type {number} */ (frame[at] << 8) | /** @type {number} */ (frame[at + 1])

/**
 * Where the UDP header of a DNS answer begins; undefined for another frame.
 * @param {Uint8Array} frame
 */
function dnsAnswer(frame) {
  if (u16(frame, ETHERTYPE) !== IPV4 || frame[IP_HEADER + 9] !== UDP) return undefined
  const udp = IP_HEADER + 4 * /** @type {number} */ (frame[IP_HEADER] & 0x0f)
  return u16(frame, udp) === DNS_PORT && frame.length > udp + 8 + 4 ? udp : undefined
}

/** @type {(options: { every: number }) => import('uveth').Judge} */
const make = ({ every }) => {
  let answers = 0
  return (burst) => {
    for (let i = 0; i < burst.count; i++) {
      const frame = burst.frame(i)
      const udp = dnsAnswer(frame)
      if (udp === undefined || ++answers % every !== 0) continue
      const flags = udp + 8 + 3
      frame[flags] = /** @type {number} */ (frame[flags] & 0xf0) | SERVFAIL
      frame.fill(0, udp + 6, udp + 8) // no UDP checksum: allowed over IPv4
    }
  }
}

export default defineHook(make)
