// TUNSETOFFLOAD refuses with EINVAL what the kernel does not know, so that its features can be found by
// asking: segmentation needs the checksum bit, UDP segmentation comes for IPv4 and IPv6 together (from 6.2).
// The mask can be changed at any time.
// Relied on by src/link/tap-queue.ts (openQueue tries masks, best first).

import { expect } from 'vitest'
import { tunSetOffload } from '../../src/native.js'
import { Netns, run } from '../support/netns.js'
import { EINVAL, RawTap } from '../support/raw-tap.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip')
const itUso = needs('root', 'tun', 'kernel 6.2')
const itEthtool = needs('root', 'tun', 'ethtool')

const CSUM = 0x01
const TSO = 0x02 | 0x04 | 0x08
const USO4 = 0x20
const USO6 = 0x40

it.each([
  ['nothing', 0],
  ['checksums', CSUM],
  ['checksums and TCP segmentation', CSUM | TSO],
])('takes %s', (_, mask) => {
  using tap = RawTap.open()
  expect(tunSetOffload(tap.fd, mask)).toBe(0)
})

it.each([
  ['TCP segmentation without checksums', TSO],
  ['a bit that nobody knows', CSUM | 0x8000],
])('refuses %s', (_, mask) => {
  using tap = RawTap.open()
  expect(tunSetOffload(tap.fd, mask)).toBe(-EINVAL)
})

itUso('takes UDP segmentation for both families, and refuses it for one', () => {
  using tap = RawTap.open()
  expect(tunSetOffload(tap.fd, CSUM | TSO | USO4 | USO6)).toBe(0)
  expect(tunSetOffload(tap.fd, CSUM | TSO | USO4)).toBe(-EINVAL)
  expect(tunSetOffload(tap.fd, CSUM | TSO | USO6)).toBe(-EINVAL)
})

it('can be changed while the link is up, and in another namespace', () => {
  using target = Netns.create()
  using tap = RawTap.open()
  tap.moveTo(target, 'e')
  target.ip('link', 'set', 'e', 'up')
  expect(tunSetOffload(tap.fd, CSUM | TSO)).toBe(0)
  expect(tunSetOffload(tap.fd, 0)).toBe(0)
})

itEthtool('shows as features of the interface', () => {
  using tap = RawTap.open()
  const segmentation = () => run('ethtool', '-k', tap.name).match(/^tcp-segmentation-offload: (\w+)/m)?.[1]
  tunSetOffload(tap.fd, CSUM | TSO)
  expect(segmentation()).toBe('on')
  tunSetOffload(tap.fd, 0)
  expect(segmentation()).toBe('off')
})
