// iproute2's grammar of `ip link`: src/iproute/grammar.ts and keywords.ts. Words in, wishes out; what `ip` would
// complain about is complained about in one line.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  parseAdd,
  parseDel,
  parseSet,
  parseShort,
  parseShow,
  readSubverb,
} from '../../../src/iproute/grammar.js'
import { UsageError } from '../../../src/iproute/usage.js'

const split = (line: string) => line.split(' ').filter((word) => word !== '')
/** Namespaces of digits are process ids here, except `7`. */
const netnsOf = (text: string) => (/^\d+$/.test(text) && text !== '7' ? Number(text) : text)
const add = (line: string) => parseAdd(split(line), netnsOf)
const set = (line: string) => parseSet(split(line), netnsOf)
const del = (line: string) => parseDel(split(line), netnsOf)

function complaintOf(parse: () => unknown): string {
  try {
    parse()
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError)
    const { message } = error as UsageError
    expect(message).not.toContain('\n')
    return message
  }
  return 'none'
}

describe('link add refuses', () => {
  test.each([
    ['', 'not enough information: "type" argument is required: type veth'],
    ['veth0', 'not enough information: "type" argument is required: type veth'],
    ['veth0 type', 'type is not complete: it takes a value'],
    ['veth0 type bridge', 'argument "bridge" is wrong: invalid type: uveth makes only type veth'],
    ['veth0 mtu', 'mtu is not complete: it takes a value'],
    ['veth0 mtu 1 mtu 2 type veth', 'duplicate "mtu": "2" is the second value'],
    ['veth0 txqueuelen 1 qlen 2 type veth', 'duplicate "txqueuelen": "2" is the second value'],
    ['veth0 numtxqueues x type veth', 'argument "x" is wrong: numtxqueues takes a number'],
    ['veth0 index 1 index 2 type veth', 'duplicate "index": "2" is the second value'],
    [
      'veth0 master br0 type veth',
      'argument "master" is wrong: it is for ip: ip link set dev veth0 master br0',
    ],
    ['veth0 carrier off type veth', 'argument "carrier" is wrong: only "link set" takes a carrier'],
    ['veth0 veth1 type veth', 'either "dev" is duplicate, or "veth1" is garbage'],
    ['veth0 peer veth1', 'argument "peer" is wrong: it stands behind "type veth"'],
    [
      'veth0 type veth mtu 9000',
      'argument "mtu" is wrong: after "type veth" come "queues N", "quiet", "id ID" and "peer …"',
    ],
    ['veth0 type veth peer v1 type veth', 'duplicate "type": "veth" is the second value'],
    ['veth0 type veth peer v1 v2', 'either "dev" is duplicate, or "v2" is garbage'],
    ['veth0 type veth peer v1 mtu', 'mtu is not complete: it takes a value'],
  ])('%s', (line, complaint) => {
    expect(complaintOf(() => add(line))).toBe(complaint)
  })

  test('but values of attributes it leaves to their shape, as they are written', () => {
    const line = 'sixteen-bytes-ab mtu big index 0 qlen -1 address 02:00 type veth queues x peer a/b mtu 1e3'
    expect(add(line).wish).toEqual({
      a: { name: 'sixteen-bytes-ab', mtu: 'big', ifindex: 0, txQueueLength: '-1', address: '02:00' },
      b: { name: 'a/b', mtu: '1e3' },
      queues: 'x',
    })
    expect(parseAdd(['', 'netns', '', 'type', 'veth'], netnsOf).wish.a).toEqual({ name: '', netns: '' })
    expect(set('x carrier perhaps').carrier).toBe('perhaps')
  })
})

