// What the shim makes of the words of an `ip` command line: src/iproute/ip-line.ts. Namespaces are names here.

import { describe, expect, test } from 'vitest'
import { parseVeth, readIpLine, verbOf } from '../../../src/iproute/ip-line.js'
import { UnsupportedError, UsageError } from '../../../src/iproute/usage.js'

const split = (line: string) => line.split(' ').filter((word) => word !== '')
const veth = (line: string) => parseVeth(split(line), (text) => text)

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

  test.each(['a0 type veth peer b0 xdp off', 'a0 link eth0 type veth'])('%s: nobody can do it', (line) => {
    expect(thrownBy(() => veth(line))).toBeInstanceOf(UnsupportedError)
  })
})

describe('link add … type veth', () => {
  const none = { a: [], b: [] }

  test('an index of the peer counts only beside one of the first end, as for the kernel', () => {
    const both = { a: { name: 'b0', ifindex: 6 }, b: { name: 'a0', ifindex: 5 } }
    expect(veth('a0 index 5 type veth peer b0 index 6').wish).toEqual(both)
    expect(veth('a0 type veth peer b0 index 6').wish.a).toEqual({ name: 'b0' })
    expect(veth('a0 ind 5 type veth').wish).toEqual({ a: {}, b: { name: 'a0', ifindex: 5 } })
  })

  test('the peer is end a, as the kernel makes it first', () => {
    expect(veth('v0 mtu 1400 netns l type veth peer name v1 address 2:0:0:0:0:1 up')).toEqual({
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
    expect(veth(line)).toMatchObject({ wish: { a }, later })
    expect(Object.keys(veth(line).wish.a ?? {})).toEqual(expect.arrayContaining(Object.keys(a)))
    expect(veth(line).wish.a).toEqual(a)
  })

  test('an end with more to be done goes up last', () => {
    expect(veth('v0 up arp off type veth peer v1 up promisc on')).toEqual({
      wish: { a: { name: 'v1' }, b: { name: 'v0' } },
      later: { a: ['promisc', 'on', 'up'], b: ['arp', 'off', 'up'] },
    })
  })

  test('what the kernel forgets is forgotten: the alias, a carrier, the peer’s master', () => {
    expect(
      veth(
        'v0 alias x carrier off protodown on nomaster type veth peer v1 al y master br0 vrf z parentdev p',
      ),
    ).toEqual({ wish: { a: { name: 'v1' }, b: { name: 'v0' } }, later: none })
  })

  test('n, m and d are short for nomaster, master and dynamic, as in iproute2', () => {
    expect(veth('n v0 m br0 d on type veth peer n v1')).toEqual({
      wish: { a: { name: 'v1' }, b: { name: 'v0' } },
      later: { a: [], b: ['m', 'br0', 'd', 'on'] },
    })
  })

  test('queues are a hint', () => {
    expect(veth('v0 numtxqueues 4 type veth peer name v1')).toMatchObject({ queuesIfTheyFit: 4 })
    expect(veth('v0 type veth peer v1 numrxqueues 4096')).toMatchObject({ queuesIfTheyFit: 4096 })
  })
})

describe('options in front', () => {
  test.each([
    ['link add', {}],
    ['-n x -j -s -force link add', { options: split('-n x -j -s -force'), netns: 'x', force: true }],
    ['--netns x -4 -- link add', { options: split('--netns x -4'), netns: 'x' }],
    ['-f inet -l 5 -rc 9 -br link add', { options: split('-f inet -l 5 -rc 9 -br') }],
    ['-fo -ba - -d', { options: ['-fo', '-d'], force: true, batch: '-', words: [] }],
    ['-b file', { batch: 'file', words: [] }],
  ])('%s', (line, expected) => {
    expect(readIpLine(split(line))).toEqual({
      options: [],
      force: false,
      words: ['link', 'add'],
      ...expected,
    })
  })

  test.each([
    ['link add', 'add'],
    ['l a', 'add'],
    ['li r x', 'replace'],
    ['link del x', 'delete'],
    ['link set x up', undefined],
    ['link change x up', undefined],
    ['link', undefined],
    ['addr add', undefined],
    ['', undefined],
  ])('%s orders %s', (line, verb) => {
    expect(verbOf(split(line))).toBe(verb)
  })
})
