// --state FILE and what others have done to an end with ip(8): after kill -9 and a restart it is there as it last was.
// What it had of somebody else's (an index, an alternative name) and that one has now, the pair goes without.

import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { TestDaemon } from '../support/daemon.js'
import { Netns, until } from '../support/netns.js'
import { kernelAtLeast, needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')

const STATE = ['--state', 'FOLDER/state.json']

/** Its addresses as iproute2 tells them, but for what runs out. */
function addressesOf(netns: Netns, name: string): object[] {
  const [{ addr_info }] = JSON.parse(netns.ip('-j', 'addr', 'show', 'dev', name)) as [{ addr_info: object[] }]
  const passing = ['valid_life_time', 'preferred_life_time', 'nodad', 'tentative']
  const lasting = (address: object) =>
    Object.fromEntries(Object.entries(address).filter(([key]) => !passing.includes(key)))
  return addr_info.map((address) => lasting(address)).sort(byText)
}

function linkOf(netns: Netns, name: string): object {
  const [{ ifindex, address, mtu, txqlen, ifalias, altnames, flags }] = JSON.parse(
    netns.ip('-j', 'link', 'show', 'dev', name),
  )
  return { ifindex, address, mtu, txqlen, ifalias, altnames, up: flags.includes('UP') }
}

function byText(one: object, other: object): number {
  return JSON.stringify(one) < JSON.stringify(other) ? -1 : 1
}

async function restarted(daemon: TestDaemon): Promise<void> {
  await daemon.kill()
  await daemon.restart()
  expect((await daemon.ask('GET', '/v1/health')).json.status).toBe('ok')
}

const file = (daemon: TestDaemon) => readFileSync(daemon.folder.file('state.json'), 'utf8')

test('an end is again what others have made of it, addresses of every kind included', async () => {
  await using daemon = await TestDaemon.start(...STATE)
  await using far = Netns.create('far')
  const { home } = daemon
  const alternative = 'the-far-end-of-the-cable'
  // Indexes that nothing would be given by chance.
  const wish = {
    id: 'cable',
    a: { name: 'x0', ifindex: 4711 },
    b: { name: 'x1', netns: far.name, ...(kernelAtLeast('5.13') && { ifindex: 815 }) },
  }
  await daemon.ask('POST', '/v1/pairs', wish)
  home.ip('link', 'set', 'x0', 'address', '02:00:5e:10:00:01', 'mtu', '1400', 'txqueuelen', '77', 'up')
  home.ip('addr', 'add', '10.0.0.1/24', 'brd', '+', 'dev', 'x0', 'label', 'x0:5')
  home.ip('addr', 'add', '10.7.0.1', 'peer', '10.7.0.2/32', 'dev', 'x0', 'metric', '7')
  home.ip('addr', 'add', '10.8.0.1/24', 'dev', 'x0', 'valid_lft', '900', 'preferred_lft', '900') // lent
  far.ip('link', 'set', 'x1', 'name', 'y1')
  far.ip('link', 'set', 'y1', 'alias', 'the far end')
  far.ip('link', 'property', 'add', 'dev', 'y1', 'altname', alternative)
  far.ip('link', 'set', 'y1', 'up')
  far.ip('addr', 'add', 'fd00::1/64', 'dev', 'y1', 'noprefixroute')
  far.ip('addr', 'add', 'fe80::1/64', 'dev', 'y1')
  far.ip('addr', 'add', '10.0.0.2/24', 'dev', 'y1')
  await until('all of it to be in the file', () => {
    const text = file(daemon)
    return ['x0:5', '10.7.0.2', 'fd00::1/64', 'fe80::1/64', '10.0.0.2/24', alternative].every((part) =>
      text.includes(part),
    )
  })
  const links = [linkOf(home, 'x0'), linkOf(far, 'y1')]
  const ofHome = addressesOf(home, 'x0').filter((address) => !JSON.stringify(address).includes('10.8.0.1'))
  const own = /"local":"fe80::(?!1")/ // the kernel's own, which it takes some time to give
  const ofFar = addressesOf(far, 'y1').filter((address) => !own.test(JSON.stringify(address)))
  expect([ofHome.length, ofFar.length]).toEqual([3, 3])
  await restarted(daemon)
  expect([linkOf(home, 'x0'), linkOf(far, 'y1')]).toEqual(links)
  expect(addressesOf(home, 'x0').filter((address) => !own.test(JSON.stringify(address)))).toEqual(
    ofHome.filter((address) => !own.test(JSON.stringify(address))),
  )
  expect(addressesOf(far, 'y1').filter((address) => !own.test(JSON.stringify(address)))).toEqual(ofFar)
})

