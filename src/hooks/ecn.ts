// A frame that would be lost is marked instead, where its sender takes part in ECN (RFC 3168): what a router does that
// finds its queue too long. Used by impairment.ts; netem's INET_ECN_set_ce().

import type { Burst } from '../frame/burst.js'
import { writeU16 } from '../frame/checksum.js'
import { ABSENT, FIELD } from '../frame/packet.js'

/** Not-ECT, ECT(1), ECT(0), and congestion experienced. */
const NOT_CAPABLE = 0
const CE = 3

/**
 * Marks frame `frame` of the burst; false for one whose sender does not take part. All wire frames of a super-frame have
 * the field of its header; the one that is changed travels alone.
 */
export function mark(burst: Burst, frame: number): boolean {
  const packet = burst.packet(frame)
  const version = packet.fields[FIELD.version]
  const { l3, start, bytes } = packet
  if (l3 === ABSENT || (version !== 4 && version !== 6)) return false
  // IPv6 has its traffic class four bits further on.
  const shift = version === 4 ? 0 : 4
  const field = (bytes[l3 + 1] >> shift) & CE
  if (field === NOT_CAPABLE) return false
  if (field === CE) return true
  const at = burst.changing(frame) + l3 - start
  const { memory } = burst
  const before = (memory[at] << 8) | memory[at + 1]
  memory[at + 1] |= CE << shift
  // RFC 1624: the other words of the header are not summed again, so a wrong sum stays wrong.
  if (version === 4) {
    const sum = (memory[at + 10] << 8) | memory[at + 11]
    const changed = (sum ^ 0xffff) + (before ^ 0xffff) + ((memory[at] << 8) | memory[at + 1])
    const once = (changed & 0xffff) + (changed >>> 16)
    writeU16(memory, at + 10, ((once & 0xffff) + (once >>> 16)) ^ 0xffff)
  }
  burst.reasons[frame] ??= 'marked'
  return true
}
