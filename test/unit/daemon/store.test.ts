// The store of descriptors as the daemon sees it: what it was started with, what it gives and gives up, over a socket
// that a test reads in the place of systemd. Pairs are none; what a link thread sends is test/integration/515's business.

import { spawnSync } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Store } from '../../../src/daemon/store.js'
import { closeFd, fdRelease, receiveFds, unixDatagrams } from '../../../src/native.js'

const keep = vi.hoisted(() => vi.fn(async (_pair: object, _path: string, _names: readonly string[]) => {}))
vi.mock('../../../src/pair/hand-over.js', () => ({ keep }))

const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn() }
let folder: string
let path: string
let socket: number

class FakeRegistry extends EventEmitter {
  readonly pairs = new Map<string, object>()
  byId(id: string) {
    const pair = this.pairs.get(id)
    return pair && { pair, wish: { wish: { queues: id === 'wide' ? 2 : 1 } } }
  }
  list() {
    return [...this.pairs.keys()].map((id) => this.byId(id))
  }
  add(id: string): void {
    this.pairs.set(id, { id, closed: undefined })
    this.emit('event', { event: 'added', id })
  }
  remove(id: string): void {
    this.pairs.delete(id)
    this.emit('event', { event: 'removed', id })
  }
}

/** What was said to the store, one text for each message. */
function said(): string[] {
  const buffer = new Uint8Array(1000)
  const texts: string[] = []
  for (;;) {
    const { result } = receiveFds(socket, buffer)
    if (result < 0) return texts
    texts.push(Buffer.from(buffer.subarray(0, result)).toString())
  }
}

function find(more: Record<string, string> = {}): Store {
  const env = { NOTIFY_SOCKET: path, FDSTORE: '8', ...more }
  return Store.find(logger, env) ?? expect.unreachable('no store')
}

/** An environment that descriptors with these names come with, from 3 on. */
const started = (...names: string[]) => ({
  LISTEN_PID: String(process.pid),
  LISTEN_FDS: String(names.length),
  LISTEN_FDNAMES: names.join(':'),
})

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'uveth-store-'))
  path = join(folder, 'notify')
  socket = unixDatagrams(path)
  vi.clearAllMocks()
})

afterEach(() => {
  closeFd(socket)
  rmSync(folder, { recursive: true })
})

test.each([{}, { NOTIFY_SOCKET: '/run/x' }, { FDSTORE: '8' }, { NOTIFY_SOCKET: '/run/x', FDSTORE: '0' }])(
  'none: %j',
  (env) => {
    expect(Store.find(logger, env)).toBeUndefined()
  },
)

test('what another process was started with is not ours, and nobody that we start takes it for his', () => {
  const env = { NOTIFY_SOCKET: path, FDSTORE: '8', ...started('a0-cable', 'b0-cable'), LISTEN_PID: '1' }
  expect(Store.find(logger, env)?.take('cable', 1)).toBeUndefined()
  expect(Object.keys(env)).toEqual(['NOTIFY_SOCKET', 'FDSTORE'])
})

test('a pair is found by the names of all its queues, in any order, and once', () => {
  const store = find(
    started('control', 'b0-one', 'a1-wide', 'a0-one', 'b1-wide', 'a0-wide', 'b0-wide', 'a0-half'),
  )
  expect(store.take('half', 1)).toBeUndefined()
  expect(store.take('one', 2)).toBeUndefined()
  expect(store.take('one', 1)).toEqual([[6], [4]])
  expect(store.take('one', 1)).toBeUndefined()
  expect(store.take('wide', 2)).toEqual([
    [8, 5],
    [9, 7],
  ])
})

