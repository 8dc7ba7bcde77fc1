// Provoked faults of neighbours: what one user does to his own pair, or over the socket, may delay another pair's orders
// by 50 ms at most, and take a bounded share of the daemon. Each is measured against the same load elsewhere or against
// nothing, by the best of three, since a busy machine has bad moments. provoke.mjs runs them.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { ip } from '../bench/testbed.mjs'
import { delaysOf, expect, expectAlive, quantile, residentOf, wait, withBed } from './bed.mjs'
import { Refused } from './ground.mjs'

/** @import { Fault } from './provoke.mjs' */
/** @import { Bed } from './bed.mjs' */

/** ms that a neighbour may cost. */
const MOST = 50
const TRIES = 3
const NETLINK_PORT = 0x40000000 + process.pid

/** @param {string} place @param {string[]} words @returns {() => Promise<void>} how to end it */
function inside(place, words) {
  const child = spawn('ip', ['netns', 'exec', place, ...words], { detached: true, stdio: 'ignore' })
  const ended = once(child, 'exit')
  return async () => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL')
    await ended
  }
}

/** @param {string} place @param {string} name */
function flapping(place, name) {
  const flaps = `while :; do echo link set ${name} down; echo link set ${name} up; done | ip -batch -`
  return inside(place, ['sh', '-c', flaps])
}

/** @typedef {(bed: Bed) => Promise<() => Promise<void>>} Begin begins something, and answers how to end it */

/**
 * The orders of the pair `well` while `mischief` is under way, against those while `elsewhere` is.
 * @param {Bed} bed
 * @param {Begin} mischief
 * @param {Begin} elsewhere
 */
async function undelayed(bed, mischief, elsewhere = async () => async () => {}) {
  const measure = async (/** @type {Begin} */ begin) => {
    const end = await begin(bed)
    await wait(100)
    const delays = await delaysOf(bed.daemon, 'well').finally(end)
    return quantile(delays, 0.95)
  }
  let least = Number.POSITIVE_INFINITY
  for (let n = 0; n < TRIES; n++) {
    const without = await measure(elsewhere)
    const more = (await measure(mischief)) - without
    least = Math.min(least, more)
    if (least <= MOST) return `another's orders: ${Math.max(0, least).toFixed(0)} ms more`
  }
  throw new Error(`another's orders are delayed by ${least.toFixed(0)} ms more`)
}

/** @param {Begin} mischief @param {Begin} [elsewhere] @param {string[]} [words] */
function beside(mischief, elsewhere, words) {
  return () =>
    withBed(
      async (bed) => {
        await bed.pair('well')
        await bed.pair('bad')
        const seen = await undelayed(bed, mischief, elsewhere)
        await expectAlive(bed, 2)
        return seen
      },
      { words },
    )
}

/** Orders that are given until they are refused: how many were not. @param {number} most @param {() => Promise<unknown>} order */
async function untilRefused(most, order) {
  for (let n = 0; n < most; n++) {
    try {
      await order()
    } catch (error) {
      if (error instanceof Refused && error.status >= 400 && error.status < 500)
        return { n, text: error.message }
      throw error
    }
  }
  throw new Error(`${most} are taken, and nothing refuses more`)
}

// Messages to a port, from one socket after another, as fast as it goes.
const FLOOD = `
import socket, struct, sys
port = int(sys.argv[1])
while True:
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 2)
    s.setblocking(False)
    for n in range(200):
        try: s.sendto(struct.pack('IHHII', 20, 0x13, 5, n, 0) + bytes(4), (port, 0))
        except OSError: pass
    s.close()
`

