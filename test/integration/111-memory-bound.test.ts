// No memory is a drop, not an end: a daemon in a memory cgroup of 400 MB, or with an address space that is used up, is
// ordered to hold everything for an hour, and flooded. It lives, its other pair holds what it is to hold, and what was
// held is given back.

import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { expect } from 'vitest'
import { TestDaemon } from '../support/daemon.js'
import { ETH_P, ethernet, filler } from '../support/frames.js'
import { until } from '../support/netns.js'
import { patient } from '../support/pace.js'
import { PacketSocket } from '../support/packet.js'
import { needs } from '../support/skip.js'

const MEBIBYTE = 2 ** 20
const HOUR = { delay: 3_600_000, limit: 4_000_000_000, seed: 1 }
const LONG = ethernet(ETH_P.EXPERIMENT, filler(1_486))

/** A memory cgroup, gone with its scope: what is in it has ended by then. */
class Cgroup implements Disposable {
  readonly path = `/sys/fs/cgroup/memory/uvt-${process.pid}`

  constructor(bytes: number) {
    mkdirSync(this.path)
    writeFileSync(`${this.path}/memory.limit_in_bytes`, String(bytes))
  }

  add(pid: number): void {
    writeFileSync(`${this.path}/cgroup.procs`, String(pid))
  }

  [Symbol.dispose](): void {
    rmdirSync(this.path)
  }
}

const field = (pid: number, name: string) =>
  1024 *
  Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])

async function makePair(daemon: TestDaemon, id: string, impair: object): Promise<void> {
  const wish = { a: { name: `${id}0`, up: true, impair }, b: { name: `${id}1`, up: true } }
  expect((await daemon.ask('PUT', `/v1/pairs/${id}`, wish)).status).toBe(201)
}

/** Sends until the daemon has received so many frames of the end. */
async function flood(daemon: TestDaemon, id: string, frames: number): Promise<void> {
  using sender = PacketSocket.open(daemon.home, `${id}0`)
  await until(`${frames} frames of ${id}`, async () => {
    for (let n = 0; n < 500; n++) sender.send(LONG)
    const { drops, inspected } = (await statsOf(daemon, id)).a
    return drops.limit + inspected.held >= frames
  })
}

// biome-ignore lint/suspicious/noExplicitAny: as the daemon has answered
async function statsOf(daemon: TestDaemon, id: string): Promise<any> {
  return (await daemon.ask('GET', `/v1/pairs/${id}/stats`)).json
}

const memoryOf = async (daemon: TestDaemon) => (await daemon.ask('GET', '/v1/health')).json.memory

needs(
  'root',
  'tun',
  'netns',
  'ip',
  'memory-cgroup',
)(
  'a flood that is to be held for an hour, in a memory cgroup of 400 MB',
  { timeout: patient(300_000) },
  async () => {
    using cgroup = new Cgroup(400 * MEBIBYTE)
    await using daemon = await TestDaemon.start('--memory', '100mb')
    const { pid } = daemon.program
    cgroup.add(pid)
    await makePair(daemon, 'flood', HOUR)
    await makePair(daemon, 'other', HOUR)
    await flood(daemon, 'flood', 40_000)
    const { used, bound, refused } = await memoryOf(daemon)
    expect([bound, refused > 0]).toEqual([100 * MEBIBYTE, true])
    expect(used).toBeLessThanOrEqual(bound / 2)
    // There is something left for another one.
    await flood(daemon, 'other', 5_000)
    expect((await statsOf(daemon, 'other')).a).toMatchObject({ drops: { limit: 0 } })
    const full = field(pid, 'VmRSS')
    expect((await daemon.ask('DELETE', '/v1/pairs/flood')).status).toBe(204)
    expect((await memoryOf(daemon)).used).toBeLessThan(20 * MEBIBYTE)
    expect(field(pid, 'VmRSS')).toBeLessThan(full - 30 * MEBIBYTE)
    expect((await statsOf(daemon, 'other')).a.inspected.held).toBeGreaterThanOrEqual(5_000)
  },
)

needs(
  'root',
  'tun',
  'netns',
  'ip',
)(
  'an allocation that is refused (prlimit --as) is a drop as well, and ends no pair',
  { timeout: patient(300_000) },
  async () => {
    await using daemon = await TestDaemon.start('--memory', '4gb')
    const { pid } = daemon.program
    await makePair(daemon, 'flood', HOUR)
    await makePair(daemon, 'other', {})
    const limit = field(pid, 'VmSize') + 160 * MEBIBYTE
    expect(spawnSync('prlimit', ['--pid', String(pid), `--as=${limit}`]).status).toBe(0)
    // More than there is address space for: 2 KiB each.
    await flood(daemon, 'flood', 110_000)
    const { drops, inspected } = (await statsOf(daemon, 'flood')).a
    expect(drops.limit).toBeGreaterThan(0)
    expect(inspected.held).toBeGreaterThan(1_000)
    expect((await daemon.ask('GET', '/v1/health')).json).toMatchObject({ status: 'ok', pairs: 2 })
    using sender = PacketSocket.open(daemon.home, 'other0')
    using receiver = PacketSocket.open(daemon.home, 'other1')
    sender.send(LONG)
    expect(await receiver.receive()).toBeDefined()
  },
)
