// The making of an end, step by step over a kernel that a test tells what to answer: where the TAP is opened, what
// is asked for in which order, and that nothing is left whichever step is refused. What the kernel really does is
// test/integration/002's and 003's business.

import { beforeEach, expect, test, vi } from 'vitest'
import { systemError, UvethError } from '../../../src/errors.js'

const kernel = vi.hoisted(() => ({
  said: [] as unknown[],
  /** How the end's namespace is moved to; undefined: it is home. */
  target: undefined as object | undefined,
  /** That namespace, as it turns out to be called. */
  netns: 'blue' as string | null,
  /** Somebody at home has the index that is asked for. */
  taken: true,
  /** The step that is refused. */
  refused: '',
  /** What each look at the TAP finds. */
  found: ['changed', 'changed'],
  /** Its index, once it stands where it belongs. */
  ifindex: 7,
}))

function step(name: string, ...details: unknown[]): void {
  kernel.said.push([name, ...details])
  if (kernel.refused === name) throw systemError(-1, name)
}

vi.mock('../../../src/netns/open.js', () => ({
  needSpare: () => step('spare'),
  withNetns: (_: unknown, work: (target: unknown) => unknown) => work(kernel.target),
}))
vi.mock('../../../src/netlink/route.js', () => ({
  getLink: (_: unknown, wish: object) => {
    step('getLink', wish)
    if (!kernel.taken) throw systemError(-19, 'getLink')
  },
  setLink: (_: unknown, wish: object) => step('name' in wish ? 'move' : 'set', wish),
}))
vi.mock('../../../src/link/tap.js', () => ({
  Tap: {
    open: (_: unknown, wish: object) => {
      step('open', wish)
      return {
        state: { ifindex: kernel.ifindex, netns: kernel.netns },
        look: () => kernel.found.shift(),
        discard: () => step('discard'),
      }
    },
  },
}))

const { createTap } = await import('../../../src/link/create.js')

const PLAN = { name: 'veth0', mtu: 1400, address: undefined, txQueueLength: 50 }
const make = (plan: object = {}) => createTap({} as never, { ...PLAN, ...plan } as never, 1, true)
const steps = () => kernel.said.map((said) => (said as unknown[])[0])

beforeEach(() => {
  Object.assign(kernel, { said: [], refused: '', found: ['changed', 'changed'], ifindex: 7 })
  Object.assign(kernel, { target: undefined, netns: 'blue', taken: true })
})

test('at home it has its name from the start, and is set there', () => {
  make()
  expect(kernel.said).toEqual([
    ['open', { name: 'veth0', queues: 1, ifindex: undefined, quiet: true }],
    ['set', { ifindex: 7, address: undefined, mtu: 1400, txqlen: 50 }],
    ['spare'],
  ])
})

test('elsewhere it is opened at home under a name that nobody has, and gets its own as it moves', () => {
  kernel.target = { netnsFd: 33 }
  make({ ifindex: 7 })
  expect(kernel.said).toEqual([
    ['open', { name: '_uveth%d', queues: 1, ifindex: undefined, quiet: true }],
    ['set', { ifindex: 7, address: undefined, mtu: 1400, txqlen: 50 }],
    ['move', { ifindex: 7, netnsFd: 33, name: 'veth0', newIfindex: 7 }],
    ['spare'],
  ])
})

test('an index at home that somebody has is refused before a device is opened', () => {
  expect(() => make({ ifindex: 9 })).toThrow(/EEXIST.*ifindex 9/)
  expect(steps()).toEqual(['getLink'])
})

test.each(['set', 'move', 'spare'])('what is refused by %s leaves nothing', (refused) => {
  Object.assign(kernel, { target: { netnsFd: 33 }, refused })
  expect(() => make()).toThrow(UvethError)
  expect(steps().at(-1)).toBe('discard')
})

test('a device that could not be opened is not given back', () => {
  kernel.refused = 'open'
  expect(() => make()).toThrow(UvethError)
  expect(steps()).toEqual(['open'])
})

test('one that vanished meanwhile leaves nothing, and says so', () => {
  kernel.found = ['changed', 'gone']
  expect(() => make()).toThrow(/ENODEV: 'veth0' vanished/)
  expect(steps().at(-1)).toBe('discard')
})

test('a kernel that moves it without its index is too old for that', () => {
  Object.assign(kernel, { target: { netnsFd: 33 }, ifindex: 8 })
  expect(() => make({ ifindex: 7 })).toThrow(/EOPNOTSUPP.*ifindex 7.*5\.13/)
  expect(steps().at(-1)).toBe('discard')
})

test('a process that cannot be looked into may stand at home: its index is asked for where it is free', () => {
  Object.assign(kernel, { target: { netnsPid: 42 }, taken: false })
  make({ ifindex: 7 })
  expect(kernel.said.slice(1)).toEqual([
    ['open', { name: '_uveth%d', queues: 1, ifindex: 7, quiet: true }],
    ['set', { ifindex: 7, address: undefined, mtu: 1400, txqlen: 50 }],
    ['move', { ifindex: 7, netnsPid: 42, name: 'veth0', newIfindex: 7 }],
    ['spare'],
  ])
})

test('an index that somebody at home has is refused once it turns out that home is meant', () => {
  Object.assign(kernel, { target: { netnsPid: 42 }, ifindex: 8, netns: null })
  expect(() => make({ ifindex: 7 })).toThrow(/EEXIST.*ifindex 7/)
  expect(steps()).toEqual(['getLink', 'open', 'set', 'move', 'discard'])
})
