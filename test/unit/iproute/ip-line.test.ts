// What the shim makes of the words of an `ip` command line: src/iproute/ip-line.ts. Namespaces are names here.

import { describe, expect, test } from 'vitest'
import { ipOrder, parseVeth, readLine, readShown, readTurned } from '../../../src/iproute/ip-line.js'
import { UnsupportedError, UsageError } from '../../../src/iproute/usage.js'

const split = (line: string) => line.split(' ').filter((word) => word !== '')
const veth = (line: string) => parseVeth(split(line), (text) => text)
/** Of an order without a device behind `link`. */
const plain = (line: string) => {
  const { links, ...order } = veth(line)
  expect(links).toEqual([])
  return order
}

function thrownBy(order: () => unknown): unknown {
  try {
    return order()
  } catch (error) {
    return error
  }
}

describe('refused', () => {
  test.each([
    'a0 mtu x type veth',
    'a0 a1 type veth',
    'name a0 dev a1 type veth',
    'a0 type veth peer name b0 dev b1',
    'a0 type veth mtu 1400',
    'a0 group',
    'a0 type veth peer b0 type veth',
    'a0 help type veth',
    'h type veth',
    'a0 type veth peer he',
    'a0 type bridge',
    'a0 numtxqueues 4294967296 type veth',
  ])('%s: the real ip has the words for it', (line) => {
    const error = thrownBy(() => veth(line))
    expect(error).toBeInstanceOf(UsageError)
    expect(error).not.toBeInstanceOf(UnsupportedError)
  })

  test.each([
    ['a0 numtxqueues 0 type veth', 'transmit'],
    ['a0 numtxqueues 4097 numrxqueues 0 type veth', 'transmit'],
    ['a0 numrxqueues 5000 type veth', 'receive'],
    ['a0 numrxqueues 0 type veth peer numtxqueues 0', 'receive'],
    ['a0 type veth peer b0 numrxqueues 4294967295', 'receive'],
  ])('%s: as the kernel', (line, direction) => {
    const error = thrownBy(() => veth(line)) as Error
    expect(error).toBeInstanceOf(UnsupportedError)
    expect(error.message).toBe(`Invalid number of ${direction} queues`)
  })

  test('a0 type veth peer b0 xdp off: nobody can do it', () => {
    expect(thrownBy(() => veth('a0 type veth peer b0 xdp off'))).toBeInstanceOf(UnsupportedError)
  })
})

describe('link add … type veth', () => {
  const none = { a: [], b: [] }

  test('an index of the peer counts only beside one of the first end, as for the kernel', () => {
    const both = { a: { name: 'b0', ifindex: 6 }, b: { name: 'a0', ifindex: 5 } }
    expect(plain('a0 index 5 type veth peer b0 index 6').wish).toEqual(both)
    expect(plain('a0 type veth peer b0 index 6').wish.a).toEqual({ name: 'b0' })
    expect(plain('a0 ind 5 type veth').wish).toEqual({ a: {}, b: { name: 'a0', ifindex: 5 } })
  })

  test('the peer is end a, as the kernel makes it first', () => {
    expect(plain('v0 mtu 1400 netns l type veth peer name v1 address 2:0:0:0:0:1 up')).toEqual({
      wish: {
        a: { name: 'v1', address: '02:00:00:00:00:01', up: true },
        b: { name: 'v0', mtu: 1400, netns: 'l' },
      },
      later: none,
    })
  })

  test.each([
    ['v0 type veth', {}, none],
    [
      'v0 mtu 1400 qlen 7 netns x up address 2:0:0:0:0:1 type veth',
      { mtu: 1400, txQueueLength: 7, netns: 'x' },
      none,
    ],
    [
      'v0 group 5 arp off brd 0:0:0:0:0:9 master br0 gso_max_size 9 mode dormant type veth',
      {},
      {
        a: split('group 5 brd 0:0:0:0:0:9 gso_max_size 9 mode dormant'),
        b: split('group 5 arp off brd 0:0:0:0:0:9 master br0 gso_max_size 9 mode dormant'),
      },
    ],
    // With the word it inherits nothing.
    ['v0 mtu 1400 group 5 type veth peer', {}, { a: [], b: ['group', '5'] }],
  ])('%s: what the peer inherits', (line, a, later) => {
    expect(plain(line)).toMatchObject({ wish: { a }, later })
    expect(Object.keys(veth(line).wish.a ?? {})).toEqual(expect.arrayContaining(Object.keys(a)))
    expect(plain(line).wish.a).toEqual(a)
  })

  test('an end with more to be done goes up last', () => {
    expect(plain('v0 up arp off type veth peer v1 up promisc on')).toEqual({
      wish: { a: { name: 'v1' }, b: { name: 'v0' } },
      later: { a: ['promisc', 'on', 'up'], b: ['arp', 'off', 'up'] },
    })
  })

  test('what the kernel forgets is forgotten: the alias, a carrier', () => {
    expect(
      plain('v0 alias x carrier off protodown on nomaster type veth peer v1 al y parentdev p link-netns z'),
    ).toEqual({ wish: { a: { name: 'v1' }, b: { name: 'v0' } }, later: none })
  })

  test('but not the peer’s master, which ip would take without a word', () => {
    expect(plain('v0 type veth peer v1 up master br0')).toMatchObject({
      later: { a: ['master', 'br0', 'up'], b: [] },
    })
  })

  test.each([
    ['v0 link-netns x type veth', { netns: 'x' }, {}],
    ['v0 netns y link-netns x type veth peer v1', { name: 'v1', netns: 'x' }, { netns: 'y' }],
    ['v0 link-netns x type veth peer v1 netns y', { name: 'v1', netns: 'y' }, {}],
    // Without the word the peer has the first one's.
    ['v0 netns y link-netns x type veth', { netns: 'y' }, { netns: 'y' }],
  ])('%s: where they stand', (line, a, b) => {
    expect(plain(line).wish).toEqual({ a, b: { name: 'v0', ...b } })
  })

  test('n, m and d are short for nomaster, master and dynamic, as in iproute2', () => {
    expect(plain('n v0 m br0 d on type veth peer n v1')).toEqual({
      wish: { a: { name: 'v1' }, b: { name: 'v0' } },
      later: { a: [], b: ['m', 'br0', 'd', 'on'] },
    })
  })

  test('a queue without places is none, of either end', () => {
    expect(plain('v0 txqueuelen 0 type veth peer name v1 qlen 5')).toMatchObject({
      wish: { a: { name: 'v1', txQueueLength: 5 }, b: { name: 'v0' } },
      without: 'txqueuelen 0 is left out: a pair carries no frame without a queue',
    })
    const { wish, without = '' } = plain('v0 qlen 0 numtxqueues 300 type veth')
    expect(wish).toEqual({ queues: 256, a: {}, b: { name: 'v0' } })
    expect(without).toMatch(/^txqueuelen 0 is left out: .*; 256 queues instead of 300: /)
    expect(plain('v0 type veth')).not.toHaveProperty('without')
  })

  test('queues are as many as can be had', () => {
    expect(plain('v0 numtxqueues 4 type veth peer name v1').wish.queues).toBe(4)
    const most = plain('v0 type veth peer v1 numrxqueues 4096')
    expect(most).toMatchObject({ wish: { queues: 256 }, without: expect.stringMatching(/instead of 4096/) })
  })
})

