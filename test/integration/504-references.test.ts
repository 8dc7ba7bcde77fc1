// Which pair an order means, and where it is given: the caller's network namespace is its own, or the one
// that it names; a name means an interface there first, then an id, then an interface anywhere.

import { statSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { ask, expectProblem, ROOT, TestDaemon } from '../support/daemon.js'
import { Netns } from '../support/netns.js'
import { type AnyMessages, Program } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')

let daemon: TestDaemon
let blue: Netns
let red: Netns
beforeAll(async () => {
  daemon = await TestDaemon.start()
  blue = Netns.create('blue')
  red = Netns.create('red')
})
afterAll(async () => {
  await daemon[Symbol.asyncDispose]()
  blue[Symbol.dispose]()
  red[Symbol.dispose]()
})

/** One call of ControlClient in a process of its own, as a verb makes it; its answer, or its error. */
async function call(prefix: string[], op: string, parts: object, netns?: string) {
  const client = new URL('dist/contract/client.js', `file://${ROOT}`).href
  const options = JSON.stringify({ socket: daemon.socket, ...(netns !== undefined && { netns }) })
  const script = `import { ControlClient } from '${client}'
    const client = new ControlClient(${options})
    const answer = await client.call('${op}', ${JSON.stringify(parts)}).catch(({ code, message }) => ({ code, message }))
    console.log(JSON.stringify(answer ?? null))`
  const command = [process.execPath, '--input-type=module', '-e', script]
  await using program = new Program<AnyMessages>(command, { prefix })
  return JSON.parse((await program.end()).stdout)
}

const from = (netns: Netns) => ({ 'uveth-netns': netns.name })
const within = (netns: Netns) => ['ip', 'netns', 'exec', netns.name]
const names = (netns: Netns) => netns.names()

describe('where an order is given', () => {
  test('in the namespace that the client stands in', async () => {
    const made = await call(within(blue), 'pair.add', {
      body: { a: { name: 'x0' }, b: { name: 'x1', netns: red.name } },
    })
    expect(made).toMatchObject({ id: 'x0', a: { netns: blue.name }, b: { netns: red.name } })
    expect([names(blue), names(red)]).toEqual([
      ['lo', 'x0'],
      ['lo', 'x1'],
    ])
    expect(await call(within(blue), 'pair.del', { ref: 'x0' })).toBeNull()
    expect([names(blue), names(red)]).toEqual([['lo'], ['lo']])
  })

  test('in the one that it names: by name, path or process id', async () => {
    const sleeper = blue.spawn('sleep', ['3600'])
    for (const netns of [blue.name, blue.path, String(sleeper.pid)]) {
      const made = await call(
        within(red),
        'pair.add',
        { body: { a: { name: 'x0' }, b: { name: 'x1' } } },
        netns,
      )
      expect(made).toMatchObject({ a: { netns: blue.name }, b: { netns: blue.name } })
      expect((await daemon.ask('DELETE', '/v1/pairs/id:x0')).status).toBe(204)
    }
  })

  test('in home by null, wherever the client stands', async () => {
    const body = { a: { name: 'x0', netns: null }, b: { name: 'x1' } }
    const made = await call(within(blue), 'pair.add', { body })
    expect(made).toMatchObject({ a: { netns: null }, b: { netns: blue.name } })
    await daemon.ask('DELETE', '/v1/pairs/id:x0')
  })

  test('not in a namespace that is claimed falsely, or that is none', async () => {
    const claim = { 'uveth-netns': `net:[${blue.inode}]` }
    expectProblem(await ask(daemon.socket, 'POST', '/v1/pairs', {}, claim), 403, {
      code: 'EPERM',
      attribute: 'netns',
    })
    const cases: [string, number][] = [
      ['uvt-none', 422],
      ['/etc/passwd', 422],
      ['blue/red', 422],
      ['%', 422],
      ['', 422],
    ]
    for (const [netns, status] of cases) {
      expectProblem(await ask(daemon.socket, 'POST', '/v1/pairs', {}, { 'uveth-netns': netns }), status, {
        attribute: 'netns',
      })
    }
  })

  test('holds that namespace only for as long as the order takes', async () => {
    using green = Netns.create('green')
    const reply = await daemon.ask('POST', '/v1/pairs', { a: { name: 'x0' }, b: { name: 'x1' } }, from(green))
    expect(reply.json.a.netns).toBe(green.name)
    green.delete()
    await expect.poll(async () => (await daemon.ask('GET', '/v1/pairs')).json).toEqual([])
  })
})

describe('what a reference means', () => {
  beforeAll(async () => {
    const pairs = [
      { id: 'one', a: { name: 'eth0', netns: blue.name }, b: { name: 'eth1', netns: red.name } },
      { id: 'two', a: { name: 'eth0', netns: red.name }, b: { name: 'eth2', netns: null } },
      { id: 'eth2', a: { name: 'y0', netns: null }, b: { name: 'y1', netns: red.name } },
    ]
    for (const pair of pairs) expect((await daemon.ask('POST', '/v1/pairs', pair)).status).toBe(201)
  })

  const idOf = async (ref: string, netns: Netns = daemon.home) => {
    const { status, json } = await daemon.ask(
      'GET',
      `/v1/pairs/${encodeURIComponent(ref)}`,
      undefined,
      from(netns),
    )
    return status === 200 ? json.id : json.code
  }

  test('an interface in the namespace of the caller first', async () => {
    expect(await idOf('eth0', blue)).toBe('one')
    expect(await idOf('eth0', red)).toBe('two')
    expect(await idOf('eth2')).toBe('two') // not the pair with the id eth2
  })

  test('then an id', async () => {
    expect(await idOf('eth2', blue)).toBe('eth2')
    expect(await idOf('one')).toBe('one')
  })

  test('then an interface anywhere, unless there are several: they are named', async () => {
    expect(await idOf('y1', blue)).toBe('eth2')
    expectProblem(await daemon.ask('GET', '/v1/pairs/eth0'), 409, {
      code: 'ENOTUNIQ',
      detail: expect.stringMatching(new RegExp(`id:one .*eth0@${blue.name}.*id:two .*eth0@${red.name}`)),
    })
  })

  test('id:ID and NAME@NETNS are exact', async () => {
    expect(await idOf('id:eth2')).toBe('eth2')
    expect(await idOf('id:eth0')).toBe('ENODEV')
    expect(await idOf(`eth0@${blue.name}`)).toBe('one')
    expect(await idOf(`eth0@${red.name}`)).toBe('two')
    expect(await idOf(`eth0@net:[${statSync(red.path).ino}]`)).toBe('two')
    expect(await idOf(`eth2@net:[${statSync(daemon.home.path).ino}]`, blue)).toBe('two')
    expect(await idOf('eth0@net:[1]')).toBe('ENODEV')
    expect(await idOf('eth2@', blue)).toBe('two') // in home
    expect(await idOf(`eth1@${blue.name}`)).toBe('ENODEV')
  })

  test('an end that was renamed and moved by others stays addressable by id', async () => {
    blue.ip('link', 'set', 'eth0', 'name', 'lan0')
    blue.ip('link', 'set', 'lan0', 'netns', red.name)
    await expect.poll(() => idOf('lan0', red)).toBe('one')
    expect(await idOf('id:one', blue)).toBe('one')
  })
})
