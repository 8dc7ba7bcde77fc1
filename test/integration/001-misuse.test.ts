// What createPair, configure and the settings of an end refuse: at once, with the option at fault, and
// before anything native is entered. Read it as the list of what may not be asked for.

import { readdirSync } from 'node:fs'
import { configure, createPair, type EndOptions, type PairOptions, UvethError } from 'uveth'
import { describe, expect } from 'vitest'
import { Netns } from '../support/netns.js'
import { evaluate } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip')

/** [what, options of end a, the attribute that the error names] */
const ENDS: [string, unknown, string][] = [
  ['a name of 16 bytes', { name: 'sixteen-bytes-ab' }, 'a.name'],
  ['a name of 8 characters that are 16 bytes', { name: 'äääääääö' }, 'a.name'],
  ['a name with a slash', { name: 'a/b' }, 'a.name'],
  ['a name with a colon', { name: 'a:b' }, 'a.name'],
  ['a name with a space', { name: 'a b' }, 'a.name'],
  ['a name with a newline', { name: 'ab\n' }, 'a.name'],
  ['a name with a NUL', { name: 'a\0b' }, 'a.name'],
  ['an empty name', { name: '' }, 'a.name'],
  ['the name "."', { name: '.' }, 'a.name'],
  ['the name ".."', { name: '..' }, 'a.name'],
  ['a name with "%" alone', { name: 'a%' }, 'a.name'],
  ['a name with "%s"', { name: 'a%s' }, 'a.name'],
  ['a name with two "%d"', { name: 'a%d%d' }, 'a.name'],
  ['a name that is a number', { name: 7 }, 'a.name'],
  ['a name that is null', { name: null }, 'a.name'],
  ['a MAC address of 5 bytes', { address: '02:00:00:00:00' }, 'a.address'],
  ['a MAC address of 7 bytes', { address: '02:00:00:00:00:01:02' }, 'a.address'],
  ['a MAC address that is no hexadecimal', { address: '02:00:00:00:00:0g' }, 'a.address'],
  ['a multicast MAC address', { address: '01:00:5e:00:00:01' }, 'a.address'],
  ['the broadcast MAC address', { address: 'ff:ff:ff:ff:ff:ff' }, 'a.address'],
  ['the zero MAC address', { address: '00:00:00:00:00:00' }, 'a.address'],
  ['an MTU below 68', { mtu: 67 }, 'a.mtu'],
  ['an MTU above 65,521', { mtu: 65_522 }, 'a.mtu'],
  ['an MTU with a fraction', { mtu: 1500.5 }, 'a.mtu'],
  ['an MTU that is no number', { mtu: Number.NaN }, 'a.mtu'],
  ['an MTU that is a text', { mtu: '1500' }, 'a.mtu'],
  ['a transmit queue of length 0', { txQueueLength: 0 }, 'a.txQueueLength'],
  ['a negative transmit queue length', { txQueueLength: -1 }, 'a.txQueueLength'],
  ['an address with an octet above 255', { addresses: ['10.0.0.256/24'] }, 'a.addresses'],
  ['an IPv4 prefix above 32', { addresses: ['10.0.0.1/33'] }, 'a.addresses'],
  ['an IPv6 prefix above 128', { addresses: ['fd00::1/129'] }, 'a.addresses'],
  ['an address with a scope', { addresses: ['fe80::1%eth0/64'] }, 'a.addresses'],
  ['a host name for an address', { addresses: ['localhost/8'] }, 'a.addresses'],
  ['a bad address after a good one', { addresses: ['10.0.0.1/24', ''] }, 'a.addresses'],
  ['addresses that are no array', { addresses: '10.0.0.1/24' }, 'a.addresses'],
  ['an empty netns', { netns: '' }, 'a.netns'],
  ['the netns "."', { netns: '.' }, 'a.netns'],
  ['the netns ".."', { netns: '..' }, 'a.netns'],
  ['a netns with a NUL', { netns: '/run/netns/a\0b' }, 'a.netns'],
  ['process 0 as netns', { netns: 0 }, 'a.netns'],
  ['a negative process id as netns', { netns: -1 }, 'a.netns'],
  ['a process id with a fraction', { netns: 1.5 }, 'a.netns'],
  ['a netns that is an object', { netns: {} }, 'a.netns'],
  ['an "up" that is no boolean', { up: 'yes' }, 'a.up'],
  ['a "dad" that is no boolean', { dad: 1 }, 'a.dad'],
  ['an unknown option of an end', { adress: '02:00:00:00:00:01' }, 'a.adress'],
  ['an impairment that is none', { impair: { delay: 'soon' } }, 'a.impair.delay.time'],
  ['rules that are no array', { rules: { action: { kind: 'drop' } } }, 'a.rules'],
  ['a rule that does nothing', { rules: [{ action: { kind: 'drop' } }, {}] }, 'a.rules.1.action'],
  ['an end that is a text', 'veth0', 'a'],
]

