// A TAP is born with carrier unless IFF_NO_CARRIER is given, which TUNGETFEATURES tells of; TUNSETCARRIER
// right after the birth is as good, as long as the link is down.
// Relied on by src/link/tap-queue.ts (openQueue).

import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { tunGetFeatures, tunOpen, tunSetCarrier } from '../../src/native.js'
import { homeLink, until } from '../support/netns.js'
import { FLAGS, IFF_NO_CARRIER, RawTap } from '../support/raw-tap.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'ip')
const itNoCarrier = needs('root', 'tun', 'ip', 'kernel 6.2')

/** Whether it has carrier can be seen only while it is up: before 6.8 at once in sysfs alone. */
function hasCarrier(tap: RawTap): boolean {
  tap.up()
  return readFileSync(`/sys/class/net/${tap.name}/carrier`, 'utf8') === '1\n'
}

it('has carrier by default', () => {
  using tap = RawTap.open()
  expect(hasCarrier(tap)).toBe(true)
})

itNoCarrier('has none with IFF_NO_CARRIER', () => {
  const fd = tunOpen()
  expect(tunGetFeatures(fd) & IFF_NO_CARRIER).toBe(IFF_NO_CARRIER)
  using tap = RawTap.open(undefined, FLAGS | IFF_NO_CARRIER)
  expect(hasCarrier(tap)).toBe(false)
})

it('has none after TUNSETCARRIER 0', async () => {
  using tap = RawTap.open()
  expect(tunSetCarrier(tap.fd, false)).toBe(0)
  expect(hasCarrier(tap)).toBe(false)
  await until('NO-CARRIER', () => homeLink(tap.name).flags.includes('NO-CARRIER'))
})
