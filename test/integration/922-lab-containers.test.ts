// Containers as nodes of a lab: their namespaces are wired, and otherwise stay as they are. The engine is made up here,
// the namespaces and processes are real; test/container/05 has a real engine.

import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { assertCarried, lab } from 'uveth/testing'
import { afterEach, expect, vi } from 'vitest'
import { Engine } from '../support/engine.js'
import { Netns, until } from '../support/netns.js'
import { Program } from '../support/program.js'
import { needs } from '../support/skip.js'
import { alive } from '../support/testing-kit.js'

const test = needs('root', 'tun', 'netns', 'ip', 'ping', 'nsenter', 'bridge')
const HANGS = fileURLToPath(new URL('fixtures/testing-kit/lab-hangs.mjs', import.meta.url))
const ping = ['-n', '-c', '1', '-W', '5']

afterEach(() => {
  vi.unstubAllEnvs()
})

/** A process in a namespace of its own, as the kernel sees a container. */
async function contained(netns: Netns): Promise<number> {
  const pid = netns.spawn('sleep', ['1000']).pid as number
  await until('the process to be there', () => statSync(`/proc/${pid}/ns/net`).ino === netns.inode)
  return pid
}

test('one that does not run, or is not there, is refused before anything is made', async () => {
  await using engine = await Engine.start({ ended: 0 })
  vi.stubEnv('DOCKER_HOST', engine.host)
  const before = readdirSync('/run/netns')
  const wish = (container: string) =>
    ({ nodes: { a: {}, db: { container } }, cables: [['a:eth0', 'db:eth0']] }) as const
  await expect(lab(wish('ended'))).rejects.toMatchObject({
    code: 'ESRCH',
    attribute: 'nodes.db.container',
    message: expect.stringMatching(
      /^ESRCH: nodes\.db\.container: the container 'ended' does not run \(exited\)/,
    ),
  })
  await expect(lab(wish('nobody'))).rejects.toThrow(/^ENOENT: nodes\.db\.container: 'nobody' is no container/)
  const ours = (names: string[]) => names.filter((name) => name.startsWith(`uveth-${process.pid}-`))
  expect(ours(readdirSync('/run/netns'))).toEqual(ours(before))
})

test('is wired beside what it has, with routes and programs, and is left as it was', async () => {
  using netns = Netns.create('db')
  netns.ip('link', 'add', 'eth0', 'type', 'bridge')
  const pid = await contained(netns)
  await using engine = await Engine.start({ db: pid })
  vi.stubEnv('DOCKER_HOST', engine.host)
  const inside = await lab(
    {
      nodes: { client: {}, router: { kind: 'router' }, db: { container: 'db' } },
      cables: [
        ['client:eth0 192.0.2.2/24', 'router:eth0 192.0.2.1/24'],
        ['router:eth1 198.51.100.1/24', 'db:lab0 198.51.100.2/24'],
      ],
    },
    async (net) => {
      const { client, db } = net.nodes
      await client.exec('ping', [...ping, db.ip])
      await db.exec('ping', [...ping, client.ip])
      await assertCarried(net, { icmp: { type: 8 } }, { from: 'db:lab0', times: 1 })
      expect(netns.names()).toContain('eth0')
      const program = db.spawn('sleep 300 & echo $!; wait')
      return [program.pid as number, Number(await program.line(/^\d+$/))]
    },
  )
  await until('what the lab ran in it to end', () => !inside.some(alive))
  expect(alive(pid)).toBe(true)
  await until('the cable to go', () => !netns.has('lab0'))
  expect(netns.ip('route')).toBe('')
})

test('kill -9 leaves nothing behind, in the container neither', async () => {
  using netns = Netns.create('db')
  const pid = await contained(netns)
  await using engine = await Engine.start({ db: pid })
  const folder = mkdtempSync(`${tmpdir()}/uveth-922-`)
  await using program = new Program([process.execPath, HANGS], {
    env: { DOCKER_HOST: engine.host, TMPDIR: folder },
  })
  const { netns: client, pids } = JSON.parse(await program.line(/netns/))
  expect(readdirSync(folder)).toHaveLength(1)
  await program.stop('SIGKILL')
  await until('the namespaces to go', () => !existsSync(`/run/netns/${client}`))
  await until('the programs to end', () => !pids.some(alive))
  await until('the captures to go', () => readdirSync(folder).length === 0)
  await until('the cable to go', () => !netns.has('lab0'))
  expect(alive(pid)).toBe(true)
  rmSync(folder, { recursive: true })
})
