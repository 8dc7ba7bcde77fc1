// The daemon's life: one for each socket, found again after any end of the one before, gone with all of
// its pairs on SIGTERM, on SIGKILL, on request and when nobody needs it.

import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect } from 'vitest'
import { ask, COMMAND, Folder, inside, launchDaemon, TestDaemon } from '../support/daemon.js'
import { Netns, until } from '../support/netns.js'
import { patient } from '../support/pace.js'
import { type AnyMessages, Program, uvethOnce } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')

/** Makes `count` pairs, half of them up. */
async function fill(daemon: TestDaemon, count: number): Promise<void> {
  const made = Array.from({ length: count }, (_, index) =>
    daemon.ask('POST', '/v1/pairs', {
      a: { name: `l${index}`, up: index % 2 === 0 },
      b: { name: `r${index}` },
    }),
  )
  expect((await Promise.all(made)).map(({ status }) => status)).toEqual(Array(count).fill(201))
}

/** Interfaces beside the loopback. */
function links(netns: Netns): string[] {
  const all = JSON.parse(netns.ip('-json', 'link')) as { ifname: string }[]
  return all.map(({ ifname }) => ifname).filter((name) => name !== 'lo')
}

describe('misuse of the command', () => {
  const cases: [string[], RegExp][] = [
    [['--workers', '0'], /--workers must be a whole number from 1/],
    [['--workers', 'two'], /--workers must be a whole number/],
    [['--workers', '65'], /--workers must be a whole number from 1 to 64, not 65/],
    [['--netlink', 'maybe'], /--netlink must be a whole number/],
    [['--idle-exit', '-1'], /--idle-exit/],
    [['--log', 'loud'], /--log must be one of trace, debug/],
    [['now'], /what is 'now'\?/],
    [['--colour'], /--colour/],
  ]
  test.each(cases)('uveth daemon %j', async (words, complaint) => {
    const { code, stderr } = await uvethOnce(['daemon', ...words])
    expect(code).toBe(1)
    expect(stderr).toMatch(complaint)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })

  test('a socket path that the kernel would cut', async () => {
    using folder = new Folder()
    const { code, stderr } = await uvethOnce(['daemon', '--socket', folder.file('x'.repeat(100))])
    expect(code).toBe(1)
    expect(stderr).toMatch(/longer than 107 bytes/)
  })

  test('--stop and health without a daemon', async () => {
    using folder = new Folder()
    const stop = await uvethOnce(['daemon', '--stop', '--socket', folder.file('none')])
    const health = await uvethOnce(['health', '--socket', folder.file('none')])
    expect([stop.code, health.code]).toEqual([1, 1])
    expect(stop.stderr).toMatch(/no daemon listens there/)
    expect(health.stderr).toMatch(/no daemon listens there/)
  })
})

describe('its socket', () => {
  test('is for root and its group alone', async () => {
    await using daemon = await TestDaemon.start()
    expect(statSync(daemon.socket).mode & 0o777).toBe(0o660)
  })

  test('is taken by one daemon; a second one names the first and changes nothing', async () => {
    await using daemon = await TestDaemon.start()
    await fill(daemon, 1)
    await using second = launchDaemon(daemon.home, daemon.socket)
    const { code, stderr } = await second.end()
    expect(code).toBe(1)
    expect(stderr).toContain(`(pid ${daemon.program.pid})`)
    expect((await daemon.ask('GET', '/v1/pairs')).json).toHaveLength(1)
  })

  test('is replaced when it is stale', async () => {
    await using daemon = await TestDaemon.start()
    await daemon.kill()
    expect(statSync(daemon.socket).isSocket()).toBe(true)
    await daemon.restart()
    expect((await daemon.ask('GET', '/v1/health')).status).toBe(200)
  })

  test('is left alone when another program listens on it, or when it is another kind of file', async () => {
    using home = Netns.create('home')
    using folder = new Folder()
    const taken = folder.file('taken')
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(taken, resolve))
    await using first = launchDaemon(home, taken)
    expect(await first.end()).toMatchObject({ code: 1, stderr: expect.stringMatching(/another program/) })
    await new Promise((resolve) => other.close(resolve))
    writeFileSync(folder.file('text'), 'precious')
    await using second = launchDaemon(home, folder.file('text'))
    expect(await second.end()).toMatchObject({ code: 1, stderr: expect.stringMatching(/is no socket/) })
    expect(readFileSync(folder.file('text'), 'utf8')).toBe('precious')
  })
})

describe('its end', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('%s removes every pair, in parallel', async (signal) => {
    await using daemon = await TestDaemon.start()
    await fill(daemon, 40)
    const since = performance.now()
    const { code } = await daemon.program.stop(signal)
    // One after the other, 80 interfaces take 19 ms each (test/kernel/17).
    expect(performance.now() - since).toBeLessThan(patient(1_500))
    expect(code).toBe(0)
    expect(links(daemon.home)).toEqual([])
    expect(existsSync(daemon.socket)).toBe(false)
  })

  test('by kill -9 leaves no interface, and the next one starts', async () => {
    await using daemon = await TestDaemon.start()
    await fill(daemon, 10)
    await daemon.kill()
    await until('no interfaces', () => links(daemon.home).length === 0)
    await daemon.restart()
    await fill(daemon, 10)
  })

  test('--stop returns when it has ended', async () => {
    await using daemon = await TestDaemon.start()
    await fill(daemon, 5)
    expect((await uvethOnce(['daemon', '--stop', '--socket', daemon.socket])).code).toBe(0)
    expect(links(daemon.home)).toEqual([])
    expect((await daemon.program.end()).code).toBe(0)
  })

  test('POST /v1/shutdown is answered before it ends', async () => {
    await using daemon = await TestDaemon.start()
    expect((await daemon.ask('POST', '/v1/shutdown')).status).toBe(202)
    expect((await daemon.program.end()).code).toBe(0)
  })

  test('comes by itself when it never has a pair', async () => {
    await using daemon = await TestDaemon.start('--idle-exit', '1')
    expect((await daemon.program.end()).code).toBe(0)
  })

  test('comes by itself after its last pair is gone, not before', async () => {
    await using daemon = await TestDaemon.start('--idle-exit', '1')
    await fill(daemon, 2)
    await sleep(1_500)
    expect((await daemon.ask('DELETE', '/v1/pairs/l0')).status).toBe(204)
    await sleep(1_500)
    expect((await daemon.ask('DELETE', '/v1/pairs/r1')).status).toBe(204)
    const since = performance.now()
    expect((await daemon.program.end()).code).toBe(0)
    expect(performance.now() - since).toBeGreaterThan(900)
  })
})

