// --state FILE: the wanted pairs outlive the daemon, whatever ends it, as they are wanted now; a pair that was
// ended from outside does not. What cannot be made waits for its namespace, and the others start.

import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { describe, expect } from 'vitest'
import { expectProblem, Folder, inside, launchDaemon, TestDaemon } from '../support/daemon.js'
import { marked } from '../support/hooks.js'
import { Netns, run, uniqueName, until } from '../support/netns.js'
import { PacketSocket } from '../support/packet.js'
import { uvethOnce } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')

const STATE = ['--state', 'FOLDER/state.json']

interface Saved {
  pairs: { id: string }[]
}

const fileOf = (daemon: TestDaemon) => daemon.folder.file('state.json')
const wanted = (daemon: TestDaemon) =>
  (JSON.parse(readFileSync(fileOf(daemon), 'utf8')) as Saved).pairs.map(({ id }) => id)
const ids = async (daemon: TestDaemon) =>
  ((await daemon.ask('GET', '/v1/pairs')).json as { id: string }[]).map(({ id }) => id).sort()

async function add(daemon: TestDaemon, ...wishes: object[]): Promise<void> {
  for (const wish of wishes) expect((await daemon.ask('POST', '/v1/pairs', wish)).status).toBe(201)
}

describe('a file that cannot be used', () => {
  test.each([
    ['text', 'is no file of wanted pairs'],
    ['{"version":9,"pairs":[]}', 'is no file of wanted pairs'],
    [
      '{"pairs":[{"version":2}]}',
      'one of its pairs: its version is 2, and 1 is the newest that is understood here',
    ],
    ['{"pairs":[{"version":1,"id":"cable"}]}', 'one of its pairs: wishes is missing'],
  ])('%s: the daemon does not start, and leaves it alone', async (text, complaint) => {
    await using daemon = await TestDaemon.start()
    writeFileSync(fileOf(daemon), text)
    await using other = launchDaemon(daemon.home, daemon.folder.file('other'), '--state', fileOf(daemon))
    const { code, stderr } = await other.end()
    expect(code).toBe(1)
    expect(stderr).toContain(complaint)
    expect(readFileSync(fileOf(daemon), 'utf8')).toBe(text)
  })

  test('a folder that is not there: the daemon does not start', async () => {
    using home = Netns.create('home')
    using folder = new Folder()
    await using daemon = launchDaemon(home, folder.file('s'), '--state', folder.file('none/state.json'))
    const { code, stderr } = await daemon.end()
    expect(code).toBe(2)
    expect(stderr).toMatch(/^uveth: ENOENT: no such file or directory, open '.*none\/state.json/)
  })

  test.each(['state.json', 'state.json.new'])('a link in the place of %s: not followed', async (name) => {
    using home = Netns.create('home')
    using folder = new Folder()
    writeFileSync(folder.file('victim'), 'old\n')
    symlinkSync(folder.file('victim'), folder.file(name))
    await using daemon = launchDaemon(home, folder.file('s'), '--state', folder.file('state.json'))
    const { code, stderr } = await daemon.end()
    expect(code).toBe(1)
    expect(stderr).toMatch(/^uveth: EPERM: '.*state\.json\S*' is a symbolic link/)
    expect(readFileSync(folder.file('victim'), 'utf8')).toBe('old\n')
  })
})

describe('the wanted pairs', () => {
  test('are written down before an order is answered', async () => {
    await using daemon = await TestDaemon.start(...STATE)
    expect(wanted(daemon)).toEqual([])
    await add(daemon, { a: { name: 'x0' }, b: { name: 'x1' } }, { a: { name: 'y0' }, b: { name: 'y1' } })
    expect(wanted(daemon)).toEqual(['x0', 'y0'])
    await daemon.ask('DELETE', '/v1/pairs/x1')
    expect(wanted(daemon)).toEqual(['y0'])
  })

  test.each(['SIGTERM', 'SIGKILL'] as const)('are there again after %s, as they were', async (signal) => {
    await using daemon = await TestDaemon.start(...STATE)
    await using left = Netns.create('left')
    await add(
      daemon,
      {
        id: 'cable',
        quiet: true,
        a: { name: 'x0', netns: left.name, up: true, mtu: 1400 },
        b: { name: 'x1', up: true, addresses: ['10.9.0.1/24'] },
      },
      {}, // its names are drawn, and stay its own
    )
    const before = (await daemon.ask('GET', '/v1/pairs')).json
    await daemon.program.stop(signal)
    await daemon.restart()
    // After kill -9 the kernel may still be taking the old interfaces away.
    await expect.poll(() => ids(daemon)).toEqual(['cable', 'veth0'])
    const after = (await daemon.ask('GET', '/v1/pairs')).json
    const inOrder = (pairs: { id: string }[]) => pairs.sort((one, other) => (one.id < other.id ? -1 : 1))
    expect(inOrder(after)).toEqual(inOrder(before))
    expect(daemon.home.ip('addr', 'show', 'x1')).toContain('10.9.0.1/24')
  })

  test('hold every pair that was answered, also when SIGTERM came in between', async () => {
    await using daemon = await TestDaemon.start(...STATE)
    const made: string[] = []
    const orders = Array.from({ length: 30 }, async (_, index) => {
      const reply = await daemon.ask('POST', '/v1/pairs', {
        a: { name: `l${index}` },
        b: { name: `r${index}` },
      })
      if (reply.status === 201) made.push(reply.json.id)
      else expectProblem(reply, 503, { code: 'ESHUTDOWN' })
      if (made.length === 3) daemon.program.kill('SIGTERM')
    })
    const outcomes = await Promise.allSettled(orders)
    // Whoever came too late was told so, or found nobody.
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason.code).toMatch(/^(ECONN|ENOENT|EPIPE)/)
    }
    expect((await daemon.program.end()).code).toBe(0)
    expect(wanted(daemon).sort()).toEqual(made.sort())
    await daemon.restart()
    expect(await ids(daemon)).toEqual(made)
  })

  test('are kept with their changes', async () => {
    await using daemon = await TestDaemon.start(...STATE)
    using right = Netns.create('right')
    await add(daemon, { id: 'cable', a: { name: 'x0', addresses: ['10.9.0.1/24'] }, b: { name: 'x1' } })
    await daemon.ask('PATCH', '/v1/ends/x0', { name: 'x9', mtu: 1280, addresses: ['10.9.0.2/24'] })
    await daemon.ask('PATCH', '/v1/ends/x1', { netns: right.name, up: true })
    await daemon.ask('PATCH', '/v1/pairs/cable', { carrier: 'off' })
    await daemon.stop()
    await daemon.restart()
    const { json } = await daemon.ask('GET', '/v1/pairs/id:cable')
    expect(json).toMatchObject({
      carrier: false,
      a: { name: 'x9', mtu: 1280 },
      b: { name: 'x1', netns: right.name, up: true },
    })
    expect(daemon.home.ip('addr', 'show', 'x9')).toMatch(/10\.9\.0\.1\/24.*10\.9\.0\.2\/24/s)
    // The wishes as they were sent are still the same order.
    const body = { a: { name: 'x0', addresses: ['10.9.0.1/24'] }, b: { name: 'x1' } }
    expect((await daemon.ask('PUT', '/v1/pairs/cable', body)).status).toBe(200)
  })

  test('go on counting after SIGTERM: rules by their numbers, and what has crossed', async () => {
    await using daemon = await TestDaemon.start(...STATE)
    const rules = [{ action: { kind: 'delay', ms: 1 } }, { action: { kind: 'drop' }, match: { nth: 2 } }]
    await add(daemon, {
      id: 'cable',
      quiet: true,
      a: { name: 'x0', up: true, rules },
      b: { name: 'x1', up: true },
    })
    const send = () => {
      const socket = PacketSocket.open(daemon.home, 'x0')
      for (let mark = 0; mark < 3; mark++) socket.send(marked(mark))
      socket.close()
    }
    const stats = async () => (await daemon.ask('GET', '/v1/pairs/id:cable/stats')).json
    send()
    await until('all to be judged', async () => (await stats()).a.rules[1].matched === 3)
    await until('all to arrive', async () => (await stats()).a.tx_packets === 2)
    await daemon.ask('DELETE', '/v1/ends/x0/rules/1')
    await daemon.stop()
    await daemon.restart()
    const { a } = await stats()
    expect(a).toMatchObject({ tx_packets: 2, drops: { rule: 1 }, rules: [{ id: 2, matched: 3, hits: 1 }] })
    send()
    await until('all to arrive', async () => (await stats()).a.tx_packets === 5)
    const added = await daemon.ask('POST', '/v1/ends/x1/rules', { action: { kind: 'drop' } })
    expect(added.json.id).toBe(3)
    expect((await stats()).a.rules).toMatchObject([{ id: 2, matched: 6, hits: 1 }])
  })

  test('are understood as they were written before, and then written as they are now', async () => {
    await using daemon = await TestDaemon.start(...STATE)
    await daemon.stop()
    const drop = { action: { kind: 'drop' }, match: { arp: {} } }
    const since = {
      a: { name: 'x0', mtu: 1400 },
      b: { name: 'x1', impair: { loss: 1, seed: 3 } },
      carrier: 'off',
    }
    const pair = { id: 'cable', from: null, wish: { a: { name: 'x%d' } }, since, rules: { a: [drop], b: [] } }
    writeFileSync(fileOf(daemon), JSON.stringify({ version: 1, pairs: [pair] }))
    await daemon.restart()
    expect((await daemon.ask('GET', '/v1/pairs/id:cable')).json).toMatchObject({
      carrier: false,
      a: { name: 'x0', mtu: 1400, rules: [{ id: 1, ...drop }] },
      b: { name: 'x1', impair: { loss: { random: 1 }, seed: 3 } },
    })
    expect(JSON.parse(readFileSync(fileOf(daemon), 'utf8'))).toMatchObject({
      pairs: [{ version: 1, id: 'cable', carrier: 'off' }],
    })
  })

  test('name a namespace that only the caller’s mounts have by its inode: another may get its name', async () => {
    await using daemon = await TestDaemon.start(...STATE)
    const name = `uvt-${process.pid}-${uniqueName('own')}`
    const words = ['link', 'add', 'x0', 'type', 'veth', 'peer', 'x1', 'netns', name]
    const script = `ip netns add ${name} && "$@" && stat -Lc %i /run/netns/${name} && cat ${fileOf(daemon)}
      code=$?; ip netns del ${name}; exit $code`
    const prefix = [...inside(daemon.home), 'unshare', '-m', 'sh', '-c', script, 'sh']
    const { code, stdout } = await uvethOnce(words, { prefix, env: { UVETH_SOCKET: daemon.socket } })
    expect(code).toBe(0)
    const [inode, file = ''] = stdout.split('\n')
    expect(JSON.parse(file).pairs).toMatchObject([
      { id: 'x0', wishes: { since: { b: { netns: `net:[${inode}]` } } } },
    ])
    await until('it to leave the file', () => wanted(daemon).length === 0)
  })

  test('do not hold one that was ended from outside', async () => {
    await using daemon = await TestDaemon.start(...STATE)
    using left = Netns.create('left')
    await add(
      daemon,
      { a: { name: 'x0' }, b: { name: 'x1' } },
      { a: { name: 'y0', netns: left.name }, b: { name: 'y1' } },
      { a: { name: 'z0' } },
    )
    daemon.home.ip('link', 'del', 'x1')
    left.delete()
    await until('both to leave the file', () => wanted(daemon).join() === 'z0')
  })
})

