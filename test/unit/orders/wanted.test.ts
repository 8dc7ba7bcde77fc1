import { expect, test } from 'vitest'
import { merged, pinned, tunnelOf, withSince } from '../../../src/orders/wanted.js'

test('a change goes over the wish, and addresses are added', () => {
  const wish = { name: 'x0', mtu: 1500, addresses: ['10.0.0.1/24'] }
  expect(merged(wish, { mtu: 1400, addresses: ['10.0.0.2/24', '10.0.0.1/24'] })).toEqual({
    name: 'x0',
    mtu: 1400,
    addresses: ['10.0.0.1/24', '10.0.0.2/24'],
  })
})

test('a move sets the end down and drops its addresses, unless the change says otherwise', () => {
  const wish = { name: 'x0', up: true, addresses: ['10.0.0.1/24'] }
  expect(merged(wish, { netns: 'blue' })).toEqual({ name: 'x0', netns: 'blue', up: false, addresses: [] })
  expect(merged(wish, { netns: null, up: true, addresses: ['10.0.0.2/24'] })).toEqual({
    name: 'x0',
    netns: null,
    up: true,
    addresses: ['10.0.0.2/24'],
  })
})

test('what was drawn is pinned: the name, and the namespace by its name', () => {
  expect(pinned({ name: 'veth%d', mtu: 9000 }, { name: 'veth7', netns: 'blue', ifindex: 5 })).toEqual({
    name: 'veth7',
    mtu: 9000,
    netns: 'blue',
  })
  expect(pinned(undefined, { name: 'veth0', netns: null, ifindex: 5 })).toEqual({
    name: 'veth0',
    netns: null,
  })
})

test('impairment and rules are not among it: the pair itself knows them best', () => {
  const wish = { mtu: 1400, impair: { loss: 1 }, rules: [{ action: { kind: 'drop' as const } }] }
  expect(pinned(wish, { name: 'x0', netns: null, ifindex: 5 })).toEqual({
    name: 'x0',
    netns: null,
    mtu: 1400,
  })
})

test('a namespace without a name is kept by its path, never by a process id', () => {
  const end = { name: 'x0', netns: 'net:[42]', ifindex: 5 }
  expect(pinned({ netns: '/run/docker/netns/abc' }, end).netns).toBe('/run/docker/netns/abc')
  expect(pinned({ netns: 1234 }, end).netns).toBe('net:[42]')
})

test('a tunnel is as it was sent: it has no name of its own, and stands nowhere', () => {
  const wish = { b: { vxlan: { id: 42, remote: '192.0.2.1' }, impair: { loss: 1 } } }
  expect(pinned(wish.b, { name: 'vxlan42:192.0.2.1', netns: null, ifindex: 0 })).toEqual({})
  expect(withSince({ wish, since: { b: {} } }).b).toEqual(wish.b)
  expect(tunnelOf(wish)).toEqual({ b: { vxlan: wish.b.vxlan } })
  expect(tunnelOf({ b: { name: 'x1' } })).toEqual({})
})

test('what came since goes over the wishes as they were sent', () => {
  const wish = { id: 'cable', quiet: true, a: { name: 'x%d', up: true } }
  expect(withSince({ wish, since: { a: { name: 'x3' }, b: { mtu: 1400 } } })).toEqual({
    id: 'cable',
    quiet: true,
    a: { name: 'x3', up: true },
    b: { mtu: 1400 },
  })
})
