// The making of an end, step by step over a kernel that a test tells what to answer: where the TAP is opened, what
// is asked for in which order, and that nothing is left whichever step is refused. What the kernel really does is
// test/integration/002's and 003's business.

import { beforeEach, expect, test, vi } from 'vitest'
import { systemError, UvethError } from '../../../src/errors.js'

const kernel = vi.hoisted(() => ({
  said: [] as unknown[][],
  /** How the end's namespace is moved to; undefined: it is home. */
  target: undefined as object | undefined,
  /** That namespace, as it turns out to be called. */
  netns: 'blue' as string | null,
  /** Somebody at home has the index that is asked for. */
  taken: true,
  /** There is one. */
  workshop: true,
  /** Names that others have where it is bound for; those that they take as soon as it was looked. */
  names: [] as string[],
  late: [] as string[],
  /** The step that is refused. */
  refused: '',
  /** What each look at the TAP finds. */
  found: ['changed'],
  /** Its index, once it stands where it belongs. */
  ifindex: 7,
}))

const THERE = vi.hoisted(() => ({ [Symbol.dispose]: () => {} }))

function step(name: string, ...details: unknown[]): void {
  kernel.said.push([name, ...details])
  if (kernel.refused === name) throw systemError(-1, name)
}

vi.mock('../../../src/netns/open.js', () => ({
  needSpare: () => step('spare'),
  withNetns: (_: unknown, work: (target: unknown) => unknown) => work(kernel.target),
}))
vi.mock('../../../src/netlink/route.js', () => ({
  getLink: (socket: unknown, wish: { name?: string; ifindex?: number }) => {
    if (wish.ifindex !== undefined) {
      step('getLink', wish)
      if (!kernel.taken) throw systemError(-19, 'getLink')
      return { ifindex: wish.ifindex }
    }
    if (socket === THERE && !kernel.names.includes(wish.name ?? '')) throw systemError(-19, 'getLink')
    return { ifindex: 5, address: 'drawn' }
  },
  setLink: (_: unknown, wish: { name?: string }) => {
    step('name' in wish ? 'move' : 'set', wish)
    const { name = '' } = wish
    if (!kernel.late.includes(name)) return
    kernel.names.push(name)
    throw systemError(-17, 'move')
  },
}))
vi.mock('../../../src/netlink/socket.js', () => ({ NetlinkSocket: { open: () => THERE } }))
vi.mock('../../../src/link/workshop.js', () => ({
  workshop: () => (kernel.workshop ? { netnsFd: 99, socket: {} } : undefined),
}))
vi.mock('../../../src/link/offloads.js', () => ({
  withoutGro: (...where: unknown[]) => step('gro', ...where),
}))
vi.mock('../../../src/link/tap.js', () => ({
  Tap: {
    open: (_: unknown, wish: object) => {
      step('open', wish)
      return {
        state: { name: 'given', ifindex: kernel.ifindex, netns: kernel.netns },
        look: () => kernel.found.shift(),
        letGo: () => step('letGo'),
      }
    },
  },
}))

const { createTap } = await import('../../../src/link/create.js')

const PLAN = {
  name: 'veth0',
  netns: { path: '/run/netns/blue' },
  mtu: 1400,
  address: undefined,
  txQueueLength: 50,
}
const make = (plan: object = {}) => createTap({} as never, { ...PLAN, ...plan } as never, 1, true)
const steps = () => kernel.said.map((said) => said[0])

beforeEach(() => {
  Object.assign(kernel, { said: [], refused: '', found: ['changed'], ifindex: 7 })
  Object.assign(kernel, {
    target: undefined,
    netns: 'blue',
    taken: true,
    workshop: true,
    names: [],
    late: [],
  })
})

test('at home it has its name from the start, and is set there', () => {
  make()
  expect(kernel.said).toEqual([
    ['open', { name: 'veth0', queues: 1, ifindex: undefined, quiet: true }],
    ['set', { ifindex: 5, address: 'drawn', mtu: 1400, txqlen: 50 }],
    ['gro', 5, undefined],
    ['spare'],
  ])
})

test('elsewhere it is made in the workshop under its name, and moves there as it shall be', () => {
  kernel.target = { netnsFd: 33 }
  make({ ifindex: 7, address: 'wished' })
  expect(kernel.said).toEqual([
    ['open', { name: 'veth0', queues: 1, ifindex: undefined, quiet: true, netnsFd: 99 }],
    ['set', { ifindex: 5, address: 'wished', mtu: 1400, txqlen: 50 }],
    ['gro', 5, 99],
    ['move', { ifindex: 5, netnsFd: 33, name: 'veth0', newIfindex: 7 }],
    ['spare'],
  ])
})