/** @type {Fault[]} */
export const NEIGHBOUR_FAULTS = [
  {
    name: 'flapping-end',
    kind: 'neighbours',
    title: 'an end flaps as fast as ip can; compared with a loopback that does',
    act: beside(
      async ({ left }) => flapping(left, 'bada'),
      async ({ left }) => flapping(left, 'lo'),
    ),
  },
  {
    name: 'dormant',
    kind: 'neighbours',
    slow: true,
    title: 'an end is set dormant, and goes down and up',
    act: beside(async ({ left }) => {
      await ip('-n', left, 'link', 'set', 'bada', 'mode', 'dormant')
      const end = inside(left, [
        'sh',
        '-c',
        'while :; do ip link set bada down; ip link set bada up; sleep 0.1; done',
      ])
      return async () => {
        await end()
        await ip('-n', left, 'link', 'set', 'bada', 'mode', 'default')
      }
    }),
  },
  {
    name: 'flap-orders',
    kind: 'neighbours',
    title: '60 flaps of 1 ms, each a million times, ordered at once',
    act: beside(async ({ daemon }) => {
      const flap = () => daemon.ask('POST', '/v1/pairs/id:bad/flap', { ms: 1, times: 1_000_000 })
      let over = false
      void Promise.allSettled(Array.from({ length: 60 }, flap)).then(() => {
        over = true
      })
      return async () => {
        // Ends the one that is under way; the next one begins.
        while (!over) await daemon.ask('PATCH', '/v1/pairs/id:bad', { carrier: 'auto' })
      }
    }),
  },
  {
    name: 'netlink-flood',
    kind: 'neighbours',
    title: 'netlink messages without end by nobody',
    act: beside(
      async () => {
        const nobody = ['--reuid', '65534', '--clear-groups', 'python3', '-c', FLOOD, String(NETLINK_PORT)]
        const child = spawn('setpriv', nobody, { stdio: 'ignore' })
        const ended = once(child, 'exit')
        return async () => {
          child.kill('SIGKILL')
          await ended
        }
      },
      undefined,
      ['--netlink', String(NETLINK_PORT)],
    ),
  },
  {
    name: 'many-rules',
    kind: 'limits',
    title: 'rules on one end without end',
    slow: true,
    act: () =>
      withBed(async (bed) => {
        await bed.pair('bad')
        const path = `/v1/ends/${encodeURIComponent(`bada@${bed.left}`)}/rules`
        const rule = (/** @type {number} */ n) => ({
          action: { kind: 'drop' },
          match: { udp: { dport: 1 + (n % 60_000) } },
        })
        let at = 0
        const { n, text } = await untilRefused(20_000, () => bed.daemon.ask('POST', path, rule(at++)))
        return `refused after ${n}: ${text.slice(0, 120)}`
      }),
  },
  {
    name: 'many-captures',
    kind: 'limits',
    title: 'captures of one pair without end',
    slow: true,
    act: () =>
      withBed(async (bed) => {
        await bed.pair('bad')
        const open = async () => {
          const answer = await bed.daemon.open('/v1/pairs/id:bad/capture')
          if (answer.statusCode !== 200) throw new Refused(answer.statusCode ?? 0, answer.statusMessage ?? '')
          expect(residentOf(bed.daemon.pid) < 1_500, 'they take more than 1.5 GiB')
        }
        const { n } = await untilRefused(300, open)
        return `refused after ${n}, at ${Math.round(residentOf(bed.daemon.pid))} MiB`
      }),
  },
  {
    name: 'deaf-listeners',
    kind: 'limits',
    title: '100 listeners for events that do not read, and 3,000 events',
    slow: true,
    act: () =>
      withBed(async (bed) => {
        await bed.pair('bad')
        const before = residentOf(bed.daemon.pid)
        const streams = []
        for (let n = 0; n < 100; n++) streams.push(await bed.daemon.open('/v1/events').catch(() => undefined))
        for (let n = 0; n < 1_500; n++)
          await bed.daemon.ask('PATCH', '/v1/pairs/id:bad', { carrier: n % 2 ? 'auto' : 'off' })
        const more = residentOf(bed.daemon.pid) - before
        for (const stream of streams) stream?.destroy()
        expect(more < 100, `${more.toFixed(0)} MiB for what they do not read`)
        return `${more.toFixed(0)} MiB more`
      }),
  },
  {
    name: 'deep-json',
    kind: 'limits',
    title: 'JSON nested 100,000 deep, and 50,000 addresses in one order',
    act: () =>
      withBed(async (bed) => {
        await bed.pair('well')
        const many = Array.from(
          { length: 50_000 },
          (_, n) => `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}/32`,
        )
        const bodies = ['['.repeat(100_000) + ']'.repeat(100_000), JSON.stringify({ a: { addresses: many } })]
        for (const body of bodies) {
          const status = await statusOf(bed.daemon.socket, body)
          expect(status >= 400 && status < 500, `answered with ${status}`)
        }
        await expectAlive(bed)
        return 'refused'
      }),
  },
  {
    name: 'metrics-of-many',
    kind: 'limits',
    title: '/metrics of 150 pairs, again and again',
    slow: true,
    act: () =>
      withBed(async (bed) => {
        await bed.pair('well')
        for (let n = 0; n < 150; n++) await bed.pair(`m${n}`)
        return await undelayed(bed, async ({ daemon }) => {
          let going = true
          const scraping = (async () => {
            while (going) await daemon.ask('GET', '/metrics')
          })()
          return async () => {
            going = false
            await scraping
          }
        })
      }),
  },
]

/** @param {string} socketPath @param {string} body @returns {Promise<number>} */
async function statusOf(socketPath, body) {
  for (let tries = 1; ; tries++) {
    try {
      return await statusOnce(socketPath, body)
    } catch (error) {
      // Refused before it has come whole: whether the answer is read before the pipe breaks is chance.
      if (tries === 20 || !['EPIPE', 'ECONNRESET'].includes(String(Object(error).code))) throw error
    }
  }
}

/** @param {string} socketPath @param {string} body @returns {Promise<number>} */
function statusOnce(socketPath, body) {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' }
    const order = request({ socketPath, method: 'POST', path: '/v1/pairs', headers }, (answer) => {
      answer.resume()
      resolve(answer.statusCode ?? 0)
    })
    order.on('error', reject).end(body)
  })
}