/** Routes over an end as iproute2 tells them, but for those of the kernel. */
function routesOf(netns: Netns, name: string): object[] {
  const shown = (family: string) =>
    JSON.parse(netns.ip('-j', '-d', family, 'route', 'show', 'table', 'all', 'dev', name)) as object[]
  return [...shown('-4'), ...shown('-6')]
    .filter((route) => !/"protocol":"(kernel|ra)"/.test(JSON.stringify(route)))
    .sort(byText)
}

test('routes that others have given are there again, in any namespace, table and family; what is another way by now stays', async () => {
  await using daemon = await TestDaemon.start(...STATE)
  await using far = Netns.create('far')
  const { home } = daemon
  await daemon.ask('POST', '/v1/pairs', {
    id: 'cable',
    a: { name: 'x0', up: true, addresses: ['10.0.0.1/24', 'fd00::1/64'] },
    b: { name: 'x1', netns: far.name, up: true, addresses: ['10.0.0.2/24', 'fd00::2/64'] },
  })
  // The way to its gateway stands behind it in the kernel's own list.
  far.ip('route', 'add', '192.0.2.1', 'dev', 'x1', 'scope', 'link', 'src', '10.0.0.2')
  far.ip('route', 'add', 'default', 'via', '192.0.2.1', 'mtu', '1300', 'advmss', '1200', 'metric', '7')
  far.ip('route', 'add', '10.9.0.0/16', 'via', '203.0.113.9', 'dev', 'x1', 'onlink', 'table', '200')
  far.ip('route', 'add', '10.10.0.0/16', 'via', 'inet6', 'fd00::1', 'dev', 'x1', 'proto', 'static')
  far.ip('-6', 'route', 'add', 'default', 'via', 'fd00::1', 'dev', 'x1', 'metric', '9', 'pref', 'high')
  far.ip('-6', 'route', 'add', '2001:db8::/32', 'via', 'fe80::1', 'dev', 'x1', 'table', '300')
  far.ip('route', 'add', '10.12.0.0/16', 'dev', 'x1', 'proto', 'bird') // its daemon's to give
  home.ip('route', 'add', '10.11.0.0/16', 'via', '10.0.0.2')
  home.ip('route', 'add', '10.13.0.0/16', 'via', '10.0.0.2')
  home.ip('-6', 'route', 'add', 'fd01::/64', 'via', 'fd00::2')
  const lasting = (netns: Netns, name: string) =>
    routesOf(netns, name).filter((route) => !JSON.stringify(route).includes('bird'))
  const [near, others] = [lasting(home, 'x0'), lasting(far, 'x1')]
  expect([near.length, others.length]).toEqual([3, 6])
  const kept = () =>
    (JSON.parse(file(daemon)) as Kept).pairs.map(({ a, b }) => [a.former.routes, b.former.routes])
  await until(
    'all of them to be in the file',
    () =>
      kept()[0]
        ?.map((routes) => routes?.length)
        .join() === '3,6',
  )
  await daemon.kill()
  home.ip('link', 'add', 'z0', 'type', 'bridge')
  home.ip('link', 'set', 'z0', 'up')
  home.ip('route', 'add', '10.13.0.0/16', 'dev', 'z0')
  await daemon.restart()
  expect(lasting(far, 'x1')).toEqual(others)
  expect(lasting(home, 'x0')).toEqual(near.filter((route) => !JSON.stringify(route).includes('10.13')))
  expect(JSON.parse(home.ip('-j', 'route', 'get', '10.13.0.1'))).toMatchObject([{ dev: 'z0' }])
  // An interface that goes down loses them, of which the kernel tells nothing.
  far.ip('link', 'set', 'x1', 'down')
  await until('none to be in the file', () => kept()[0]?.[1] === undefined)
})

