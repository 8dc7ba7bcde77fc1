// Containers without a network, wired from the machine that they run on: named as they are named to the engine.

import { expect } from 'vitest'
import { commandOf, expectRefusal, well } from '../support/cli.js'
import { Container, docker } from '../support/container.js'
import { TestDaemon } from '../support/daemon.js'
import { Netns, run, until } from '../support/netns.js'
import { uveth } from '../support/program.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'container engine', 'images of scripts/docker-test')

/** Gives an interface of a container an address, as root of the machine can. */
function address(container: Container, link: string, text: string): void {
  run('nsenter', '-t', String(container.pid), '-n', 'ip', 'addr', 'add', text, 'dev', link)
}

it('what is neither a namespace nor a container is refused, and so is a container that has ended', async () => {
  await using daemon = await TestDaemon.start()
  await using ended = Container.plain('ended')
  ended.kill()
  const order = commandOf(daemon)
  const add = (place: string) => order('link', 'add', 'x0', 'type', 'veth', 'peer', 'x1', 'netns', place)
  expectRefusal(
    await add('uvt-nobody'),
    255,
    /'uvt-nobody' is no network namespace under .* and no container/,
  )
  expectRefusal(await add('container:uvt-nobody'), 255, /'uvt-nobody' is no container of the engine/)
  expectRefusal(await add(ended.name), 1, /does not run \(exited\)/)
  expect(daemon.home.links()).toHaveLength(1)
})

it('two containers are wired by name and ping each other; one is killed, the pair is gone', async () => {
  await using daemon = await TestDaemon.start()
  await using web = Container.plain('web')
  await using db = Container.plain('db')
  expect([web.links(), db.links()]).toEqual([[], []])
  const order = commandOf(daemon)
  const line = `link add eth0 netns ${web.name} up type veth peer name eth0 netns ${db.name} up`
  expect(await order(...line.split(' '))).toMatchObject(well)
  expect([web.links(), db.links()]).toEqual([['eth0'], ['eth0']])
  address(web, 'eth0', '10.0.0.1/24')
  address(db, 'eth0', '10.0.0.2/24')
  web.ping('10.0.0.2')
  db.ping('10.0.0.1')
  const stats = JSON.parse((await order('-j', 'stats')).stdout)
  expect(stats[0].a.tx_packets).toBeGreaterThanOrEqual(6)
  db.kill()
  await until('the pair has ended', async () => (await order('link', 'show')).stdout === '')
  expect(web.links()).toEqual([])
  expect(web.state.Running).toBe(true)
})

it('by the beginning of an id, in -n and in link set as well', async () => {
  await using daemon = await TestDaemon.start()
  await using web = Container.plain('web')
  // A beginning of digits alone would be a process id.
  const short = /^\d*[a-f][0-9a-f]{11}/.exec(web.id)?.[0] ?? `container:${web.id}`
  const order = commandOf(daemon)
  expect(await order('-n', short, 'link', 'add', 'in0', 'type', 'veth', 'peer', 'in1')).toMatchObject(well)
  expect(web.links().sort()).toEqual(['in0', 'in1'])
  expect(await order('add', 'out0', 'out1')).toMatchObject(well)
  expect(await order('link', 'set', 'out1', 'netns', web.name, 'name', 'eth0', 'up')).toMatchObject(well)
  expect(web.links()).toContain('eth0')
  expect((await order('-n', web.name, '-br', 'link')).stdout).toMatch(/^in0@in1\s.*\nin1@in0\s.*\neth0@if/)
  expect(await order('-n', web.name, 'link', 'del', 'in0')).toMatchObject(well)
  expect(web.links()).toEqual(['eth0'])
  expect((await order('-br', 'link', 'show', `eth0@${short}`)).stdout).toMatch(/^eth0@if/)
  expect(await order('link', 'del', `eth0@${web.name}`)).toMatchObject(well)
  expect(web.links()).toEqual([])
})

it('a namespace of the same name comes first, unless it says container:', async () => {
  await using daemon = await TestDaemon.start()
  using named = Netns.create('twin')
  await using web = Container.plain('web')
  docker('rename', web.name, named.name)
  try {
    const order = commandOf(daemon)
    const add = (name: string, place: string) =>
      order('link', 'add', name, 'netns', place, 'type', 'veth', 'peer', `${name}p`)
    expect(await add('one', named.name)).toMatchObject(well)
    expect(await add('two', `container:${named.name}`)).toMatchObject(well)
    expect([named.has('one'), named.has('two')]).toEqual([true, false])
    expect(docker('exec', named.name, 'ip', '-br', 'link')).toMatch(/^two /m)
  } finally {
    docker('rename', named.name, web.name)
  }
})

it('uveth run wires two containers with addresses, and ends with one of them', async () => {
  await using web = Container.plain('web')
  await using db = Container.plain('db')
  const places = ['--netns-a', web.name, '--netns-b', `container:${db.name}`]
  const addresses = ['--addr-a', '10.0.0.1/24', '--addr-b', '10.0.0.2/24']
  await using cable = uveth(['run', 'eth0', 'eth0', ...places, ...addresses, '--json'])
  await cable.next('ready')
  web.ping('10.0.0.2')
  web.kill()
  expect(await cable.next('closed')).toMatchObject({ reason: expect.stringMatching(/netns|deleted|gone/) })
  expect(await cable.end()).toMatchObject({ code: 0 })
  expect(db.links()).toEqual([])
})