describe('systemd', () => {
  const notified = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'python3')
  const listener = `import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace('@', chr(0)))
print('bound', flush=True)
while True: print(s.recv(100).decode(), flush=True)`

  notified.each(['a path', 'an abstract name'])(
    'is told when it is ready and when it ends, at %s',
    async (kind) => {
      using home = Netns.create('home')
      using folder = new Folder()
      const path = kind === 'a path' ? folder.file('notify') : `@uvt-${process.pid}`
      const socket = folder.file('control.sock')
      // An abstract name belongs to a network namespace, so both stand in the same one.
      await using systemd = new Program<AnyMessages>(['python3', '-c', listener, path], {
        prefix: inside(home),
      })
      await systemd.line(/bound/)
      const command = [process.execPath, COMMAND, 'daemon', '--socket', socket]
      await using daemon = new Program<AnyMessages>(command, {
        prefix: inside(home),
        env: { NOTIFY_SOCKET: path },
      })
      await systemd.line(/^READY=1$/)
      expect((await ask(socket, 'GET', '/v1/health')).status).toBe(200)
      daemon.kill('SIGTERM')
      await systemd.line(/^STOPPING=1$/)
      expect((await daemon.end()).code).toBe(0)
    },
  )
})

test('an idle one hardly ever wakes', async () => {
  await using daemon = await TestDaemon.start()
  await daemon.ask('POST', '/v1/pairs', { quiet: true })
  const wakes = () =>
    readdirSync(`/proc/${daemon.program.pid}/task`)
      .map((task) => readFileSync(`/proc/${daemon.program.pid}/task/${task}/status`, 'utf8'))
      .reduce((sum, text) => sum + Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(text)?.[1]), 0)
  await sleep(1_500) // what follows a start
  const before = wakes()
  await sleep(2_000)
  expect(wakes() - before).toBeLessThan(100)
})

test('killed with many pairs: the next one waits for their names, and says so', async () => {
  await using daemon = await TestDaemon.start()
  await fill(daemon, 60)
  daemon.program.kill('SIGKILL')
  const { pid } = daemon.program
  await until('its end to begin', () => !existsSync(`/proc/${pid}/exe`))
  await daemon.restart()
  await fill(daemon, 60) // EEXIST, if one of them were still there
  const { stdout } = await daemon.stop()
  // Where Node starts more slowly than the kernel removes 120 interfaces there is nothing to wait for.
  if (patient(1) < 2) expect(stdout).toContain(`"waitsFor":"${pid}"`)
})

describe('its log', () => {
  test('has a line for what happens to each pair', async () => {
    await using daemon = await TestDaemon.start()
    await fill(daemon, 1)
    await daemon.ask('DELETE', '/v1/pairs/l0')
    const { stdout } = await daemon.stop()
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    const ours = lines.filter(({ pair }) => pair === 'l0').map(({ msg }) => msg)
    expect(ours[0]).toBe('pair added')
    expect(ours.at(-1)).toBe('pair removed')
  })

  test('says of a change what changed: 300 rules are no longer than their orders', async () => {
    await using daemon = await TestDaemon.start()
    await fill(daemon, 1)
    const rule = { action: { kind: 'drop' }, match: { arp: {} } }
    for (let n = 0; n < 300; n++) await daemon.ask('POST', '/v1/ends/l0/rules', rule)
    await daemon.ask('PATCH', '/v1/ends/l0', { mtu: 1400 })
    await daemon.ask('DELETE', '/v1/ends/l0/rules/7')
    await daemon.ask('DELETE', '/v1/ends/l0/rules')
    const { stdout } = await daemon.stop()
    expect(stdout.length).toBeLessThan(100_000)
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const changes = lines.filter(({ msg }) => msg === 'pair changed').map(({ change }) => change)
    expect(changes[0]).toEqual({ a: { ruleAdded: { id: 1, ...rule } } })
    expect(changes.slice(300)).toEqual([
      { a: { mtu: 1400 } },
      { a: { ruleRemoved: 7 } },
      { a: { rulesRemoved: 299 } },
    ])
  })

  test('whom nobody reads stops no order, and does not keep the daemon from its end', async () => {
    using folder = new Folder()
    const socket = folder.file('control.sock')
    const words = [COMMAND, 'daemon', '--socket', socket]
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] })
    child.stdout.pause()
    const ended = new Promise((resolve) => child.once('exit', resolve))
    await until('it to listen', () => existsSync(socket))
    await ask(socket, 'POST', '/v1/pairs', { id: 'cable' })
    for (let n = 0; n < 4_000; n++) {
      const { status } = await ask(socket, 'PATCH', '/v1/pairs/cable', { carrier: 'auto' })
      expect(status).toBe(200)
    }
    await ask(socket, 'POST', '/v1/shutdown')
    expect(await ended).toBe(0)
  })
})