test("so many routes that they are a router's own are not kept; once they are gone others are", async () => {
  await using daemon = await TestDaemon.start(...STATE)
  await using far = Netns.create('far')
  const addresses = ['10.0.0.2/24']
  const b = { name: 'x1', netns: far.name, up: true, addresses }
  await daemon.ask('POST', '/v1/pairs', { id: 'cable', a: { name: 'x0', up: true }, b })
  const routes = () => (JSON.parse(file(daemon)) as Kept).pairs[0]?.b.former.routes?.length ?? 0
  const add = (from: number, to: number) => {
    const lines = Array.from({ length: to - from }, (_, at) => from + at)
    const line = (number: number) => `route add 10.9.${number >> 8}.${number & 255} via 10.0.0.1`
    const batch = lines.map(line).join('\n')
    far.exec('sh', '-c', `ip -batch - <<END\n${batch}\nEND`)
  }
  add(0, 1000)
  await until('a thousand to be in the file', () => routes() === 1000)
  add(1000, 1001)
  await until('none to be in the file', () => routes() === 0)
  far.ip('link', 'set', 'x1', 'down')
  far.ip('link', 'set', 'x1', 'up')
  add(0, 2)
  await until('two to be in the file', () => routes() === 2)
})

/** Two cables at home: how many routes of the first end of each are in the file. */
async function crossing(daemon: TestDaemon): Promise<() => string> {
  for (const [at, id] of ['x', 'y'].entries())
    await daemon.ask('POST', '/v1/pairs', {
      id,
      a: { name: `${id}0`, up: true, addresses: [`10.${at}.0.1/24`] },
      b: { name: `${id}1`, up: true },
    })
  const kept = () => (JSON.parse(file(daemon)) as Kept).pairs
  return () =>
    kept()
      .map(({ a }) => a.former.routes?.length ?? 0)
      .join()
}

/** What is done while the daemon does not look, and is over when it does. */
function meanwhile({ program }: TestDaemon, what: () => void): void {
  program.kill('SIGSTOP')
  try {
    what()
  } finally {
    program.kill('SIGCONT')
  }
}

test('a way that somebody has laid over another link is not laid back', async () => {
  await using daemon = await TestDaemon.start(...STATE)
  const { home } = daemon
  const routes = await crossing(daemon)
  for (const end of ['x0', 'y0']) home.ip('addr', 'add', `fd0${end === 'x0' ? 0 : 1}::1/64`, 'dev', end)
  const six = (how: string, net: number) =>
    home.ip('-6', 'route', how, 'default', 'via', `fd0${net}::2`, 'metric', '7')
  const four = (how: string, net: number) => {
    home.ip('route', how, 'default', 'via', `10.${net}.0.2`)
    home.ip('route', how, '10.9.0.0/16', 'via', `10.${net}.0.2`, 'table', '200')
  }
  six('add', 0)
  four('add', 0)
  home.ip('route', 'add', 'default', 'via', '10.0.0.3', 'metric', '5') // another one, which stays
  await until('all of them to be in the file', () => routes() === '4,0')
  six('replace', 1)
  await until('one to be of the other in the file', () => routes() === '3,1')
  four('replace', 1)
  await until('them to be those of the other in the file', () => routes() === '1,3')
  const before = [routesOf(home, 'x0'), routesOf(home, 'y0')]
  await restarted(daemon)
  expect([routesOf(home, 'x0'), routesOf(home, 'y0')]).toEqual(before)
})