/** [what, options, the attribute that the error names] */
const PAIRS: [string, unknown, string][] = [
  ['an unknown option of a pair', { peer: {} }, 'peer'],
  ['more queues than a TAP has', { queues: 257 }, 'queues'],
  ['no queue', { queues: 0 }, 'queues'],
  ['a number of queues with a fraction', { queues: 1.5 }, 'queues'],
  ['a "quiet" that is no boolean', { quiet: 'yes' }, 'quiet'],
  ['a bad end b after a good end a', { a: { up: true }, b: { mtu: 1 } }, 'b.mtu'],
]

function threads(): number {
  return readdirSync('/proc/self/task').length
}

async function refusal(options: PairOptions): Promise<unknown> {
  const before = threads()
  const answer = await createPair(options).then(
    async (pair) => {
      await pair.close()
      return `made ${pair.a.name}`
    },
    (error: unknown) => error,
  )
  expect(threads()).toBe(before) // not even the link thread was started
  return answer
}

describe('createPair refuses', () => {
  test.each(ENDS)('%s', async (_, a, attribute) => {
    const error = await refusal({ a: a as EndOptions })
    expect(error).toBeInstanceOf(UvethError)
    expect(error).toMatchObject({ code: 'EINVAL', attribute })
    expect(error).toMatchObject({ message: expect.stringMatching(/^EINVAL: \S/), syscall: undefined })
  })

  test.each(PAIRS)('%s', async (_, options, attribute) => {
    const error = await refusal(options as PairOptions)
    expect(error).toBeInstanceOf(UvethError)
    expect(error).toMatchObject({ code: 'EINVAL', attribute })
  })

  test.each([null, 'veth0', 7])('options that are %j', async (options) => {
    const error = await refusal(options as never)
    expect(error).toBeInstanceOf(UvethError)
    expect(error).toMatchObject({ code: 'EINVAL' })
  })

  test('all of these, and nothing appears at home', async () => {
    using home = Netns.create('home')
    const wishes = [...ENDS.map(([, a]) => ({ a, b: {} })), ...PAIRS.map(([, options]) => options)]
    const seen = await evaluate(
      async ({ createPair, descriptors, links }, wishes) => {
        const before = links()
        const refused = []
        for (const wish of wishes) {
          await createPair(wish as never).catch((error) => refused.push(error))
        }
        return { refused: refused.length, before, after: links(), descriptors: descriptors() }
      },
      wishes,
      { netns: home.name },
    )
    expect(seen.refused).toBe(wishes.length)
    expect(seen.after).toEqual(seen.before)
    expect(seen.descriptors).not.toContain('/dev/net/tun')
  })
})

describe('configure refuses', () => {
  test.each([0, -1, 1.5, 65, Number.NaN, '2'])('%j workers', (workers) => {
    const wrong = () => configure({ workers: workers as number })
    expect(wrong).toThrow(expect.objectContaining({ code: 'EINVAL', attribute: 'workers' }))
  })

  test('another number once workers run, and takes the same one', async () => {
    using home = Netns.create('home')
    const error = await evaluate(
      async ({ configure, createPair }) => {
        configure({ workers: 2 })
        const pair = await createPair({ queues: 2 })
        await pair.close()
        configure({ workers: 2 })
        try {
          configure({ workers: 1 })
          return 'taken'
        } catch (error) {
          const { code, attribute } = error as UvethError
          return { code, attribute }
        }
      },
      null,
      { netns: home.name },
    )
    expect(error).toEqual({ code: 'EBUSY', attribute: 'workers' })
  })
})

describe('an end refuses', () => {
  const WRONG: [string, unknown, string][] = [
    ['an MTU that is too small', { mtu: 67 }, 'a.mtu'],
    ['a name that is too long', { name: 'sixteen-bytes-ab' }, 'a.name'],
    ['a multicast MAC address', { address: '33:33:00:00:00:01' }, 'a.address'],
    ['a bad address', { addresses: ['10.0.0.1/99'] }, 'a.addresses'],
    ['an unknown setting', { netnss: 'x' }, 'a.netnss'],
    ['what comes with something good', { up: true, txQueueLength: 0 }, 'a.txQueueLength'],
  ]

  test.each(WRONG)('%s, and stays as it was', async (_, settings, attribute) => {
    using left = Netns.create('left')
    await using pair = await createPair({
      a: { name: 'veth0', netns: left.name },
      b: { name: 'veth1', netns: left.name },
    })
    const before = left.link('veth0')
    const error = await pair.a.set(settings as never).catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'EINVAL', attribute })
    expect(left.link('veth0')).toEqual(before)
  })

  test('a move to what names no namespace, and stays where it was', async () => {
    using left = Netns.create('left')
    await using pair = await createPair({
      a: { name: 'veth0', netns: left.name },
      b: { name: 'veth1', netns: left.name },
    })
    for (const netns of ['', '.', -1, undefined]) {
      await expect(pair.a.move(netns as never)).rejects.toMatchObject({
        code: 'EINVAL',
        attribute: 'a.netns',
      })
    }
    await expect(pair.b.rename('a/b')).rejects.toMatchObject({ code: 'EINVAL', attribute: 'b.name' })
    expect(pair.a.netns).toBe(left.name)
    expect(left.has('veth0')).toBe(true)
  })
})
