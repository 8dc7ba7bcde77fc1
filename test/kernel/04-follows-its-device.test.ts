// A TAP's descriptor finds its device wherever it is: TUNGETIFF answers the name of now, TUNGETDEVNETNS the
// namespace of now, SIOCGIFHWADDR the MAC address, also after moves and renames by others and while it is up.
// Relied on by src/link/tap.ts (look, #locate).

import { expect } from 'vitest'
import { tunGetMac, tunSetMac } from '../../src/native.js'
import { Netns, run, uniqueName } from '../support/netns.js'
import { RawTap } from '../support/raw-tap.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip')

it('follows a rename, of a link that is down or up', () => {
  using tap = RawTap.open()
  const [second, third] = [uniqueName(), uniqueName()]
  run('ip', 'link', 'set', tap.name, 'name', second)
  expect(tap.name).toBe(second)
  tap.up()
  run('ip', 'link', 'set', second, 'name', third)
  expect(tap.name).toBe(third)
})

it('follows moves, also of a link that is up', () => {
  using left = Netns.create('left')
  using right = Netns.create('right')
  using tap = RawTap.open()
  const { name } = tap
  expect(tap.atHome).toBe(true)
  tap.up()
  run('ip', 'link', 'set', name, 'netns', left.name)
  expect(tap.netns).toBe(left.inode)
  left.ip('link', 'set', name, 'up')
  left.ip('link', 'set', name, 'netns', right.name)
  expect(tap.netns).toBe(right.inode)
  right.ip('link', 'set', name, 'netns', `${process.pid}`)
  expect(tap.atHome).toBe(true)
})

it('knows its MAC address in another namespace, and sets it', () => {
  using target = Netns.create()
  using tap = RawTap.open()
  tap.moveTo(target, 'far')
  target.ip('link', 'set', 'far', 'address', '02:00:00:00:00:42')
  const mac = new Uint8Array(6)
  expect(tunGetMac(tap.fd, mac)).toBe(0)
  expect([...mac]).toEqual([2, 0, 0, 0, 0, 0x42])
  expect(tunSetMac(tap.fd, Uint8Array.of(2, 0, 0, 0, 0, 0x43))).toBe(0)
  expect(target.link('far').address).toBe('02:00:00:00:00:43')
})
