// Provoked faults of the daemon's life: its descriptors, what it leaves when it is killed, what keeps a namespace alive,
// and what a creation leaves that fails. provoke.mjs runs them.

import { execFile, spawn } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createPair } from 'uveth'
import { ip, linksOf } from '../bench/testbed.mjs'
import { expect, expectAlive, refusalOf, wait, withBed } from './bed.mjs'
import { CLI, Daemon, folder, namespace } from './ground.mjs'

/** @import { Fault } from './provoke.mjs' */

const run = promisify(execFile)

/** @type {Fault[]} */
export const LIFE_FAULTS = [
  {
    name: 'killed',
    kind: 'life',
    title: 'kill -9 of a daemon of 15 pairs, and a new start at once',
    act: () =>
      withBed(async (bed) => {
        const daemon = new Daemon('killed', ['--state', join(folder, 'killed.json')])
        await daemon.start()
        for (let n = 0; n < 15; n++) {
          const ends = [bed.left, bed.right].map((netns, end) => ({ name: `k${n}e${end}`, netns, up: true }))
          await daemon.ask('POST', '/v1/pairs', { id: `k${n}`, a: ends[0], b: ends[1], quiet: true })
        }
        await daemon.end('SIGKILL')
        await daemon.start()
        const { pairs } = await daemon.ask('GET', '/v1/health')
        await daemon.end()
        await wait(100)
        expect(pairs === 15, `${pairs} of 15 pairs came back`)
        const left = [...(await linksOf(bed.left)), ...(await linksOf(bed.right))].length
        expect(left === 0, `${left} interfaces are left`)
        return '15 pairs came back, and none is left after SIGTERM'
      }),
  },
  {
    name: 'dead-namespace',
    kind: 'life',
    title: 'a namespace deleted under the ends of 8 pairs',
    act: () =>
      withBed(async (bed) => {
        const place = await namespace('dead')
        for (let n = 0; n < 8; n++) await bed.pair(`d${n}`, { b: { netns: place } })
        await ip('netns', 'del', place)
        for (let n = 0; n < 200 && (await bed.daemon.ask('GET', '/v1/pairs')).length > 0; n++) await wait(50)
        await expectAlive(bed, 0)
        const left = await linksOf(bed.left)
        expect(left.length === 0, `${left.length} interfaces are left`)
        return '8 pairs ended, the daemon goes on'
      }),
  },
  {
    name: 'flap-keeps-namespace',
    kind: 'life',
    title: "a caller's namespace deleted while its flap goes on",
    act: () =>
      withBed(async (bed) => {
        const place = await namespace('flap')
        await bed.pair('p')
        await bed.pair('q', { a: { netns: place } })
        // The caller stands elsewhere, and waits for the answer: what keeps the namespace could only be the daemon's.
        const words = [
          CLI,
          '--socket',
          bed.daemon.socket,
          '-n',
          place,
          'link',
          'set',
          'qa',
          'flap',
          '1s',
          '100',
        ]
        const child = spawn(process.execPath, words, { stdio: 'ignore' })
        await wait(1_500)
        expect(child.exitCode === null, 'the flap is not under way')
        await ip('netns', 'del', place)
        let left = 2
        for (let n = 0; n < 100 && left > 1; n++, await wait(50))
          left = (await bed.daemon.ask('GET', '/v1/pairs')).length
        child.kill('SIGKILL')
        expect(left === 1, 'the namespace lives on, and so does its pair')
        return 'the pair ended with its namespace'
      }),
  },
  {
    name: 'bad-signal',
    kind: 'life',
    title: 'createPair() with a signal and loggers that are none',
    async act() {
      const place = await namespace('leak')
      const loggers = [
        {},
        { info: null },
        {
          info() {
            throw new Error('no')
          },
          warn() {
            throw new Error('no')
          },
        },
      ]
      const wishes = [{ signal: null }, { signal: {} }, ...loggers.map((logger) => ({ logger }))]
      for (const wish of wishes) {
        const options = /** @type {any} */ ({ a: { netns: place }, b: { netns: place }, ...wish })
        const pair = await createPair(options).catch(() => undefined)
        await pair?.close()
      }
      await wait(200)
      const left = await linksOf(place)
      expect(left.length === 0, `${left.length} interfaces are left`)
      return `${wishes.length} creations left nothing`
    },
  },
  {
    name: 'no-descriptors',
    kind: 'life',
    title: 'no descriptors left: creations are refused as such, and DELETE works',
    act: () =>
      withBed(async (bed) => {
        await bed.pair('p')
        await run('prlimit', ['--pid', String(bed.daemon.pid), '--nofile=64'])
        let said = ''
        let made = 0
        for (; made < 60 && said === ''; made++) said = await refusalOf(bed.pair(`d${made}`))
        expect(said.includes('EMFILE'), `after ${made}: ${said.slice(0, 160)}`)
        const gone = await refusalOf(bed.daemon.ask('DELETE', '/v1/pairs/id:p'))
        expect(gone === '', `DELETE: ${gone.slice(0, 160)}`)
        // By who has no connection yet, and names a namespace.
        for (said = ''; said === ''; made++) said = await refusalOf(bed.pair(`d${made}`))
        const words = [CLI, '--socket', bed.daemon.socket, '-n', bed.left, 'link', 'del', 'd0a']
        const told = await refusalOf(run(process.execPath, words))
        expect(told === '', `link del: ${told.slice(-200)}`)
        await expectAlive(bed, 1)
        return `EMFILE after ${made} pairs, DELETE works`
      }),
  },
  {
    name: 'long-namespace',
    kind: 'small',
    title: 'a namespace whose name has 240 bytes',
    async act() {
      const place = await namespace('n'.repeat(240 - 12))
      return await withBed(async (bed) => {
        const pair = await bed.pair('p', { a: { netns: place } })
        expect(pair.a.netns === place, `it is called ${String(pair.a.netns).slice(0, 60)}`)
        return 'an end lives in it'
      })
    },
  },
  {
    name: 'full-output',
    kind: 'small',
    title: "the command's output goes to a full disk",
    act: () =>
      withBed(async (bed) => {
        await bed.pair('p')
        const line = `${process.execPath} ${CLI} --socket ${bed.daemon.socket} link show >/dev/full`
        const { code, stderr } = await run('sh', ['-c', line]).then(
          () => ({ code: 0, stderr: '' }),
          (error) => error,
        )
        expect(code !== 0, 'it says that all went well')
        expect(String(stderr).trim().split('\n').length === 1, `it says: ${String(stderr).slice(0, 200)}`)
        return 'one line, and a status'
      }),
  },
]
