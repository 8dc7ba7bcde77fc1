// A daemon in a container of its own wires other containers: with `pid: host` and SYS_PTRACE, by process id;
// and by name where it is given the engine's socket.

import { expect } from 'vitest'
import { Container, FOR_OTHERS, IMAGE, LEAST } from '../support/container.js'
import { until } from '../support/netns.js'
import { needs } from '../support/skip.js'

const it = needs('container engine', 'images of scripts/docker-test')

const SOCKET = '/var/run/docker.sock'

async function daemonOf(options: string[]): Promise<Container> {
  const daemon = Container.start(IMAGE, 'daemon', options)
  await until('the daemon answers', async () => (await daemon.try('uveth', 'health')).code === 0)
  return daemon
}

const addTo = (place: string) => `uveth link add x0 type veth peer x1 netns ${place}`.split(' ')

it('without its rights an end comes not up in the namespaces of others, and nothing stays behind', async () => {
  await using daemon = await daemonOf([...LEAST, '--pid', 'host'])
  await using web = Container.plain('web')
  const { code, stderr } = await daemon.try(...addTo(String(web.pid)), 'up')
  expect(code).not.toBe(0)
  expect(stderr).toMatch(/^uveth: EPERM: .*--cap-add SYS_ADMIN\)/)
  expect(daemon.exec('uveth', '-j', 'link', 'show').trim()).toBe('[]')
  // As with ip: to put it there takes no more than NET_ADMIN.
  expect(await daemon.try(...addTo(String(web.pid)))).toMatchObject({ code: 0 })
})

it("in a pid namespace of its own the engine's process ids are others': neither they nor names are taken", async () => {
  const rights = ['SYS_ADMIN', 'SYS_PTRACE'].flatMap((name) => ['--cap-add', name])
  await using daemon = await daemonOf([...LEAST, ...rights, '--volume', `${SOCKET}:${SOCKET}`])
  await using web = Container.plain('web')
  for (const place of [web.name, `container:${web.name}`, web.pid]) {
    const { code, stderr } = await daemon.try(...addTo(String(place)))
    expect(code).not.toBe(0)
    expect(stderr).toMatch(/^uveth: (ESRCH|ENOENT): .*--pid host/)
  }
  expect(daemon.exec('uveth', '-j', 'link', 'show').trim()).toBe('[]')
})

it('without the engine its containers have no names, and it says so', async () => {
  await using daemon = await daemonOf(FOR_OTHERS)
  const { code, stderr } = await daemon.try('uveth', '-n', 'container:web', 'link', 'show')
  expect(code).toBe(255)
  expect(stderr).toMatch(/no container engine has a socket at .*give its process id/)
})

it('by process id: they ping each other; one is killed, the pair is gone', async () => {
  await using daemon = await daemonOf(FOR_OTHERS)
  await using web = Container.plain('web')
  await using db = Container.plain('db')
  const line = `link add eth0 netns ${web.pid} up type veth peer name eth0 netns ${db.pid} up`
  daemon.exec('uveth', ...line.split(' '))
  web.address('eth0', '10.0.0.1/24')
  db.address('eth0', '10.0.0.2/24')
  web.ping('10.0.0.2')
  db.ping('10.0.0.1')
  web.kill()
  await until('the pair has ended', () => daemon.exec('uveth', '-j', 'link', 'show').trim() === '[]')
  expect(db.links()).toEqual([])
})

it("by name, with the engine's socket", async () => {
  await using daemon = await daemonOf([...FOR_OTHERS, '--volume', `${SOCKET}:${SOCKET}`])
  await using web = Container.plain('web')
  await using db = Container.plain('db')
  const line = `link add eth0 netns ${web.name} up type veth peer name eth0 netns ${db.name} up`
  daemon.exec('uveth', ...line.split(' '))
  expect([web.links(), db.links()]).toEqual([['eth0'], ['eth0']])
})
