// Ethernet and virtio-net facts about a frame that stands in memory. A leaf: no I/O, no allocation.

/** What a TAP allows (65,535 - 14; test/kernel/23): MTU is the L3 payload. */
export const MIN_MTU = 68
export const MAX_MTU = 65_521
/** With a smaller one a link has no IPv6. */
export const IPV6_MIN_MTU = 1280
/** Ethernet header. */
export const ETH_HLEN = 14
/** Ethernet header and two VLAN tags. */
export const MAX_OVERHEAD = 14 + 4 + 4
/** Ethernet header and one VLAN tag: veth lets a frame be this much longer than the peer's MTU. */
export const MTU_OVERHEAD = 14 + 4
export const VLAN_TAG = 4

const ETHERTYPE_OFFSET = 12
export const ETH_P_8021Q = 0x8100
export const ETH_P_8021AD = 0x88a8

/** gso_type stands one byte after the header's flags; 0 (VIRTIO_NET_HDR_GSO_NONE) is a wire frame. */
const GSO_TYPE_OFFSET = 1

/** True when the frame at `start` begins with a VLAN tag. */
export function isTagged(bytes: Uint8Array, start: number): boolean {
  const at = start + ETHERTYPE_OFFSET
  const type = (bytes[at] << 8) | bytes[at + 1]
  return type === ETH_P_8021Q || type === ETH_P_8021AD
}

/** A frame that is not a super-frame (test/kernel/13) may exceed the limit by one VLAN tag, if it begins with one. */
export function isTooLong(bytes: Uint8Array, start: number, excess: number): boolean {
  return excess > (isTagged(bytes, start) ? VLAN_TAG : 0)
}

/** True when the virtio-net header at `header` says that the frame is to be cut into segments. */
export function isSuperFrame(bytes: Uint8Array, header: number): boolean {
  return bytes[header + GSO_TYPE_OFFSET] !== 0
}
