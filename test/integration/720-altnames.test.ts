// The more names that an interface has (`ip link property add … altname`) are shown as ip shows them, and understood
// wherever a name is: of one that is up, and of one that is down, where the kernel tells nobody.

import { existsSync, statSync } from 'node:fs'
import { beforeAll, describe, expect } from 'vitest'
import { commandOf, expectRefusal, well } from '../support/cli.js'
import { TestDaemon } from '../support/daemon.js'
import { Netns, until } from '../support/netns.js'
import { uveth as program } from '../support/program.js'
import { shimOf } from '../support/shim.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')

const NAME = 'a-name-of-more-than-15-bytes'

describe.each(['down', 'up'])('of an interface that is %s', (state) => {
  let daemon: TestDaemon
  let blue: Netns
  beforeAll(async () => {
    daemon = await TestDaemon.start()
    blue = Netns.create('blue')
    await commandOf(daemon)('link', 'add', 'veth0', 'type', 'veth', 'peer', 'eth0', 'netns', blue.name)
    if (state === 'up') {
      daemon.home.ip('link', 'set', 'veth0', 'up')
      blue.ip('link', 'set', 'eth0', 'up')
    }
    daemon.home.ip('link', 'property', 'add', 'dev', 'veth0', 'altname', NAME, 'altname', 'other')
    blue.ip('link', 'property', 'add', 'dev', 'eth0', 'altname', 'far')
    return async () => {
      blue[Symbol.dispose]()
      await daemon[Symbol.asyncDispose]()
    }
  })

  test('link show has them, a line each', async () => {
    const shown = async (words: string) => (await commandOf(daemon)(...words.split(' '))).stdout
    await until('they are told', async () => (await shown('link show veth0')).includes('altname'))
    const lines = (await shown('link show veth0')).split('\n').filter((line) => line.includes('altname'))
    const theirs = daemon.home.ip('link', 'show', 'veth0').split('\n')
    expect(lines).toEqual([`    altname ${NAME}`, '    altname other'])
    expect(theirs).toEqual(expect.arrayContaining(lines))
    expect(await shown(`-n ${blue.name} link show`)).toContain('    altname far\n')
    expect(JSON.parse(await shown('-j link show veth0'))[0].altnames).toEqual([NAME, 'other'])
  })

  test('they are names for every order', async () => {
    const uveth = commandOf(daemon)
    expect((await uveth('link', 'show', 'dev', NAME)).stdout).toMatch(/^\d+: veth0@/)
    for (const words of [
      `link set ${NAME} mtu 1400`,
      'link set dev other txqueuelen 9000',
      'link set far carrier auto',
      `link set far@${blue.name} mtu 1400`,
      `-n ${blue.name} link set far mtu 1300`,
      `link set ${NAME} impair delay 1ms`,
      'link set other rule add drop arp',
      `stats ${NAME}`,
    ])
      expect([words, await uveth(...words.split(' '))]).toMatchObject([words, { code: 0, stderr: '' }])
    expect(daemon.home.link('veth0')).toMatchObject({ mtu: 1400, txqlen: 9000 })
    expect(blue.link('eth0').mtu).toBe(1300)
    expect((await uveth('-d', 'link', 'show', 'other')).stdout).toMatch(
      /impair delay 1ms\b.*\n +rule 1: drop arp/,
    )
    const file = daemon.folder.file(`${state}.pcapng`)
    const options = { netns: daemon.home.name, env: { UVETH_SOCKET: daemon.socket } }
    await using capture = program(['capture', 'other', '-w', file], options)
    await until('the file to begin', () => existsSync(file) && statSync(file).size > 0)
    expect((await capture.stop('SIGINT')).code).toBe(0)
    expectRefusal(
      await uveth('link', 'show', 'no-such-name'),
      1,
      /ENODEV: no pair or interface 'no-such-name'/,
    )
  })

  test('for tc of the shim as well, and the last one is gone with its interface', async () => {
    const sh = shimOf(daemon)
    expect(await sh(`tc qdisc replace dev ${NAME} root netem loss 3%`)).toMatchObject(well)
    expect((await sh('tc qdisc show dev other')).stdout).toMatch(/^qdisc netem .* loss 3%/)
    expect(await commandOf(daemon)('link', 'del', NAME)).toMatchObject(well)
    expect(daemon.home.links().map(({ ifname }) => ifname)).toEqual(['lo'])
  })
})
