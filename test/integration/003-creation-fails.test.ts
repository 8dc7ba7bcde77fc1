// Creation is all or nothing: whichever step the kernel refuses, both interfaces are gone, their names are
// free and no descriptor stays open when the error arrives. Each attempt is made by a process of its own,
// whose home is a fresh namespace, so that everything it leaves behind would be seen.
// Invariant 8.

import type { PairOptions } from 'uveth'
import { describe, expect } from 'vitest'
import { Netns } from '../support/netns.js'
import { evaluate, type ProgramOptions } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip')

interface Attempt {
  error: Record<'name' | 'code' | 'errno' | 'syscall' | 'hint' | 'attribute' | 'message', unknown> | null
  /** Interfaces of home before and after. */
  links: [string[], string[]]
  /** Descriptors open before and after. */
  descriptors: [string[], string[]]
}

/** Tries to make a pair twice in a process in `home`; the first time may start threads, the second counts. */
async function attempt(wish: PairOptions, home: Netns, options: ProgramOptions = {}): Promise<Attempt> {
  return await evaluate(
    async ({ createPair, descriptors, links }, wish) => {
      let error: unknown = null
      const note = async () => {
        try {
          await (await createPair(wish)).close()
        } catch (thrown) {
          error = thrown
        }
      }
      await note()
      const before = { links: links(), descriptors: descriptors() }
      await note()
      const { name, code, errno, syscall, hint, attribute, message } = Object(error)
      return {
        error: error === null ? null : { name, code, errno, syscall, hint, attribute, message },
        links: [before.links, links()],
        descriptors: [before.descriptors, descriptors()],
      }
    },
    wish,
    { ...options, netns: home.name },
  )
}

function expectNothingLeft({ links, descriptors }: Attempt, ...namespaces: Netns[]): void {
  expect(links[1]).toEqual(links[0])
  expect(links[1].filter((name) => /^(fresh|veth|_)/.test(name))).toEqual([])
  expect(descriptors[1]).toEqual(descriptors[0])
  expect(descriptors[1]).not.toContain('/dev/net/tun')
  for (const netns of namespaces) expect(netns.has('fresh')).toBe(false)
}

describe('a name that is taken is EEXIST', () => {
  const TAKEN: [string, string[]][] = [
    ['a TAP', ['tuntap', 'add', 'dev', 'taken', 'mode', 'tap']],
    ['a TUN', ['tuntap', 'add', 'dev', 'taken', 'mode', 'tun']],
    ['another kind of link', ['link', 'add', 'taken', 'type', 'veth', 'peer', 'name', 'p1']],
  ]
  const kinds = needs('root', 'tun', 'netns', 'ip', 'veth')

  kinds.each(TAKEN)('at home, by %s', async (_, add) => {
    using home = Netns.create('home')
    home.ip(...add)
    for (const [a, b] of [
      ['fresh', 'taken'],
      ['taken', 'fresh'],
    ] as const) {
      const tried = await attempt({ a: { name: a }, b: { name: b } }, home)
      expect(tried.error).toMatchObject({ name: 'UvethError', code: 'EEXIST', errno: -17 })
      expect(tried.error?.message).toMatch(/^EEXIST: .*'taken'/)
      expectNothingLeft(tried, home)
    }
    expect(home.has('taken')).toBe(true)
  })

  kinds.each(TAKEN)('in the target namespace, by %s', async (_, add) => {
    using home = Netns.create('home')
    using left = Netns.create('left')
    left.ip(...add)
    for (const [a, b] of [
      ['fresh', 'taken'],
      ['taken', 'fresh'],
    ] as const) {
      const tried = await attempt(
        { a: { name: a, netns: left.name }, b: { name: b, netns: left.name } },
        home,
      )
      expect(tried.error).toMatchObject({ name: 'UvethError', code: 'EEXIST', errno: -17 })
      expectNothingLeft(tried, home, left)
    }
    expect(left.has('taken')).toBe(true)
    expect(left.links()).toHaveLength(left.has('p1') ? 3 : 2) // loopback, and what was there
  })

  test('and so is one name for both ends, where they are together', async () => {
    using home = Netns.create('home')
    using left = Netns.create('left')
    const at = (netns: string | null) => ({ a: { name: 'fresh', netns }, b: { name: 'fresh', netns } })
    for (const netns of [null, left.name]) {
      const tried = await attempt(at(netns), home)
      expect(tried.error).toMatchObject({ code: 'EEXIST' })
      expectNothingLeft(tried, home, left)
    }
  })

  test('the other name can be used right after', async () => {
    using home = Netns.create('home')
    const outcome = await evaluate(
      async ({ createPair, links }) => {
        const first = await createPair({ a: { name: 'taken' }, b: { name: 'peer' } })
        const error = await createPair({ a: { name: 'fresh' }, b: { name: 'taken' } }).catch((e) => e.code)
        const second = await createPair({ a: { name: 'fresh' }, b: { name: 'other' } })
        const seen = links().sort()
        await Promise.all([first.close(), second.close()])
        return { error, seen, after: links() }
      },
      null,
      { netns: home.name },
    )
    expect(outcome).toMatchObject({ error: 'EEXIST', after: ['lo'] })
    expect(outcome.seen).toEqual(['fresh', 'lo', 'other', 'peer', 'taken'])
  })
})