test('what is added is kept under names that systemd takes, and what is removed is given up', async () => {
  const registry = new FakeRegistry()
  registry.add('first')
  const store = find()
  await store.follow(registry as never)
  for (const id of ['wide', 'ä:b c']) registry.add(id)
  await store.settled()
  expect(keep.mock.calls.map(([, to, names]) => [to, ...names])).toEqual([
    [path, 'a0-first', 'b0-first'],
    [path, 'a0-wide', 'a1-wide', 'b0-wide', 'b1-wide'],
    [path, 'a0-%C3%A4%3Ab%20c', 'b0-%C3%A4%3Ab%20c'],
  ])
  expect([store.has('wide'), store.has('other')]).toEqual([true, false])
  registry.remove('first')
  expect(said()).toEqual(['FDSTOREREMOVE=1\nFDNAME=a0-first', 'FDSTOREREMOVE=1\nFDNAME=b0-first'])
  const long = 'ä'.repeat(60)
  registry.add(long)
  await store.settled()
  expect(keep.mock.calls.at(-1)?.[2]).toEqual([expect.stringMatching(/^a0-[\da-f]{64}$/), expect.any(String)])
})

test('more than there is room for is told, and not kept', async () => {
  const registry = new FakeRegistry()
  const store = find({ FDSTORE: '2' })
  await store.follow(registry as never)
  registry.add('one')
  await store.settled()
  registry.add('two')
  await store.settled()
  expect([store.has('one'), store.has('two')]).toEqual([true, false])
  expect(logger.warn).toHaveBeenCalledWith({ pair: 'two', most: 2 }, expect.stringContaining('is full'))
})

test('names are no longer together than a variable of an environment may be', async () => {
  const registry = new FakeRegistry()
  const ids = Array.from({ length: 400 }, (_, n) => `${n}-`.padEnd(200, 'x'))
  const store = find({ FDSTORE: '100000' })
  for (const id of ids) registry.add(id)
  await store.follow(registry as never)
  const kept = ids.filter((id) => store.has(id))
  expect(kept).toEqual(ids.slice(0, kept.length))
  expect(logger.warn).toHaveBeenCalledTimes(400 - kept.length)
  const names = keep.mock.calls.flatMap((call) => call[2])
  expect(names).toHaveLength(2 * kept.length)
  const env = { LISTEN_FDNAMES: names.join(':') }
  expect(spawnSync('true', { env }).error).toBeUndefined()
  expect(names.join(':').length).toBeGreaterThan(125_000)
  registry.remove(kept[0] as string)
  registry.add('short')
  await store.settled()
  expect(store.has('short')).toBe(true)
})

test('one that ends while it is sent is given up when it has come', async () => {
  const registry = new FakeRegistry()
  const store = find()
  await store.follow(registry as never)
  keep.mockImplementationOnce(async (pair) => {
    registry.remove('one')
    expect(said()).toEqual([])
    Object.assign(pair, { closed: 'deleted' })
  })
  registry.add('one')
  await store.settled()
  expect(store.has('one')).toBe(false)
  expect(said()).toEqual(['FDSTOREREMOVE=1\nFDNAME=a0-one', 'FDSTOREREMOVE=1\nFDNAME=b0-one'])
})

test('a pair that cannot be kept is told; one that ended meanwhile is not', async () => {
  const registry = new FakeRegistry()
  const store = find()
  await store.follow(registry as never)
  keep.mockRejectedValueOnce(new Error('ECONNREFUSED'))
  registry.add('one')
  await store.settled()
  expect(logger.warn).toHaveBeenCalledWith({ pair: 'one', error: 'ECONNREFUSED' }, 'a pair is not kept')
  keep.mockImplementationOnce(async (pair) => void Object.assign(pair, { closed: 'deleted' }))
  registry.add('two')
  await store.settled()
  expect(store.has('two')).toBe(false)
  expect(said()).toEqual(['FDSTOREREMOVE=1\nFDNAME=a0-two', 'FDSTOREREMOVE=1\nFDNAME=b0-two'])
})

test('what nobody takes is closed, and given up', async () => {
  // The numbers begin with 3, whatever stands there in this process: names in front of ours take those.
  const fd = unixDatagrams(join(folder, 'other'))
  fdRelease(fd)
  const names = Array.from({ length: fd - 3 }, () => 'unknown')
  const store = find(started(...names, 'a0-left'))
  await store.follow(new FakeRegistry() as never)
  expect(said()).toEqual(['FDSTOREREMOVE=1\nFDNAME=a0-left'])
  expect(closeFd(fd)).toBeLessThan(0)
  expect(logger.warn).toHaveBeenCalledWith({ names: ['a0-left'] }, expect.stringContaining('given up'))
})
