// operstate of a TAP that is up stays UNKNOWN until carrier has come on once; from then on it is UP with
// carrier and DOWN without.
// Relied on by src/link/tap-queue.ts (a TAP is made with carrier off) and src/link/carrier.ts (settle waits for
// IF_OPER_UP): tools that wait for "state UP" would hang.

import { expect } from 'vitest'
import { tunSetCarrier } from '../../src/native.js'
import { homeLink, until } from '../support/netns.js'
import { FLAGS, IFF_NO_CARRIER, RawTap } from '../support/raw-tap.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'ip')
const itNoCarrier = needs('root', 'tun', 'ip', 'kernel 6.2')

const operstate = (tap: RawTap) => homeLink(tap.name).operstate

it('is UNKNOWN on a TAP that has always had carrier', async () => {
  using tap = RawTap.open()
  expect(operstate(tap)).toBe('DOWN')
  tap.up()
  await until('it to be up', () => homeLink(tap.name).flags.includes('LOWER_UP'))
  expect(operstate(tap)).toBe('UNKNOWN')
})

it('is UP once carrier has come on, and DOWN without it', async () => {
  using tap = RawTap.open()
  tunSetCarrier(tap.fd, false)
  tap.up()
  await until('DOWN', () => operstate(tap) === 'DOWN')
  tunSetCarrier(tap.fd, true)
  await until('UP', () => operstate(tap) === 'UP')
  tunSetCarrier(tap.fd, false)
  await until('DOWN', () => operstate(tap) === 'DOWN')
  expect(homeLink(tap.name).flags).toContain('NO-CARRIER')
})

itNoCarrier('is UP, too, when the TAP was born without carrier', async () => {
  using tap = RawTap.open(undefined, FLAGS | IFF_NO_CARRIER)
  tap.up()
  tunSetCarrier(tap.fd, true)
  await until('UP', () => operstate(tap) === 'UP')
})