describe('an index that is taken is EEXIST', () => {
  test('at home, in the target namespace, and for both ends', async () => {
    using home = Netns.create('home')
    using left = Netns.create('left')
    const fresh = { name: 'fresh' }
    for (const wish of [
      { a: fresh, b: { ifindex: 1 } },
      { a: { ifindex: 1 }, b: fresh },
      { a: fresh, b: { ifindex: 1, netns: left.name } },
      { a: { ...fresh, ifindex: 9 }, b: { ifindex: 9 } },
    ]) {
      const tried = await attempt(wish, home)
      expect(tried.error).toMatchObject({ name: 'UvethError', code: 'EEXIST', errno: -17 })
      expect(tried.error?.message).toMatch(/^EEXIST: .*'ifindex \d'$/)
      expectNothingLeft(tried, home, left)
    }
  })
})

describe('a namespace that is not there', () => {
  test('is ENOENT, with a hint where it was named', async () => {
    using home = Netns.create('home')
    using left = Netns.create('left')
    for (const wish of [
      { a: { name: 'fresh', netns: 'uvt-no-such' }, b: { netns: left.name } },
      { a: { name: 'fresh', netns: left.name }, b: { netns: 'uvt-no-such' } },
      { a: { name: 'fresh' }, b: { netns: 'uvt-no-such' } },
    ]) {
      const tried = await attempt(wish, home)
      expect(tried.error).toMatchObject({ code: 'ENOENT', hint: expect.stringContaining('ip netns add') })
      expect(tried.error?.message).toContain('uvt-no-such')
      expectNothingLeft(tried, home, left)
    }
  })

  test('is ENOENT for a process that has ended, and EINVAL for a file that is none', async () => {
    using home = Netns.create('home')
    const NEVER = 4_194_304 // PID_MAX_LIMIT: one more than the highest process id
    for (const [netns, code] of [
      [NEVER, 'ENOENT'],
      ['/etc/passwd', 'EINVAL'],
      ['/proc/self/ns/mnt', 'EINVAL'],
    ] as const) {
      const tried = await attempt({ a: { name: 'fresh' }, b: { netns } }, home)
      expect(tried.error).toMatchObject({ code })
      expectNothingLeft(tried, home)
    }
  })
})

