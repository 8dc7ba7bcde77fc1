// Provoked faults of the daemon's files: links that others plant, a full disk, states that are none or another's, a log
// that nobody reads or that grows. provoke.mjs runs them.

import { execFile, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, openSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, Impossible, refusalOf, wait } from './bed.mjs'
import { CLI, Daemon, folder, namespace } from './ground.mjs'

/** @import { Fault } from './provoke.mjs' */

const run = promisify(execFile)

/** What a daemon says that does not start. @param {Daemon} daemon */
async function startOf(daemon) {
  const said = await refusalOf(daemon.start())
  await daemon.end('SIGKILL')
  return said
}

/** @param {string} name a folder of ours that is a small file system @param {(path: string) => Promise<string>} body */
async function withSmallDisk(name, body) {
  const path = join(folder, name)
  mkdirSync(path, { mode: 0o700 })
  await run('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=0700', 'uveth-faults', path]).catch(() => {
    throw new Impossible('no tmpfs can be mounted here')
  })
  try {
    return await body(path)
  } finally {
    await run('umount', [path])
  }
}

function fillDisk(/** @type {string} */ path) {
  for (let n = 0; n < 64; n++) {
    try {
      writeFileSync(join(path, `full${n}`), Buffer.alloc(4_096))
    } catch {
      return
    }
  }
}

/** @type {Fault[]} */
export const FILE_FAULTS = [
  {
    name: 'planted-link',
    kind: 'files',
    title: "links planted where the daemon's files go",
    async act() {
      const path = join(folder, 'planted')
      const target = join(folder, 'of-root')
      mkdirSync(path)
      chmodSync(path, 0o1777)
      writeFileSync(target, 'precious')
      const daemon = new Daemon('planted/d', ['--state', join(path, 'state.json')])
      for (const file of ['d.sock.lock', 'd.lock', 'state.json.new', 'd.log'])
        symlinkSync(target, join(path, file))
      const said = await startOf(daemon)
      expect(readFileSync(target, 'utf8') === 'precious', "root's file was written to")
      expect(said !== '', 'a daemon starts in a folder that others may write to')
      return 'refused, nothing written'
    },
  },
  {
    name: 'full-disk',
    kind: 'files',
    title: 'the disk of the state file is full',
    act: () =>
      withSmallDisk('disk', async (path) => {
        const words = ['--state', join(path, 'state.json')]
        const daemon = await new Daemon('full', words).start()
        try {
          const place = await namespace('full')
          const wish = (/** @type {string} */ id) => ({
            id,
            a: { name: `${id}a`, netns: place },
            b: { name: `${id}b`, netns: place },
          })
          await daemon.ask('POST', '/v1/pairs', wish('one'))
          fillDisk(path)
          await daemon.ask('POST', '/v1/pairs', wish('two'))
          expect(daemon.warning !== '', 'an order that could not be saved is answered as if it were')
          await daemon.end('SIGKILL')
          await daemon.start()
          const { pairs } = await daemon.ask('GET', '/v1/health')
          expect(pairs >= 1, 'what was saved before did not come back')
          return 'told; what was saved came back'
        } finally {
          await daemon.end('SIGKILL')
        }
      }),
  },
  {
    name: 'state-of-two',
    kind: 'files',
    title: 'two daemons on one state file',
    async act() {
      const words = ['--state', join(folder, 'of-two.json')]
      const one = await new Daemon('one', words).start()
      const said = await startOf(new Daemon('two', words))
      await one.end()
      expect(said !== '', 'a second daemon uses the same state file')
      return 'the second is refused'
    },
  },
  {
    name: 'null-in-state',
    kind: 'files',
    title: 'null, numbers and nothing in the state file',
    async act() {
      const file = join(folder, 'null.json')
      for (const text of [
        'null',
        '[null]',
        '{"version":1,"pairs":[null]}',
        '{"version":1,"pairs":null}',
        '7',
        '',
      ]) {
        writeFileSync(file, text, { mode: 0o600 })
        const said = await startOf(new Daemon('null', ['--state', file]))
        expect(!/at .*\.js:\d+|TypeError/.test(said), `${text}: ${said.slice(0, 160)}`)
      }
      return 'a sentence for each'
    },
  },
  {
    name: 'unread-log',
    kind: 'log',
    title: 'a log pipe that nobody reads, and 3,000 orders',
    slow: true,
    act: () =>
      withLogTo('pipe', async (daemon, place) => {
        const ends = ['pa', 'pb'].map((name) => ({ name, netns: place }))
        await daemon.ask('POST', '/v1/pairs', { id: 'p', a: ends[0], b: ends[1] })
        let done = 0
        const orders = (async () => {
          for (; done < 3_000; done++) {
            await daemon.ask('PATCH', '/v1/pairs/id:p', { a: { mtu: 1_400 + (done % 2) } })
          }
        })()
        orders.catch(() => {}) // it is awaited below, or the daemon is ended
        for (let before = -1; before !== done && done < 3_000; await wait(5_000)) before = done
        expect(done === 3_000, `no order is answered after ${done}`)
        await orders
        return '3,000 orders answered'
      }),
  },
  {
    name: 'loud-log',
    kind: 'log',
    title: 'what 300 rules on one end write to the log',
    async act() {
      const file = join(folder, 'loud.log')
      return await withLogTo(openSync(file, 'w'), async (daemon, place) => {
        const ends = ['pa', 'pb'].map((name) => ({ name, netns: place }))
        await daemon.ask('POST', '/v1/pairs', { id: 'p', a: ends[0], b: ends[1] })
        const path = `/v1/ends/${encodeURIComponent(`pa@${place}`)}/rules`
        for (let n = 0; n < 300; n++) {
          await daemon.ask('POST', path, { action: { kind: 'drop' }, match: { udp: { dport: 1 + n } } })
        }
        await wait(300)
        const { size } = statSync(file)
        expect(size < 300 * 1_000, `${size} bytes`)
        return `${Math.round(size / 300)} bytes for each`
      })
    },
  },
]

let logs = 0

/** A daemon whose log goes there. @param {'pipe' | number} to @param {(daemon: Daemon, place: string) => Promise<string>} body */
async function withLogTo(to, body) {
  const n = logs++
  const daemon = new Daemon(`log${n}`)
  const words = [CLI, 'daemon', '--socket', daemon.socket, '--log', 'debug']
  const program = spawn(process.execPath, words, { stdio: ['ignore', to, 'ignore'] })
  try {
    while (!(await daemon.ask('GET', '/v1/version').catch(() => undefined))) {
      expect(program.exitCode === null, 'the daemon does not start')
      await wait(50)
    }
    return await body(daemon, await namespace(`g${n}`))
  } finally {
    program.kill('SIGKILL')
  }
}
