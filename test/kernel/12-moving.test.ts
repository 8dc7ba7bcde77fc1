// Moving a TAP sets it down and drops its addresses, as for a veth. Namespace and name change by one request:
// a taken name and a `%d` template are judged over there. With a name in the request, a refusal may leave the
// device anywhere; without one, it stays where it was.
// Relied on by src/link/requests.ts (moveTo) and src/link/create.ts (temporary names).

import { expect } from 'vitest'
import { homeLink, Netns, run } from '../support/netns.js'
import { RawTap } from '../support/raw-tap.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip')

/** A link of that name: the loopback, which every namespace has. */
function take(netns: Netns, name: string): void {
  netns.ip('link', 'set', 'lo', 'name', name)
}

it('is down and without addresses afterwards', () => {
  using target = Netns.create()
  using tap = RawTap.open()
  run('ip', 'addr', 'add', '192.0.2.1/32', 'dev', tap.name)
  tap.up()
  tap.moveTo(target, 'here')
  expect(target.link('here').flags).not.toContain('UP')
  expect(target.ip('addr', 'show', 'dev', 'here')).not.toContain('inet')
})

it('takes a name that home has, but the target has not', () => {
  using target = Netns.create()
  using other = RawTap.open()
  using tap = RawTap.open()
  tap.moveTo(target, other.name)
  expect(tap.netns).toBe(target.inode)
  expect(tap.name).toBe(other.name)
  expect(homeLink(other.name).ifname).toBe(other.name)
})

it('judges a template in the target', () => {
  using target = Netns.create()
  using tap = RawTap.open()
  target.ip('link', 'set', 'lo', 'name', 'end0')
  tap.moveTo(target, 'end%d')
  expect(tap.name).toBe('end1')
})

it('with a taken name: EEXIST, and the descriptor knows where it is', () => {
  using target = Netns.create()
  using tap = RawTap.open()
  take(target, 'taken')
  expect(() => tap.moveTo(target, 'taken')).toThrow(/EEXIST/)
  // Not atomic: on the kernels that were looked at it has left home under its old name.
  expect(tap.gone).toBe(false)
  expect(tap.name).not.toBe('taken')
  if (!tap.atHome) expect(target.link(tap.name).ifname).toBe(tap.name)
})

it('after that refusal a close removes it, wherever it is', () => {
  using target = Netns.create()
  const tap = RawTap.open()
  take(target, 'taken')
  expect(() => tap.moveTo(target, 'taken')).toThrow(/EEXIST/)
  const { name } = tap
  tap.close()
  expect(target.has(name)).toBe(false)
  expect(() => homeLink(name)).toThrow()
})

it('without a new name, a taken one refuses the move: it stays', () => {
  using target = Netns.create()
  using tap = RawTap.open()
  take(target, tap.name)
  expect(() => tap.moveTo(target)).toThrow(/EEXIST/)
  expect(tap.atHome).toBe(true)
})
