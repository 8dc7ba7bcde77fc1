// `uveth -n NS link show`, as `ip -n NS link show`: the ends in that namespace, or why it cannot be looked into.

import { expect } from 'vitest'
import { commandOf, expectRefusal } from '../support/cli.js'
import { TestDaemon } from '../support/daemon.js'
import { Netns } from '../support/netns.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')

test('of one that is not there', async () => {
  await using daemon = await TestDaemon.start()
  const uveth = commandOf(daemon)
  expectRefusal(
    await uveth('-n', 'nothing-there', 'link', 'show'),
    255,
    /cannot open network namespace 'nothing-there'|'nothing-there' is no network namespace/,
  )
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
