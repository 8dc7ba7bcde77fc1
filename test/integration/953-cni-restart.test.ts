// `uveth-cni` and a daemon that ends while pods live: the next one makes their cables again with all that ADD gave, and
// pods have a way out as before. Nothing changes for them where one daemon replaces another.

import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { CniNode } from '../support/cni.js'
import { Netns, until } from '../support/netns.js'
import { replace, stop } from '../support/replace.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'sysctl', 'ip', 'nsenter', 'ping', 'cni-plugins')

let node: CniNode
beforeAll(async () => {
  node = await CniNode.start('--state', 'FOLDER/pairs.json')
})
afterAll(async () => {
  await stop(node.daemon)
  await node[Symbol.asyncDispose]()
})

/** Beyond the gateway, as far as the node goes. */
const BEYOND = ['192.0.2.1', '2001:db8::1']
const OWN = { type: 'static', routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }] }
const pod = (number: number) => ({
  ...OWN,
  addresses: [
    { address: `10.77.0.${number}/24`, gateway: '10.77.0.1' },
    { address: `fd77::${number}/64`, gateway: 'fd77::1' },
  ],
})

/** A pod that is attached, what CHECK says of it, and whom it reaches. */
class Pod implements AsyncDisposable {
  readonly netns = Netns.create('pod')
  readonly number: number
  #config: Record<string, unknown> = {}

  constructor(number: number) {
    this.number = number
  }

  async add(): Promise<void> {
    const config = node.network('again', {}, pod(this.number))
    const { json, code } = await this.#ask('ADD', config)
    expect({ code, json }).toMatchObject({ code: 0 })
    this.#config = { ...config, prevResult: json }
  }

  async check(): Promise<unknown> {
    return (await this.#ask('CHECK')).json
  }

  async del(): Promise<void> {
    expect((await this.#ask('DEL')).code).toBe(0)
  }

  /** Addresses and routes on both sides, without the kernel's own. */
  get wiring(): string[] {
    const asked = [['-o', 'addr'], ['route'], ['-6', 'route']]
    return [this.netns, node.daemon.home].flatMap((at) =>
      asked.map((words) => {
        const lines = at.ip(...words).split('\n')
        return lines
          .filter((line) => !/fe80|ff00|multicast/.test(line))
          .sort()
          .join('\n')
      }),
    )
  }

  /** A gateway that has just come up asks for nobody by IPv6 before its own address has been tried (a second or two). */
  async reaches(...others: string[]): Promise<void> {
    for (const other of others) {
      const ping = ['netns', 'exec', this.netns.name, 'ping', '-c', '1', '-W', '1', other]
      await until(`an answer of ${other}`, () => spawnSync('ip', ping).status === 0)
    }
  }

  async #ask(command: string, config = this.#config) {
    return await node.ask({ command, pod: this.netns, container: `c${this.number}`, config })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.netns[Symbol.dispose]()
  }
}

describe('a daemon that was killed as soon as ADD had answered', () => {
  test('two pods have their ways out again, and to each other; the third has gone', async () => {
    await using one = new Pod(2)
    await using two = new Pod(3)
    await using three = new Pod(4)
    for (const address of ['192.0.2.1/32', '2001:db8::1/128'])
      node.daemon.home.ip('addr', 'add', address, 'dev', 'lo')
    // As some engines leave it: interfaces that come have no IPv6.
    two.netns.exec('sh', '-c', 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6')
    for (const pod of [three, one, two]) await pod.add()
    await node.daemon.kill()
    three.netns.delete()
    await node.daemon.restart()
    expect((await node.daemon.ask('GET', '/v1/health')).json).toMatchObject({
      pairs: 2,
      state: { pending: [] },
    })
    await one.reaches(...BEYOND, '10.77.0.3', 'fd77::3')
    await two.reaches(...BEYOND, '10.77.0.2', 'fd77::2')
    const before = [one, two].map(({ wiring }) => wiring)
    for (const pod of [one, two]) expect(await pod.check()).toBeUndefined()
    // And again, of what was made again; then by another daemon, which takes the cables over.
    await node.daemon.kill()
    await node.daemon.restart()
    expect([one, two].map(({ wiring }) => wiring)).toEqual(before)
    await replace(node.daemon, '--state', node.daemon.folder.file('pairs.json'))
    expect([one, two].map(({ wiring }) => wiring)).toEqual(before)
    await one.reaches(...BEYOND, '10.77.0.3', 'fd77::3')
    for (const pod of [one, two]) await pod.del()
    expect(await node.pairs()).toEqual([])
  })
})
