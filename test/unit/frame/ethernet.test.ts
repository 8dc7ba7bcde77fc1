// What the data path looks at in a frame: its outer VLAN tag, and whether its virtio-net header calls it a
// super-frame. src/frame/ethernet.ts; called by forward() for frames that are longer than the MTU allows.
// Numbers are written out here, and not taken from the source.

import { expect, test } from 'vitest'
import { isSuperFrame, isTagged, MAX_MTU, MIN_MTU, MTU_OVERHEAD } from '../../../src/frame/ethernet.js'

const START = 5

function withEthertype(first: number, second: number): Uint8Array {
  const bytes = new Uint8Array(64)
  bytes.set([first, second], START + 12)
  return bytes
}

test.each<[string, number, number, boolean]>([
  ['802.1Q', 0x81, 0x00, true],
  ['802.1ad', 0x88, 0xa8, true],
  ['IPv4', 0x08, 0x00, false],
  ['IPv6', 0x86, 0xdd, false],
  ['an old QinQ type that veth does not know either', 0x91, 0x00, false],
  ['an 802.3 length', 0x00, 0x26, false],
  ['802.1Q with its bytes exchanged', 0x00, 0x81, false],
])('isTagged: %s', (_, first, second, tagged) => {
  expect(isTagged(withEthertype(first, second), START)).toBe(tagged)
})

test('isTagged looks at the outer type only', () => {
  const bytes = withEthertype(0x08, 0x00)
  bytes.set([0x81, 0x00], START + 16)
  expect(isTagged(bytes, START)).toBe(false)
})

test.each([
  ['a wire frame', 0, false],
  ['TCPv4', 1, true],
  ['UDP', 3, true],
  ['TCPv6', 4, true],
  ['USO', 5, true],
  ['TCPv4 with ECN', 0x81, true],
])('isSuperFrame: %s', (_, gsoType, superFrame) => {
  const header = new Uint8Array(12)
  header[0] = 1 // VIRTIO_NET_HDR_F_NEEDS_CSUM says nothing about the length
  header[1] = gsoType
  expect(isSuperFrame(header, 0)).toBe(superFrame)
})

test('the numbers are those of a TAP and of veth', () => {
  expect([MIN_MTU, MAX_MTU, MTU_OVERHEAD]).toEqual([68, 65_521, 18])
})