test('in a namespace that this process is making it is made at once', () => {
  Object.assign(kernel, { target: { netnsFd: 33 }, names: ['given'], taken: false })
  make({ netns: { path: '/run/netns/blue', ours: true }, ifindex: 7 })
  expect(kernel.said).toEqual([
    ['getLink', { ifindex: 7 }],
    ['open', { name: 'veth0', queues: 1, ifindex: 7, quiet: true, netnsFd: 33 }],
    ['set', { ifindex: 5, address: 'drawn', mtu: 1400, txqlen: 50 }],
    ['gro', 5, 33],
    ['spare'],
  ])
  kernel.taken = true
  expect(() => make({ netns: { path: '/run/netns/blue', ours: true }, ifindex: 7 })).toThrow(
    /EEXIST.*ifindex 7/,
  )
})

test('the first number that is free over there is its own, also where somebody is faster', () => {
  Object.assign(kernel, { target: { netnsFd: 33 }, names: ['veth0', 'veth2'], late: ['veth1'] })
  make({ name: 'veth%d' })
  expect(kernel.said.filter(([what]) => what === 'open')).toMatchObject([
    ['open', { name: 'veth1' }],
    ['open', { name: 'veth3' }],
  ])
  expect(steps()).toEqual(['open', 'set', 'gro', 'move', 'letGo', 'open', 'set', 'gro', 'move', 'spare'])
})

test('a name that is taken is refused where it is no template', () => {
  Object.assign(kernel, { target: { netnsFd: 33 }, late: ['veth0'] })
  expect(() => make()).toThrow(/EEXIST/)
  expect(steps().at(-1)).toBe('letGo')
})

test('without a workshop it is opened at home under a name that nobody has, and gets its own as it moves', () => {
  Object.assign(kernel, { target: { netnsFd: 33 }, workshop: false })
  make({ ifindex: 7 })
  expect(kernel.said).toEqual([
    ['open', { name: '_uveth%d', queues: 1, ifindex: undefined, quiet: true }],
    ['set', { ifindex: 5, address: 'drawn', mtu: 1400, txqlen: 50 }],
    ['gro', 5, undefined],
    ['move', { ifindex: 5, netnsFd: 33, name: 'veth0', newIfindex: 7 }],
    ['spare'],
  ])
})

test('an index at home that somebody has is refused before a device is opened', () => {
  expect(() => make({ ifindex: 9 })).toThrow(/EEXIST.*ifindex 9/)
  expect(steps()).toEqual(['getLink'])
})

test.each(['set', 'gro', 'move', 'spare'])('what is refused by %s leaves nothing', (refused) => {
  Object.assign(kernel, { target: { netnsFd: 33 }, refused })
  expect(() => make()).toThrow(UvethError)
  expect(steps().at(-1)).toBe('letGo')
})

test('a device that could not be opened is not given back', () => {
  kernel.refused = 'open'
  expect(() => make()).toThrow(UvethError)
  expect(steps()).toEqual(['open'])
})

test('one that vanished meanwhile leaves nothing, and says so', () => {
  kernel.found = ['gone']
  expect(() => make()).toThrow(/ENODEV: 'veth0' vanished/)
  expect(steps().at(-1)).toBe('letGo')
})

test('a kernel that moves it without its index is too old for that', () => {
  Object.assign(kernel, { target: { netnsFd: 33 }, ifindex: 8 })
  expect(() => make({ ifindex: 7 })).toThrow(/EOPNOTSUPP.*ifindex 7.*5\.13/)
  expect(steps().at(-1)).toBe('letGo')
})

test('an index that it had before is its own where it is free, and otherwise the kernel chooses', () => {
  make({ ifindex: 9, ifFree: true })
  expect(kernel.said.filter(([what]) => what === 'open')).toMatchObject([['open', { ifindex: undefined }]])
  kernel.found = ['changed']
  Object.assign(kernel, { taken: false, netns: null, ifindex: 9, said: [] })
  make({ ifindex: 9, ifFree: true })
  expect(kernel.said.filter(([what]) => what === 'open')).toMatchObject([['open', { ifindex: 9 }]])
})

test('what is refused for another reason than its index is refused', () => {
  kernel.refused = 'set'
  expect(() => make({ ifindex: 9, ifFree: true })).toThrow(/EPERM/)
})

test('a process that cannot be looked into may stand at home: its index is asked for where it is free', () => {
  Object.assign(kernel, { target: { netnsPid: 42 }, taken: false, workshop: false })
  make({ ifindex: 7 })
  expect(kernel.said.slice(1)).toEqual([
    ['open', { name: '_uveth%d', queues: 1, ifindex: 7, quiet: true }],
    ['set', { ifindex: 5, address: 'drawn', mtu: 1400, txqlen: 50 }],
    ['gro', 5, undefined],
    ['move', { ifindex: 5, netnsPid: 42, name: 'veth0', newIfindex: 7 }],
    ['spare'],
  ])
})

test('an index that somebody at home has is refused once it turns out that home is meant', () => {
  Object.assign(kernel, { target: { netnsPid: 42 }, ifindex: 8, netns: null, workshop: false })
  expect(() => make({ ifindex: 7 })).toThrow(/EEXIST.*ifindex 7/)
  expect(steps()).toEqual(['getLink', 'open', 'set', 'gro', 'move', 'letGo'])
})
