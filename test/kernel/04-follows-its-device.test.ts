// A TAP's descriptor finds its device wherever it is: TUNGETIFF answers the name of now, TUNGETDEVNETNS the
// namespace of now, also after moves and renames by others and while it is up.
// Relied on by src/link/whereabouts.ts (link, #locate).

import { expect } from 'vitest'
import { Netns, run, uniqueName } from '../support/netns.js'
import { RawTap } from '../support/raw-tap.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip')
/** Older ones answer EBUSY: what is up keeps its name. */
const itRenamesLive = needs('root', 'tun', 'ip', 'kernel 6.2')

it('follows a rename', () => {
  using tap = RawTap.open()
  const name = uniqueName()
  run('ip', 'link', 'set', tap.name, 'name', name)
  expect(tap.name).toBe(name)
})

itRenamesLive('follows a rename of a link that is up', () => {
  using tap = RawTap.open()
  const name = uniqueName()
  tap.up()
  run('ip', 'link', 'set', tap.name, 'name', name)
  expect(tap.name).toBe(name)
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
