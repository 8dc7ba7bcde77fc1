// What provoked faults share: a daemon with pairs between two namespaces of its own, programs that speak through them,
// and measures of how long another one's orders take. Everything is taken away when the fault is over.

import { readFileSync } from 'node:fs'
import { Daemon, Flow, namespace, removeNamespace } from './ground.mjs'

export const wait = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** This machine cannot provoke the fault. */
export class Impossible extends Error {
  name = 'Impossible'
}

/** @param {unknown} held @param {string} otherwise */
export function expect(held, otherwise) {
  if (!held) throw new Error(otherwise)
}

/** @param {Promise<unknown>} order @returns {Promise<string>} why it was refused; '' when it was not */
export async function refusalOf(order) {
  return await order.then(
    () => '',
    (error) => String(error.message),
  )
}

const ADDRESSES = ['02:11:11:11:11:11', '02:22:22:22:22:22', '02:44:44:44:44:44', '02:88:88:88:88:88']

/** @typedef {{ daemon: Daemon, left: string, right: string, pair: (id: string, more?: object) => Promise<any> }} Bed */

let beds = 0

/**
 * @template T
 * @param {(bed: Bed) => Promise<T>} body
 * @param {{ words?: string[], before?: string[] }} [options] of the daemon, and what stands in front of it
 */
export async function withBed(body, { words = [], before = [] } = {}) {
  const n = beds++
  const daemon = await new Daemon(`bed${n}`, words, before).start()
  const [left, right] = [await namespace(`l${n}`), await namespace(`r${n}`)]
  let pairs = 0
  /** The first two pairs have the addresses that withFlows knows. */
  const pair = async (/** @type {string} */ id, /** @type {any} */ { a, b, ...more } = {}) => {
    const at = 2 * pairs++
    const known = (/** @type {number} */ end) =>
      at + end < ADDRESSES.length ? { address: ADDRESSES[at + end] } : {}
    return await daemon.ask('POST', '/v1/pairs', {
      ...{ id, quiet: true, ...more },
      a: { name: `${id}a`, netns: left, up: true, ...known(0), ...a },
      b: { name: `${id}b`, netns: right, up: true, ...known(1), ...b },
    })
  }
  try {
    return await body({ daemon, left, right, pair })
  } finally {
    await daemon.end('SIGKILL')
    for (const name of [left, right]) await removeNamespace(name).catch(() => {})
  }
}

/**
 * The programs that send and hear at both ends of the first two pairs.
 * @template T
 * @param {Bed} bed
 * @param {(flows: { go: (rate: number, longest?: number) => void, stop: () => Promise<void>, counts: () => Promise<any[]> }) => Promise<T>} body
 */
export async function withFlows({ left, right }, body) {
  const flows = [left, right].map((place, n) => new Flow(place, n, ADDRESSES))
  await Promise.all(flows.map(({ ready }) => ready))
  const reports = () => Promise.all(flows.map((flow) => flow.report()))
  try {
    return await body({
      go: (rate, longest) => flows.forEach((flow) => void flow.go(rate, longest)),
      stop: async () => void (await Promise.all(flows.map((flow) => flow.stop()))),
      /** Of each end, both places together. */
      counts: async () => {
        const [one, other] = await reports()
        return (one?.ends ?? []).map((end, n) => {
          const there = /** @type {any} */ (other?.ends[n])
          return Object.fromEntries(Object.entries(end).map(([key, count]) => [key, count + there[key]]))
        })
      },
    })
  } finally {
    for (const flow of flows) flow.end()
  }
}

/**
 * How long orders of another pair take, in ms, sorted.
 * @param {Daemon} daemon
 * @param {string} id
 * @param {number} [times]
 */
export async function delaysOf(daemon, id, times = 30) {
  const found = []
  for (let n = 0; n < times; n++) {
    const before = performance.now()
    await daemon.ask('PATCH', `/v1/pairs/id:${id}`, { a: { mtu: 1_400 + (n % 2) } })
    found.push(performance.now() - before)
    await wait(10)
  }
  return found.sort((one, other) => one - other)
}

/** @param {number[]} sorted @param {number} share */
export function quantile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

/** Resident memory of a process, MiB. @param {number} pid */
export function residentOf(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024
}

/** Address space of a process, bytes. @param {number} pid */
export function addressSpaceOf(pid) {
  return Number(/VmSize:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1_024
}

/** Fails when the daemon does not answer any more. @param {Bed} bed */
export async function expectAlive({ daemon }, pairs = 1) {
  const health = await daemon.ask('GET', '/v1/health')
  expect(health.pairs >= pairs, `${health.pairs} pairs are left of ${pairs}`)
}
