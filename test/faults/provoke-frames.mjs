// Provoked faults of what carries and holds frames: a process that stands still, memory that is refused, queues of
// strangers, changes that must lose nothing. provoke.mjs runs them.

import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { addressSpaceOf, expect, expectAlive, Impossible, wait, withBed, withFlows } from './bed.mjs'

/** @import { Fault } from './provoke.mjs' */
/** @import { Bed } from './bed.mjs' */

const run = promisify(execFile)
const MIB = 1 << 20
/** ms. A worker that did not answer an order for 5 s was once held for dead. */
const STILL = 5_500
/** Holds whatever comes, for longer than anyone waits. */
const HOLD = { delay: '3600s', limit: 4_000_000_000, seed: 1 }

/** All that b's end of the second pair has had from a's. @param {any[]} counts */
const carriedBySecond = (counts) => counts[2].good

/**
 * A flood into a pair that holds everything; the other pair carries meanwhile, and afterwards.
 * @param {Bed} bed
 * @param {number} ms
 * @param {() => Promise<unknown>} [ready] when both are made
 */
async function flood(bed, ms, ready = async () => {}) {
  const long = { mtu: 9_000 }
  await bed.pair('held', { a: { impair: HOLD, ...long }, b: long })
  await bed.pair('other', { a: long, b: long })
  await ready()
  return await withFlows(bed, async ({ go, stop, counts }) => {
    const carried = async (/** @type {number} */ rate) => {
      const before = carriedBySecond(await counts())
      go(rate, 9_000)
      await wait(ms / 3)
      return carriedBySecond(await counts()) - before
    }
    const rounds = [await carried(8_000), await carried(8_000), await carried(8_000)]
    await stop()
    rounds.push(await carried(200))
    await stop()
    await expectAlive(bed, 2)
    expect(!rounds.includes(0), `the other pair carried ${rounds.join(', ')} frames`)
    const { a } = await bed.daemon.ask('GET', '/v1/pairs/id:held/stats')
    expect(a.drops.limit > 0, `${a.inspected.held} frames held, and none refused`)
    return `${a.inspected.held} frames held, ${a.drops.limit} dropped; the other pair carried ${rounds.join(', ')}`
  })
}

/** A new memory cgroup of so many bytes: its folder. @param {number} bytes */
function memoryGroup(bytes) {
  const one = '/sys/fs/cgroup/memory'
  const [parent, limit] = existsSync(`${one}/memory.limit_in_bytes`)
    ? [one, 'memory.limit_in_bytes']
    : ['/sys/fs/cgroup', 'memory.max']
  const group = `${parent}/uvf${process.pid}`
  try {
    mkdirSync(group)
    writeFileSync(`${group}/${limit}`, String(bytes))
  } catch (error) {
    if (existsSync(group)) rmdirSync(group)
    throw new Impossible(`no memory cgroup can be made here (${/** @type {Error} */ (error).message})`)
  }
  return group
}

/** The kernel may not be done yet with what was in it. @param {string} group */
async function removeGroup(group) {
  for (let n = 0; existsSync(group) && n < 250; n++, await wait(20)) {
    try {
      rmdirSync(group)
    } catch {
      // once more
    }
  }
}

/**
 * Traffic of two flows while `change` is made; then what was lost uncounted, and what came out of order.
 * @param {object} options of the pair
 * @param {(bed: Bed) => Promise<void>} change
 * @param {number} [rate] frames a second, of each flow
 * @returns {Promise<{ uncounted: number, late: number, sent: number }>}
 */
async function underTraffic(options, change, rate = 2_000) {
  return await withBed(async (bed) => {
    await bed.pair('p', options)
    return await withFlows(bed, async ({ go, stop, counts }) => {
      go(rate)
      await wait(200)
      await change(bed)
      await wait(200)
      await stop()
      for (let held = 1; held > 0; await wait(200))
        held = (await bed.daemon.ask('GET', '/v1/pairs/id:p/stats')).a.inspected.held
      const [a] = await counts()
      const stats = (await bed.daemon.ask('GET', '/v1/pairs/id:p/stats')).a
      const sent = a.raw + a.udp + a.full
      return { uncounted: sent - stats.tx_dropped - a.good, late: a.late, sent }
    })
  })
}

