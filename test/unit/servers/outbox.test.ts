// Answers to clients that read late, or never.

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { errno } from '../../../src/errors.js'
import { Outbox } from '../../../src/servers/outbox.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const datagram = (n: number, length = 1) => new Uint8Array(length).fill(n)

/** `full`: ports whose receive buffer is full. */
function wired() {
  const full = new Set<number>()
  const sent: [number, number | undefined][] = []
  const outbox = new Outbox((bytes, port) => {
    if (full.has(port)) return errno.EAGAIN
    sent.push([port, bytes[0]])
    return 0
  })
  return { full, sent, outbox }
}

test('what waits for one client comes in order, and keeps no other waiting', () => {
  const { full, sent, outbox } = wired()
  full.add(1)
  outbox.send([datagram(10), datagram(11)], 1)
  outbox.send([datagram(20)], 2)
  full.delete(1)
  outbox.send([datagram(12)], 1) // not past the others
  expect(sent).toEqual([[2, 20]])
  vi.advanceTimersByTime(10)
  expect(sent.slice(1)).toEqual([
    [1, 10],
    [1, 11],
    [1, 12],
  ])
  expect(vi.getTimerCount()).toBe(0)
})

test('a client that does not read for 5 s loses its answers', () => {
  const { full, sent, outbox } = wired()
  full.add(1)
  outbox.send([datagram(10)], 1)
  vi.advanceTimersByTime(6_000)
  expect(vi.getTimerCount()).toBe(0)
  full.delete(1)
  outbox.send([datagram(11)], 1)
  expect(sent).toEqual([[1, 11]])
})

test('no more than a megabyte waits for one client', () => {
  const { full, sent, outbox } = wired()
  full.add(1)
  for (let n = 0; n < 20; n++) outbox.send([datagram(n, 100_000)], 1)
  full.delete(1)
  vi.advanceTimersByTime(10)
  expect(sent.map(([, n]) => n)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})

test('a client that has gone is forgotten, and close() makes one last attempt', () => {
  const gone = new Outbox(() => errno.ENOENT)
  gone.send([datagram(1)], 1)
  expect(vi.getTimerCount()).toBe(0)
  const { full, sent, outbox } = wired()
  full.add(1)
  outbox.send([datagram(10)], 1)
  full.delete(1)
  outbox.close()
  expect(sent).toEqual([[1, 10]])
  expect(vi.getTimerCount()).toBe(0)
})