describe('options in front', () => {
  test.each([
    ['link add', {}],
    [
      '-n x -j -s -force link add',
      { options: split('-n x -j -s -force'), netns: 'x', force: true, json: true, stats: true },
    ],
    ['--netns x -4 -- link add', { options: split('--netns x -4'), netns: 'x' }],
    ['-f inet -l 5 -rc 9 -br link add', { options: split('-f inet -l 5 -rc 9 -br') }],
    ['-fo -ba - -d', { options: ['-fo', '-d'], force: true, batch: '-', words: [] }],
    ['-b file', { batch: 'file', words: [] }],
  ])('%s', (line, expected) => {
    expect(readLine('ip', split(line))).toEqual({
      options: [],
      force: false,
      json: false,
      stats: false,
      words: ['link', 'add'],
      ...expected,
    })
  })

  test.each([
    ['link add', 'add'],
    ['l a', 'add'],
    ['li r x', 'replace'],
    ['link del x', 'delete'],
    ['link set x up', 'turn'],
    ['l c dev x down mtu 1400', 'turn'],
    ['link set x mtu 1400', undefined],
    ['link show type veth', 'show'],
    ['a ls dev x type veth', 'show'],
    ['link show x', undefined],
    ['link', undefined],
    ['addr add', undefined],
    ['', undefined],
  ])('%s orders %s', (line, verb) => {
    expect(ipOrder(split(line))).toBe(verb)
  })

  test.each([
    ['x up', { name: 'x', up: true, more: false }],
    ['up dev x', { name: 'x', up: true, more: false }],
    ['dev up down', { name: 'up', up: false, more: false }],
    ['x down name y', { name: 'x', up: false, more: true }],
    ['x up down', { name: 'x', up: false, more: true }],
    ['group 5 up', undefined],
    ['x netns blue up', undefined],
  ])('link set %s', (line, turned) => {
    expect(readTurned(split(line))).toEqual(turned)
  })

  test.each([
    ['link show dev left0 type veth', 'left0', 'link show dev left0'],
    ['addr show type veth up -dynamic left0', 'left0', 'addr show up -dynamic left0'],
    ['a s type tun to 10.0.0.0/8 type veth dev left0', 'left0', 'a s to 10.0.0.0/8 dev left0'],
    ['link show up master left1 type veth', undefined, 'link show up master left1'],
    ['link show vrf v group 5 nomaster type veth', undefined, 'link show vrf v group 5 nomaster'],
  ])('%s', (line, name, without) => {
    expect(readShown(split(line))).toEqual({ ...(name && { name }), without: split(without) })
  })

  test.each(['link show type veth type tun', 'link show dev veth'])('%s shows no veth', (line) => {
    expect(readShown(split(line))).toBeUndefined()
  })

  test('devices behind link have to be there, and are forgotten', () => {
    const order = veth('a0 link eth0 type veth peer b0')
    expect(order).toMatchObject({ links: ['eth0'], wish: { a: { name: 'b0' }, b: { name: 'a0' } } })
    expect(veth('a0 type veth').links).toEqual([])
  })
})
