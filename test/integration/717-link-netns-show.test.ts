// `uveth -n NS link show`, as `ip -n NS link show`: the ends in that namespace, or why it cannot be looked into; so with
// the other verbs.

import { writeFileSync } from 'node:fs'
import { describe, expect } from 'vitest'
import { commandOf, expectRefusal } from '../support/cli.js'
import { TestDaemon } from '../support/daemon.js'
import { Engine } from '../support/engine.js'
import { Netns } from '../support/netns.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')

describe.each([
  ['no container engine', undefined, /cannot open network namespace 'nowhere'/],
  [
    'an engine that knows no such container',
    {},
    /'nowhere' is no network namespace under \/run\/netns and no container/,
  ],
])('of one that is not there, with %s', (_, containers, sentence) => {
  test.each(['link', 'link add x0 type veth', 'stats', 'top', 'monitor', 'capture x0', 'destroy x'])(
    '%s',
    async (line) => {
      await using daemon = await TestDaemon.start()
      await using engine = containers && (await Engine.start(containers))
      const env = { DOCKER_HOST: engine?.host ?? `unix://${daemon.folder.file('no-engine')}` }
      expectRefusal(await commandOf(daemon, { env })('-n', 'nowhere', ...line.split(' ')), 255, sentence)
    },
  )
})

test('of one whose name alone is left', async () => {
  await using daemon = await TestDaemon.start()
  const uveth = commandOf(daemon)
  await uveth('link', 'add', 'a0', 'type', 'veth', 'peer', 'a1')
  const file = daemon.folder.file('stale')
  writeFileSync(file, '')
  for (const words of ['link', 'link show a0', 'stats', 'top', 'monitor'])
    expectRefusal(await uveth('-n', file, ...words.split(' ')), 255, /namespace '.*stale': it is none$/m)
})

test('of one that is there, its ends alone', async () => {
  await using daemon = await TestDaemon.start()
  const uveth = commandOf(daemon)
  using blue = Netns.create('blue')
  await uveth('link', 'add', 'a0', 'type', 'veth', 'peer', 'a1', 'netns', blue.name)
  const shown = async (...words: string[]) => {
    const { stdout } = await uveth(...words, '-j', 'link', 'show')
    return (JSON.parse(stdout) as { ifname: string }[]).map(({ ifname }) => ifname)
  }
  expect(await shown()).toEqual(['a0', 'a1'])
  expect(await shown('-n', blue.name)).toEqual(['a1'])
  expect(await shown('-n', blue.path)).toEqual(['a1'])
})

test('a plain name behind -n is that of an interface there, as for ip', async () => {
  await using daemon = await TestDaemon.start()
  const uveth = commandOf(daemon)
  using blue = Netns.create('blue')
  await uveth('link', 'add', 'a0', 'type', 'veth', 'peer', 'a1', 'netns', blue.name)
  for (const words of [
    'link show a0',
    'link set a0 up',
    'link del a0',
    'stats a0',
    'link set a0 impair loss 1%',
  ])
    expectRefusal(
      await uveth('-n', blue.name, ...words.split(' ')),
      1,
      new RegExp(`ENODEV: no interface 'a0' in ${blue.name}`),
    )
  expect(daemon.home.link('a0').flags).not.toContain('UP')
  for (const words of ['link show a1', 'link set a1 up', 'link show id:a0', 'link show a0@', 'stats a1'])
    expect(await uveth('-n', blue.name, ...words.split(' '))).toMatchObject({ code: 0, stderr: '' })
  expect(blue.link('a1').flags).toContain('UP')
  const counted = (await uveth('-n', blue.name, 'stats')).stdout.trimEnd().split('\n').slice(1)
  expect(counted.map((line) => line.split('\t')[0])).toEqual([`a1@${blue.name}`])
})
