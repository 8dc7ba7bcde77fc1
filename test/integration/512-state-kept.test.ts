// --state FILE: seeds go on where they were. Where others or the disk are in its way: one daemon for each file, and
// what a full disk means for orders and for a start.

import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { expect } from 'vitest'
import { Folder, inside, launchDaemon, TestDaemon } from '../support/daemon.js'
import { marked } from '../support/hooks.js'
import { until } from '../support/netns.js'
import { PacketSocket } from '../support/packet.js'
import { uvethOnce } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')

const idsOf = (pairs: { id: string }[]) => pairs.map(({ id }) => id).sort()
const wanted = (file: string) => idsOf(JSON.parse(readFileSync(file, 'utf8')).pairs)

test('a pair loses, after SIGTERM and a restart, the frames that its seed would have hit', async () => {
  await using daemon = await TestDaemon.start('--state', 'FOLDER/state.json')
  const impair = { loss: { random: 50 }, seed: 11 }
  const wish = {
    id: 'cable',
    quiet: true,
    a: { name: 'x0', up: true, impair },
    b: { name: 'x1', up: true },
  }
  await daemon.ask('POST', '/v1/pairs', wish)
  /** Frames lost so far, after each that is sent. */
  const send = async (from: number, to: number): Promise<number[]> => {
    const lost: number[] = []
    const socket = PacketSocket.open(daemon.home, 'x0')
    for (let mark = from; mark < to; mark++) {
      socket.send(marked(mark))
      await until('it to be judged', async () => {
        const { a } = (await daemon.ask('GET', '/v1/pairs/id:cable/stats')).json
        lost[mark - from] = a.drops.loss
        return a.tx_packets + a.drops.loss > mark
      })
    }
    socket.close()
    return lost
  }
  const before = await send(0, 7)
  await daemon.stop()
  await daemon.restart()
  const both = [...before, ...(await send(7, 13))]
  // The same seed, from its first frame.
  await daemon.ask('DELETE', '/v1/pairs/id:cable')
  await daemon.ask('POST', '/v1/pairs', wish)
  expect(await send(0, 13)).toEqual(both)
})

test('a file that another daemon keeps its pairs in: the second one does not start', async () => {
  await using daemon = await TestDaemon.start('--state', 'FOLDER/state.json')
  await daemon.ask('POST', '/v1/pairs', { id: 'cable' })
  using folder = new Folder()
  symlinkSync(daemon.folder.path, folder.file('link'))
  for (const file of [daemon.folder.file('state.json'), folder.file('link/state.json')]) {
    await using other = launchDaemon(daemon.home, daemon.folder.file('other'), '--state', file)
    const { code, stderr } = await other.end()
    const pid = daemon.program.pid
    expect([code, stderr]).toEqual([1, `uveth: EBUSY: a daemon (pid ${pid}) keeps its pairs in '${file}'\n`])
  }
  expect(wanted(daemon.folder.file('state.json'))).toEqual(['cable'])
  await daemon.endWell()
})

test('a full disk: orders are in force and warned of, and a daemon starts from what is there', async () => {
  using disk = new Folder()
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=0700', 'uveth-test', disk.path])
  try {
    await using daemon = await TestDaemon.start('--state', disk.file('state.json'))
    await daemon.ask('POST', '/v1/pairs', { id: 'first' })
    const fill = () => writeFileSync(disk.file('fill'), Buffer.alloc(1 << 20))
    expect(fill).toThrow('ENOSPC')
    const rule = { action: { kind: 'drop' }, match: { arp: {} } }
    const warned =
      /^not kept in '.*state\.json', a restart will not know of it: ENOSPC: no space left on device/
    for (const [method, path, body, status] of [
      ['POST', '/v1/pairs', { id: 'second' }, 201],
      ['PUT', '/v1/pairs/third', {}, 201],
      ['PATCH', '/v1/pairs/second', { carrier: 'off' }, 200],
      ['POST', '/v1/ends/second/rules', rule, 201],
      ['DELETE', '/v1/pairs/third', undefined, 204],
    ] as const) {
      const answer = await daemon.ask(method, path, body)
      expect([path, answer.status]).toEqual([path, status])
      expect(decodeURIComponent(String(answer.headers['uveth-warning']))).toMatch(warned)
    }
    const told = await uvethOnce(['link', 'set', 'id:second', 'carrier', 'on'], {
      prefix: inside(daemon.home),
      env: { UVETH_SOCKET: daemon.socket },
    })
    expect(told).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^uveth: warning: not kept in .*\n$/),
    })
    expect((await daemon.ask('GET', '/v1/health')).json).toMatchObject({ status: 'degraded' })
    await daemon.kill()
    await daemon.restart()
    expect(idsOf((await daemon.ask('GET', '/v1/pairs')).json)).toEqual(['first'])
    rmSync(disk.file('fill'))
    const { status, headers } = await daemon.ask('POST', '/v1/pairs', { id: 'fourth' })
    expect([status, headers['uveth-warning']]).toEqual([201, undefined])
    expect(wanted(disk.file('state.json'))).toEqual(['first', 'fourth'])
    await daemon.stop()
  } finally {
    execFileSync('umount', [disk.path])
  }
})