describe('link add', () => {
  const both = { wish: { a: { name: 'veth0' }, b: { name: 'veth1' } } }

  test.each([
    'veth0 type veth peer name veth1',
    'veth0 type veth peer veth1',
    'veth0 type veth peer dev veth1',
    'name veth0 type veth peer veth1',
    'dev veth0 type veth peer name veth1',
    'veth0 ty veth peer veth1',
  ])('%s', (line) => {
    expect(add(line)).toEqual(both)
  })

  test('leaves out what was left out', () => {
    expect(add('type veth')).toEqual({ wish: { a: {}, b: {} } })
    expect(add('type veth peer')).toEqual({ wish: { a: {}, b: {} } })
    expect(add('type veth peer name x')).toEqual({ wish: { a: {}, b: { name: 'x' } } })
    expect(add('veth%d netns left type veth')).toEqual({
      wish: { a: { name: 'veth%d', netns: 'left' }, b: {} },
    })
  })

  test('takes every attribute of either end, before the name or behind it', () => {
    const line =
      'mtu 1400 txqueuelen 10 up veth0 netns left addr 2:0:0:0:0:1 ' +
      'type veth peer netns 42 down qlen 0x20 mtu 9000 address 02:00:00:00:00:0A name veth1'
    expect(add(line)).toEqual({
      wish: {
        a: {
          name: 'veth0',
          netns: 'left',
          address: '02:00:00:00:00:01',
          mtu: 1400,
          txQueueLength: 10,
          up: true,
        },
        b: {
          name: 'veth1',
          netns: 42,
          address: '02:00:00:00:00:0A',
          mtu: 9000,
          txQueueLength: 32,
          up: false,
        },
      },
    })
  })

  test('link-netns is where the peer stands that says nothing of it', () => {
    expect(add('x netns left link-netns right type veth').wish).toEqual({
      a: { name: 'x', netns: 'left' },
      b: { netns: 'right' },
    })
    expect(add('x link-netns right type veth peer netns left').wish.b).toEqual({ netns: 'left' })
  })

  test('a namespace that has a number for its name', () => {
    expect(add('x netns 7 type veth').wish.a).toEqual({ name: 'x', netns: '7' })
  })

  test('what concerns the pair stands behind the type', () => {
    expect(add('veth0 type veth queues 2 quiet id lan peer veth1').wish).toEqual({
      ...both.wish,
      queues: 2,
      quiet: true,
      id: 'lan',
    })
  })

  test("iproute2's numbers of queues are queues of the pair, as many as can be had", () => {
    const queues = (words: string) => add(`veth0 ${words}`).wish.queues
    expect(add('veth0 numtxqueues 4 numrxqueues 2 type veth peer veth1')).toEqual({
      wish: { ...both.wish, queues: 4 },
    })
    expect(add('veth0 numtxqueues 1 type veth peer veth1')).toEqual(both)
    expect(queues('numtxqueues 4 type veth queues 2 peer veth1')).toBe(2)
    expect(queues('type veth peer veth1 numrxqueues 256')).toBe(256)
    const { wish, without } = add('veth0 numtxqueues 257 type veth')
    expect(wish.queues).toBe(256)
    expect(without).toBe('256 queues instead of 257: the kernel gives a TAP no more')
  })

  test('the short form takes two names, whatever they look like', () => {
    expect(parseShort(['mtu', 'a'])).toEqual({ wish: { a: { name: 'mtu' }, b: { name: 'a' } } })
    for (const words of [[], ['a'], ['a', 'b', 'c']])
      expect(complaintOf(() => parseShort(words))).toMatch(/names of both interfaces/)
  })

  test('whatever the words, it answers a wish or complains', () => {
    const vocabulary = split(
      'veth0 name dev mtu 1500 type veth peer netns up a add 02:00:00:00:00:01 carrier id',
    )
    const words = fc.array(fc.oneof(fc.constantFrom(...vocabulary), fc.string()), { maxLength: 12 })
    fc.assert(
      fc.property(words, (some) => {
        const complaint = complaintOf(() => parseAdd(some, netnsOf))
        expect(complaint).not.toBe('')
      }),
    )
  })
})