// Joins a queue to a TAP that has several, as anyone with CAP_NET_ADMIN in its namespace can, and stays.
const STRANGER = `
import fcntl, struct, sys, time
tun = open('/dev/net/tun', 'r+b', buffering=0)
fcntl.ioctl(tun, 0x400454ca, struct.pack('16sH22x', sys.argv[1].encode(), 0x0002 | 0x1000 | 0x4000 | 0x0100))
fcntl.ioctl(tun, 0x400454cb, 1)
print('joined', flush=True)
time.sleep(60)
`

/** @type {Fault[]} */
export const FRAME_FAULTS = [
  {
    name: 'standing-still',
    kind: 'slowness',
    title: 'the daemon stopped for 5.5 s while an end flaps',
    act: () =>
      withBed(async (bed) => {
        await bed.pair('well')
        await bed.pair('flap')
        const flaps = 'while :; do echo link set flapa down; echo link set flapa up; done | ip -batch -'
        const child = spawn('ip', ['netns', 'exec', bed.left, 'sh', '-c', flaps], {
          detached: true,
          stdio: 'ignore',
        })
        try {
          await wait(150)
          process.kill(bed.daemon.pid, 'SIGSTOP')
          await wait(STILL)
          process.kill(bed.daemon.pid, 'SIGCONT')
          await wait(300)
        } finally {
          process.kill(-(child.pid ?? 0), 'SIGKILL')
        }
        await expectAlive(bed, 2)
        return 'both pairs go on'
      }),
  },
  {
    name: 'long-drain',
    kind: 'slowness',
    title: 'a queue of 200,000 frames drained while 40 captures see it',
    slow: true,
    act: () =>
      withBed(async (bed) => {
        await bed.pair('long', { a: { txQueueLength: 200_000 } })
        await bed.pair('other')
        const captures = await Promise.all(
          Array.from({ length: 40 }, () => bed.daemon.open('/v1/pairs/id:long/capture')),
        )
        await withFlows(bed, async ({ go, stop }) => {
          process.kill(bed.daemon.pid, 'SIGSTOP')
          go(8_000)
          await wait(6_000)
          await stop()
          process.kill(bed.daemon.pid, 'SIGCONT')
          for (let n = 0; n < 4; n++) {
            await bed.daemon.ask('PATCH', '/v1/pairs/id:long', { carrier: n % 2 === 0 ? 'off' : 'auto' })
          }
        })
        for (const capture of captures) capture.destroy()
        await expectAlive(bed, 2)
        return 'both pairs go on'
      }),
  },
  {
    name: 'refused-memory',
    kind: 'memory',
    title: 'frames held without end, 300 MiB of address space left',
    slow: true,
    act: () =>
      withBed(async (bed) => {
        const bound = async () => {
          const bytes = addressSpaceOf(bed.daemon.pid) + 300 * MIB
          await run('prlimit', ['--pid', String(bed.daemon.pid), `--as=${bytes}`])
        }
        return await flood(bed, 12_000, bound)
      }),
  },
  {
    name: 'memory-cgroup',
    kind: 'memory',
    title: 'frames held without end in a memory cgroup of 300 MB',
    slow: true,
    async act() {
      const group = memoryGroup(300_000_000)
      const enter = `echo $$ >${group}/cgroup.procs && exec "$@"`
      try {
        return await withBed((bed) => flood(bed, 20_000), { before: ['sh', '-c', enter, 'sh'] })
      } finally {
        await removeGroup(group)
      }
    },
  },
  {
    name: 'queue-length',
    kind: 'frames',
    title: 'txQueueLength changed under traffic, to and fro',
    async act() {
      const path = '/v1/pairs/id:p'
      const set = async (/** @type {Bed} */ { daemon }, /** @type {number} */ n) => {
        await daemon.ask('PATCH', path, { a: { txQueueLength: n % 2 === 0 ? 1 : 1_000 } })
        return Number(/at most (\d+) that waited are lost/.exec(daemon.warning)?.[1] ?? 0)
      }
      let told = 0
      const open = await underTraffic(
        {},
        async (bed) => {
          for (let n = 0; n < 100; n++) told += await set(bed, n)
        },
        8_000,
      )
      // From the default of 8,192 first.
      const most = 8_191 + 49 * 999
      expect(told === most, `${told} are told to be lost at most, not ${most}`)
      expect(open.uncounted >= 0 && open.uncounted <= told, `${open.uncounted} lost uncounted`)
      const shut = await underTraffic(
        {},
        async (bed) => {
          for (let n = 0; n < 50; n++) {
            await bed.daemon.ask('PATCH', path, { carrier: 'off' })
            told += await set(bed, n)
            await bed.daemon.ask('PATCH', path, { carrier: 'auto' })
          }
        },
        8_000,
      )
      expect(told === most, 'a loss is told where there is none')
      expect(shut.uncounted === 0, `${shut.uncounted} of ${shut.sent} lost uncounted, with carrier off`)
      return `${open.uncounted} of ${open.sent} frames lost uncounted, each answer says how many at most; with carrier off none of ${shut.sent}`
    },
  },
  {
    name: 'overtaken',
    kind: 'frames',
    title: 'a delay taken away, replaced and shortened under traffic',
    async act() {
      const { uncounted, late, sent } = await underTraffic(
        { a: { impair: { delay: '80ms', seed: 1 } } },
        async ({ daemon, left }) => {
          const path = `/v1/ends/${encodeURIComponent(`pa@${left}`)}/impair`
          for (const wish of [
            { delay: '40ms', seed: 1 },
            { delay: '10ms', seed: 1 },
            { loss: 0, seed: 1 },
          ]) {
            await daemon.ask('PUT', path, wish)
            await wait(60)
          }
          await daemon.ask('DELETE', path)
        },
      )
      expect(uncounted === 0, `${uncounted} of ${sent} frames lost that no counter has`)
      expect(late === 0, `${late} of ${sent} frames out of order`)
      return `${sent} frames, none out of order`
    },
  },
  {
    name: 'strange-queue',
    kind: 'frames',
    title: "a stranger joins a queue to a pair's end, and asks that it persist",
    act: () =>
      withBed(
        async (bed) => {
          await bed.pair('p', { queues: 2 })
          const python = ['netns', 'exec', bed.left, 'python3', '-c', STRANGER, 'pa']
          const child = spawn('ip', python, { stdio: ['ignore', 'pipe', 'pipe'] })
          const first = await new Promise((resolve) => {
            child.stdout.once('data', resolve)
            child.once('exit', () => resolve(''))
          })
          try {
            if (String(first) === '') return 'refused by the kernel'
            await wait(500)
            const metrics = await bed.daemon.ask('GET', '/metrics')
            expect(/queue[^\n]*pa[^\n]* [1-9]/.test(metrics), 'nothing says that a stranger takes frames')
            await bed.daemon.ask('DELETE', '/v1/pairs/id:p')
            child.kill('SIGKILL')
            await wait(200)
            const links = (await run('ip', ['-n', bed.left, '-br', 'link'])).stdout
            expect(!links.includes('pa'), 'the interface stays after DELETE')
            return 'told, and removed'
          } finally {
            child.kill('SIGKILL')
            await run('ip', ['-n', bed.left, 'link', 'del', 'pa']).catch(() => {})
          }
        },
        { words: ['--workers', '2'] },
      ),
  },
]
