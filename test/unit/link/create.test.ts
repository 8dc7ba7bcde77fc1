// The making of an end, step by step over a kernel that a test tells what to answer: where the TAP is opened, what
// is asked for in which order, and that nothing is left whichever step is refused. What the kernel really does is
// test/integration/002's and 003's business.

import { beforeEach, expect, test, vi } from 'vitest'
import { systemError, UvethError } from '../../../src/errors.js'

const kernel = vi.hoisted(() => ({
  said: [] as unknown[],
  /** Descriptor of the end's namespace; -1: home. */
  fd: -1,
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
  withNetns: (_: unknown, work: (fd: number) => unknown) => work(kernel.fd),
}))
vi.mock('../../../src/netlink/route.js', () => ({
  getLink: (_: unknown, wish: object) => step('getLink', wish),
  setLink: (_: unknown, wish: object) => step('netnsFd' in wish ? 'move' : 'set', wish),
}))
vi.mock('../../../src/link/tap.js', () => ({
  Tap: {
    open: (_: unknown, wish: object) => {
      step('open', wish)
      return {
        state: { ifindex: kernel.ifindex },
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
  Object.assign(kernel, { said: [], fd: -1, refused: '', found: ['changed', 'changed'], ifindex: 7 })
})

test('at home it has its name from the start, and is set there', () => {
  make()
  expect(kernel.said).toEqual([
    ['open', { name: 'veth0', queues: 1, ifindex: undefined, quiet: true }],
    ['set', { ifindex: 7, address: undefined, mtu: 1400, txqlen: 50 }],
  ])
})

test('elsewhere it is opened at home under a name that nobody has, and gets its own as it moves', () => {
  kernel.fd = 33
  make({ ifindex: 7 })
  expect(kernel.said).toEqual([
    ['open', { name: '_uveth%d', queues: 1, ifindex: undefined, quiet: true }],
    ['set', { ifindex: 7, address: undefined, mtu: 1400, txqlen: 50 }],
    ['move', { ifindex: 7, netnsFd: 33, name: 'veth0', newIfindex: 7 }],
  ])
})

test('an index at home that somebody has is refused before a device is opened', () => {
  expect(() => make({ ifindex: 9 })).toThrow(/EEXIST.*ifindex 9/)
  expect(steps()).toEqual(['getLink'])
})

test.each(['set', 'move'])('what is refused by %s leaves nothing', (refused) => {
  Object.assign(kernel, { fd: 33, refused })
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
  Object.assign(kernel, { fd: 33, ifindex: 8 })
  expect(() => make({ ifindex: 7 })).toThrow(/EOPNOTSUPP.*ifindex 7.*5\.13/)
  expect(steps().at(-1)).toBe('discard')
})