test('what went unseen is followed: down and up in a moment, the end of a nexthop, a move', async () => {
  await using daemon = await TestDaemon.start(...STATE)
  await using far = Netns.create('far')
  const { home } = daemon
  const routes = await crossing(daemon)
  for (const net of [0, 1]) home.ip('route', 'add', `10.9.${net}.0/24`, 'via', `10.${net}.0.2`)
  await until('both to be in the file', () => routes() === '1,1')
  meanwhile(daemon, () => {
    home.ip('link', 'set', 'x0', 'down')
    home.ip('link', 'set', 'x0', 'up')
  })
  await until('none of the first to be in the file', () => routes() === '0,1')
  home.ip('nexthop', 'add', 'id', '5', 'via', '10.0.0.2', 'dev', 'x0')
  home.ip('route', 'add', '10.9.2.0/24', 'nhid', '5')
  await until('one of the first again', () => routes() === '1,1')
  home.ip('nexthop', 'del', 'id', '5')
  await until('none of it again', () => routes() === '0,1')
  meanwhile(daemon, () => {
    home.ip('link', 'set', 'x0', 'netns', far.name)
    far.ip('link', 'set', 'x0', 'up')
    far.ip('addr', 'add', '10.0.0.1/24', 'dev', 'x0')
    far.ip('route', 'add', '10.9.0.0/24', 'via', '10.0.0.2')
  })
  await until('that of the other place', () => routes() === '1,1')
})

test('a route that runs out is not one for good', async () => {
  await using daemon = await TestDaemon.start(...STATE)
  const { home } = daemon
  const routes = await crossing(daemon)
  home.ip('-6', 'route', 'add', 'fd08::/64', 'dev', 'x0', 'expires', '900') // lent
  home.ip('-6', 'route', 'add', 'fd09::/64', 'dev', 'x0')
  await until('one to be in the file', () => routes() === '1,0')
  await restarted(daemon)
  expect(routesOf(home, 'x0')).toMatchObject([{ dst: 'fd09::/64' }])
})

interface Kept {
  pairs: Record<'a' | 'b', { former: { routes?: string[] } }>[]
}

test('a drawn MAC address and a chosen index are its own again; what was taken away stays away', async () => {
  await using daemon = await TestDaemon.start(...STATE)
  const { home } = daemon
  await daemon.ask('POST', '/v1/pairs', {
    id: 'cable',
    quiet: true,
    a: { name: 'x0', up: true, addresses: ['10.0.0.1/24', '10.0.1.1/24'] },
    b: { name: 'x1', up: true },
  })
  home.ip('link', 'set', 'x1', 'down')
  home.ip('addr', 'del', '10.0.0.1/24', 'dev', 'x0')
  await until(
    'that to be in the file',
    () => !/"10\.0\.0\.1\/24"\}/.test(file(daemon)) && /"up":false/.test(file(daemon)),
  )
  const links = [linkOf(home, 'x0'), linkOf(home, 'x1')]
  await restarted(daemon)
  expect([linkOf(home, 'x0'), linkOf(home, 'x1')]).toEqual(links)
  expect(addressesOf(home, 'x0')).toMatchObject([{ local: '10.0.1.1' }])
})

test('an index and an alternative name that another link has meanwhile: the pair is there without', async () => {
  await using daemon = await TestDaemon.start(...STATE)
  const { home } = daemon
  await daemon.ask('POST', '/v1/pairs', { id: 'cable', a: { name: 'x0', up: true }, b: { name: 'x1' } })
  // The kernel tells of names of links that are up.
  home.ip('link', 'property', 'add', 'dev', 'x0', 'altname', 'first-of-two')
  home.ip('link', 'property', 'add', 'dev', 'x0', 'altname', 'second-of-two')
  await until('both to be in the file', () => file(daemon).includes('second-of-two'))
  const { ifindex } = linkOf(home, 'x0') as { ifindex: number }
  await daemon.kill()
  home.ip('link', 'add', 'z0', 'index', String(ifindex), 'type', 'bridge')
  home.ip('link', 'property', 'add', 'dev', 'z0', 'altname', 'first-of-two')
  await daemon.restart()
  expect(linkOf(home, 'x0')).toMatchObject({ altnames: ['second-of-two'] })
  expect(linkOf(home, 'x0')).not.toMatchObject({ ifindex })
  expect((await daemon.ask('GET', '/v1/health')).json.status).toBe('ok')
})
