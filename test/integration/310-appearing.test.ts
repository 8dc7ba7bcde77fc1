// How an end appears where it belongs: at once as it shall be, and nowhere else. What udev, NetworkManager and whoever
// else listens to the kernel hear, at home and in the namespaces of the ends; beside it what kernel veth says.

import { createPair, type Pair } from 'uveth'
import { expect } from 'vitest'
import { Netns, run, uniqueName, until } from '../support/netns.js'
import { Program } from '../support/program.js'
import { needs } from '../support/skip.js'

const basics = ['root', 'tun', 'netns', 'ip'] as const
const it = needs(...basics)

/** What the kernel says of links, at home (null) or in a namespace. */
class Heard implements AsyncDisposable {
  readonly #netns: Netns | null
  readonly #program: Program
  #marks = 0

  private constructor(netns: Netns | null) {
    this.#netns = netns
    const words = ['ip', '-o', 'monitor', 'link']
    this.#program = new Program(words, netns === null ? {} : { netns: netns.name })
  }

  static async from(netns: Netns | null): Promise<Heard> {
    const heard = new Heard(netns)
    await heard.lines()
    return heard
  }

  /** A line for each event up to now: an event of our own shows that nothing is on its way. */
  async lines(): Promise<string[]> {
    const mark = uniqueName(`m${this.#marks++}`)
    const ip = (...words: string[]) => (this.#netns === null ? run('ip', ...words) : this.#netns.ip(...words))
    await until('the mark', () => {
      ip('tuntap', 'add', mark, 'mode', 'tap')
      ip('tuntap', 'del', mark, 'mode', 'tap')
      return this.#program.stdout.includes(`: ${mark}: `)
    })
    return this.#program.stdout.split('\n').filter((line) => line !== '' && !/: m\d/.test(line))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#program.process.kill()
    await this.#program.ended
  }
}

/** How often links are said to be there, by name and MAC address. */
function appearances(lines: string[]): string[] {
  return lines.map((line) => {
    const [, name = '?', address = '?'] = /^\d+: ([^:@]+).*link\/ether (\S+)/.exec(line) ?? []
    return `${name} ${address}`
  })
}

async function create(left: Netns, right: Netns): Promise<Pair> {
  return await createPair({
    quiet: true,
    a: { name: 'x0', netns: left.name, address: '02:00:00:00:07:0a', mtu: 1400, txQueueLength: 50 },
    b: { name: 'eth%d', netns: right.name, ifindex: 77 },
  })
}

it('elsewhere: one event, with its name, address and MTU; at home none', async () => {
  using left = Netns.create('left')
  using right = Netns.create('right')
  await using home = await Heard.from(null)
  await using at = await Heard.from(left)
  await using beside = await Heard.from(right)
  await using pair = await create(left, right)
  const { a, b } = pair
  expect(appearances(await at.lines())).toEqual(['x0 02:00:00:00:07:0a'])
  expect((await at.lines())[0]).toContain(' mtu 1400 ')
  expect(appearances(await beside.lines())).toEqual([`eth0 ${b.address}`])
  expect((await beside.lines())[0]).toMatch(/^77: /)
  const own = (line: string) => [a.address, b.address].some((address) => line.includes(address))
  expect((await home.lines()).filter(own)).toEqual([])
})

needs(...basics, 'veth')('kernel veth says as much', async () => {
  using left = Netns.create('left')
  using right = Netns.create('right')
  await using at = await Heard.from(left)
  await using beside = await Heard.from(right)
  left.ip('link', 'add', 'x0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', right.name)
  expect([(await at.lines()).length, (await beside.lines()).length]).toEqual([1, 1])
  left.ip('link', 'del', 'x0')
})

it('at home it has one address from the start', async () => {
  const [a, b] = [uniqueName('a'), uniqueName('b')]
  await using home = await Heard.from(null)
  await using pair = await createPair({ quiet: true, a: { name: a }, b: { name: b } })
  const seen = appearances(await home.lines()).filter((line) => line.startsWith(a) || line.startsWith(b))
  expect(new Set(seen)).toEqual(new Set([pair.a, pair.b].map(({ name, address }) => `${name} ${address}`)))
})

it('a template takes the first number that is free where the end belongs', async () => {
  using left = Netns.create('left')
  using right = Netns.create('right')
  right.ip('tuntap', 'add', 'eth0', 'mode', 'tap')
  right.ip('tuntap', 'add', 'eth2', 'mode', 'tap')
  await using one = await create(left, right)
  expect(one.b.name).toBe('eth1')
  await using two = await createPair({ a: { netns: left.name }, b: { netns: right.name, name: 'eth%d' } })
  expect([two.a.name, two.b.name]).toEqual(['veth0', 'eth3'])
  await expect(createPair({ b: { netns: right.name, name: 'eth2' } })).rejects.toMatchObject({
    code: 'EEXIST',
  })
  expect(right.names().sort()).toEqual(['eth0', 'eth1', 'eth2', 'eth3', 'lo'])
})