describe('a pair that cannot be made again', () => {
  test('is reported, waits for its namespace, and the others start', async () => {
    await using daemon = await TestDaemon.start(...STATE)
    using left = Netns.create('left')
    await add(
      daemon,
      { a: { name: 'x0', netns: left.name, up: true }, b: { name: 'x1' } },
      { a: { name: 'y0' }, b: { name: 'y1' } },
    )
    await daemon.stop()
    run('ip', 'netns', 'del', left.name)
    await daemon.restart()
    expect(await ids(daemon)).toEqual(['y0'])
    const { json } = await daemon.ask('GET', '/v1/health')
    expect(json).toMatchObject({
      status: 'degraded',
      state: { pending: [{ id: 'x0', error: expect.stringContaining(left.name) }] },
    })
    const health = await uvethOnce(['health', '--socket', daemon.socket])
    expect(health).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/degraded: .*x0 not restored: ENOENT/),
    })
    expect(daemon.program.stdout).toMatch(/"pair":"x0".*could not be restored/)
    expect(wanted(daemon).sort()).toEqual(['x0', 'y0'])
    run('ip', 'netns', 'add', left.name)
    await until('the pair to be there', async () => (await ids(daemon)).join() === 'x0,y0')
    expect((await daemon.ask('GET', '/v1/health')).json.status).toBe('ok')
    expect((await daemon.ask('GET', '/v1/pairs/x0')).json.a).toMatchObject({ netns: left.name, up: true })
  })

  test('can be given up, and its id used for another', async () => {
    await using daemon = await TestDaemon.start(...STATE)
    using left = Netns.create('left')
    await add(
      daemon,
      { id: 'one', a: { name: 'x0', netns: left.name } },
      { id: 'two', a: { name: 'y0', netns: left.name } },
    )
    await daemon.stop()
    left.delete()
    await daemon.restart()
    expect(wanted(daemon).sort()).toEqual(['one', 'two'])
    expect((await daemon.ask('DELETE', '/v1/pairs/id:one')).status).toBe(204)
    expectProblem(await daemon.ask('DELETE', '/v1/pairs/id:one'), 404, { code: 'ENODEV' })
    expect((await daemon.ask('PUT', '/v1/pairs/two', { a: { name: 'z0' } })).status).toBe(201)
    expect(wanted(daemon)).toEqual(['two'])
    expect((await daemon.ask('GET', '/v1/health')).json).toMatchObject({
      status: 'ok',
      state: { pending: [] },
    })
  })
})
