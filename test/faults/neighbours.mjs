// What neighbours do while the soak's pairs carry frames: on a pair of their own, or over the daemon's socket. None of it
// may show in the books of another pair. Each ends what it began.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { ip } from '../bench/testbed.mjs'

/** @import { Daemon } from './ground.mjs' */
/** @typedef {{ daemon: Daemon, place: string, name: string, ms: number }} Mischief `name`: an end of theirs in `place` */

const wait = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** @type {Record<string, (mischief: Mischief) => Promise<void>>} */
export const NEIGHBOURS = {
  async 'an end flaps as fast as ip can'({ place, name, ms }) {
    const flaps = `while :; do echo link set ${name} down; echo link set ${name} up; done | ip -batch -`
    const child = spawn('ip', ['netns', 'exec', place, 'sh', '-c', flaps], {
      stdio: 'ignore',
      detached: true,
    })
    const ended = once(child, 'exit')
    await wait(ms)
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    await ended
    await ip('-n', place, 'link', 'set', name, 'up')
  },
  async 'an end is set dormant'({ place, name, ms }) {
    await ip('-n', place, 'link', 'set', name, 'mode', 'dormant')
    await ip('-n', place, 'link', 'set', name, 'down')
    await ip('-n', place, 'link', 'set', name, 'up')
    await wait(ms)
    await ip('-n', place, 'link', 'set', name, 'mode', 'default')
  },
  async '500 rules'({ daemon, place, name }) {
    const path = `/v1/ends/${encodeURIComponent(`${name}@${place}`)}/rules`
    for (let n = 0; n < 500; n++) {
      await daemon.ask('POST', path, { action: { kind: 'drop' }, match: { udp: { dport: 1_000 + n } } })
    }
    await daemon.ask('DELETE', path)
  },
  async 'listeners that do not read'({ daemon, ms }) {
    const streams = await Promise.all(Array.from({ length: 20 }, () => daemon.open('/v1/events')))
    await wait(ms)
    for (const stream of streams) stream.destroy()
  },
  async 'garbage over the socket'({ daemon }) {
    for (let n = 0; n < 30; n++) {
      const socket = connect(daemon.socket)
      socket.on('error', () => {})
      socket.write(
        n % 2 === 0
          ? Buffer.alloc(4_096, n)
          : `PATCH /v1/pairs HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n`,
      )
      await wait(5)
      socket.destroy()
    }
  },
}