describe('link set', () => {
  test.each([
    ['', 'not enough information: "dev" argument is required'],
    ['up', 'not enough information: "dev" argument is required'],
    ['veth0', 'nothing to set: give "veth0" a state, a carrier or an attribute'],
    ['veth0 mtu', 'mtu is not complete: it takes a value'],
    ['veth0 up type veth', 'argument "veth" is wrong: "link set" takes no type'],
    ['veth0 promisc on', 'argument "promisc" is wrong: it is for ip: ip link set dev veth0 promisc on'],
    ['arp off dev veth0', 'argument "arp" is wrong: it is for ip: ip link set dev NAME arp off'],
    ['dev veth0 nomaster', 'argument "nomaster" is wrong: it is for ip: ip link set dev veth0 nomaster'],
    ['veth0 alias uplink', 'argument "alias" is wrong: it is for ip: ip link set dev veth0 alias uplink'],
    ['veth0 link-netns x', 'argument "link-netns" is wrong: it can be said by "link add" only'],
    ['veth0 vrf', 'argument "vrf" is wrong: it is for ip: ip link set dev veth0 vrf VALUE'],
    [
      'veth0 altname x',
      'argument "altname" is wrong: it is for ip: ip link property add dev veth0 altname x',
    ],
  ])('refuses %s', (line, complaint) => {
    expect(complaintOf(() => set(line))).toBe(complaint)
  })

  test.each<[string, object]>([
    ['veth0 up', { ref: 'veth0', wish: { up: true } }],
    ['dev veth0 down', { ref: 'veth0', wish: { up: false } }],
    ['up dev veth0', { ref: 'veth0', wish: { up: true } }],
    ['veth0 name lan0', { ref: 'veth0', wish: { name: 'lan0' } }],
    ['eth0@blue carrier off', { ref: 'eth0@blue', wish: {}, carrier: 'off' }],
    [
      'id:a-longer-name-of-a-pair carrier auto',
      { ref: 'id:a-longer-name-of-a-pair', wish: {}, carrier: 'auto' },
    ],
    [
      'veth0 mtu 9000 netns 1 carrier on up',
      { ref: 'veth0', wish: { mtu: 9000, netns: 1, up: true }, carrier: 'on' },
    ],
  ])('%s', (line, order) => {
    expect(set(line)).toEqual(order)
  })
})

test('link del takes one name', () => {
  expect([del('veth0'), del('dev veth0'), del('veth0 type veth'), del('name veth0')]).toEqual(
    Array(4).fill('veth0'),
  )
  expect(complaintOf(() => del(''))).toBe('not enough information: "dev" argument is required')
  expect(complaintOf(() => del('a0 b0'))).toBe('either "dev" is duplicate, or "b0" is garbage')
  expect(complaintOf(() => del('a0 mtu 1'))).toBe('argument "mtu" is wrong: "link del" takes a name')
  expect(complaintOf(() => del('a0 type tun'))).toMatch(/"tun" is wrong: invalid type/)
})

test('link show takes a name, and which of them', () => {
  expect(parseShow([])).toEqual({ up: false })
  expect(parseShow(['veth0'])).toEqual({ ref: 'veth0', up: false })
  expect(parseShow(['dev', 'up', 'up', 'type', 'veth'])).toEqual({ ref: 'up', up: true })
  expect(parseShow(['group', '5', 'master', 'br0'])).toEqual({ up: false, group: '5', master: 'br0' })
  expect(parseShow(['nomaster', 'a0'])).toEqual({ ref: 'a0', up: false, master: null })
  expect(complaintOf(() => parseShow(['vrf', 'x']))).toMatch(/it is for ip: ip link show vrf x$/)
  expect(complaintOf(() => parseShow(['a0', 'b0']))).toBe('either "dev" is duplicate, or "b0" is garbage')
  expect(complaintOf(() => parseShow(['dev']))).toMatch(/dev is not complete/)
})

test("verbs behind link are shortened in iproute2's order", () => {
  const read = (...words: string[]) => words.map((word) => readSubverb(word))
  expect(read('add', 'a', 'ad')).toEqual(Array(3).fill('add'))
  expect(read('set', 's', 'change')).toEqual(Array(3).fill('set'))
  expect(read('delete', 'del', 'd')).toEqual(Array(3).fill('delete'))
  expect(read('show', 'sh', 'ls', 'list', 'lst')).toEqual(Array(5).fill('show'))
  expect(readSubverb(undefined)).toBe('show')
  expect(complaintOf(() => readSubverb('fly'))).toBe('command "fly" is unknown: try uveth link help')
  expect(complaintOf(() => readSubverb('prop'))).toBe('command "prop" is for ip: ip link prop …')
  expect(complaintOf(() => readSubverb('-br'))).toBe(
    'option "-br" stands in front of the verb, or behind "link show"',
  )
})