describe('without the right', () => {
  test('as another user: EPERM or EACCES', async () => {
    using home = Netns.create('home')
    const prefix = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups']
    const tried = await attempt({ a: { name: 'fresh' } }, home, { prefix })
    expect(['EPERM', 'EACCES']).toContain(tried.error?.code)
    expect(tried.error).toMatchObject({ name: 'UvethError', hint: expect.any(String) })
    expectNothingLeft(tried, home)
  })

  test('as root without CAP_NET_ADMIN: EPERM, and the hint names the capability', async () => {
    using home = Netns.create('home')
    const prefix = ['setpriv', '--bounding-set', '-net_admin', '--inh-caps', '-net_admin']
    const tried = await attempt({ a: { name: 'fresh' } }, home, { prefix })
    expect(tried.error).toMatchObject({ code: 'EPERM', syscall: 'ioctl(TUNSETIFF)' })
    expect(tried.error?.hint).toMatch(/CAP_NET_ADMIN/)
    expectNothingLeft(tried, home)
  })

  test('as root without CAP_SYS_ADMIN: up in another namespace is EPERM, and the hint names the capability', async () => {
    using home = Netns.create('home')
    using away = Netns.create('away')
    const prefix = ['setpriv', '--bounding-set', '-sys_admin', '--inh-caps', '-sys_admin']
    const tried = await attempt({ a: { name: 'fresh', netns: away.name, up: true } }, home, { prefix })
    expect(tried.error).toMatchObject({ code: 'EPERM', hint: expect.stringMatching(/--cap-add SYS_ADMIN/) })
    expectNothingLeft(tried, home, away)
  })

  test('without /dev/net/tun: ENOENT, and the hint says how to get one', async () => {
    using home = Netns.create('home')
    const hidden = 'mount -t tmpfs none /dev/net && exec "$0" "$@"'
    const prefix = ['unshare', '-m', '--propagation', 'slave', 'sh', '-c', hidden]
    const tried = await attempt({ a: { name: 'fresh' } }, home, { prefix })
    expect(tried.error).toMatchObject({ code: 'ENOENT', syscall: 'open' })
    expect(tried.error?.message).toContain('/dev/net/tun')
    expect(tried.error?.hint).toMatch(/modprobe tun.*mknod.*--device/)
    expectNothingLeft(tried, home)
  })
})

describe('what only the kernel can refuse', () => {
  const REFUSED: [string, PairOptions['b'], string][] = [
    ['the same address twice', { addresses: ['10.0.0.1/24', '10.0.0.1/24'] }, 'EEXIST'],
    ['an IPv6 multicast address', { addresses: ['10.0.0.1/24', 'ff02::1/64'] }, 'EADDRNOTAVAIL'],
    ['an IPv6 address on an MTU that is too small for it', { mtu: 600, addresses: ['fd00::1/64'] }, ''],
  ]

  test.each(REFUSED)('%s', async (_, b, code) => {
    using home = Netns.create('home')
    using left = Netns.create('left')
    for (const netns of [null, left.name]) {
      const wish = { a: { name: 'fresh', netns, up: true }, b: { up: true, ...b } }
      const tried = await attempt(wish, home)
      expect(tried.error).toMatchObject({ name: 'UvethError', syscall: expect.stringContaining('NEWADDR') })
      if (code !== '') expect(tried.error?.code).toBe(code)
      expectNothingLeft(tried, home, left)
    }
  })

  needs(
    'root',
    'tun',
    'netns',
    'ip',
    'sysctl',
  )('an IPv6 address where IPv6 is disabled', async () => {
    using home = Netns.create('home')
    using left = Netns.create('left')
    for (const scope of ['all', 'default']) {
      left.exec('sh', '-c', `echo 1 > /proc/sys/net/ipv6/conf/${scope}/disable_ipv6`)
    }
    const addresses = ['10.0.0.1/24', 'fd00::1/64']
    const tried = await attempt({ a: { name: 'fresh', netns: left.name, up: true, addresses } }, home)
    expect(tried.error).toMatchObject({ name: 'UvethError', syscall: expect.stringContaining('NEWADDR') })
    expectNothingLeft(tried, home, left)
  })
})
