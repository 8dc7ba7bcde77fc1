// Many clients at once: no pair is lost, none is made by halves, and nothing is left behind.

import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, expect } from 'vitest'
import { type Reply, TestDaemon } from '../support/daemon.js'
import { until } from '../support/netns.js'
import { patient } from '../support/pace.js'
import { seeded } from '../support/random.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')

const CLIENTS = 8
const PAIRS = 200

let daemon: TestDaemon
beforeAll(async () => {
  daemon = await TestDaemon.start('--log', 'warn')
})
afterAll(async () => {
  await daemon[Symbol.asyncDispose]()
})

const links = () => daemon.home.names().filter((name) => name !== 'lo')
const descriptors = () => readdirSync(`/proc/${daemon.program.pid}/fd`).length
const list = async () => (await daemon.ask('GET', '/v1/pairs')).json as { id: string; a: End; b: End }[]

interface End {
  name: string
}

/** Runs `client` 8 times side by side. */
function together(client: (number: number) => Promise<void>): Promise<unknown> {
  return Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)))
}

/** What the daemon says and what the kernel has is the same, and whole. */
async function expectWhole(): Promise<void> {
  const ends = (await list()).flatMap(({ a, b }) => [a.name, b.name])
  expect(links().sort()).toEqual(ends.sort())
}

test('200 pairs are added and removed by 8 clients, twice, and leave nothing', {
  timeout: patient(300_000),
}, async () => {
  const before: number[] = []
  for (let round = 0; round < 2; round++) {
    await together(async (client) => {
      for (let index = client; index < PAIRS; index += CLIENTS) {
        const wish = {
          id: `p${index}`,
          a: { name: `a${index}`, up: true },
          b: { name: `b${index}`, up: true },
        }
        expect((await daemon.ask('POST', '/v1/pairs', wish)).status).toBe(201)
      }
    })
    expect(await list()).toHaveLength(PAIRS)
    await expectWhole()
    await together(async (client) => {
      for (let index = client; index < PAIRS; index += CLIENTS) {
        const ref = [`id:p${index}`, `a${index}`, `b${index}`][index % 3]
        expect((await daemon.ask('DELETE', `/v1/pairs/${ref}`)).status).toBe(204)
      }
    })
    expect(await list()).toEqual([])
    expect(links()).toEqual([])
    await until(
      'as few descriptors as before',
      () => before.length === 0 || descriptors() <= (before[0] ?? 0),
    )
    before.push(descriptors())
  }
})

test('clients that race for the same names get one pair, or a refusal', {
  timeout: patient(300_000),
}, async () => {
  const random = seeded()
  const allowed: Record<string, number[]> = {
    POST: [201, 409],
    PUT: [200, 201, 409],
    DELETE: [204, 404],
    GET: [200, 404],
  }
  await together(async () => {
    for (let round = 0; round < 40; round++) {
      const id = `race${random.below(3)}`
      const wish = { id, a: { name: `${id}a`, up: random.below(2) === 0 }, b: { name: `${id}b` } }
      const orders: [string, () => Promise<Reply>][] = [
        ['POST', () => daemon.ask('POST', '/v1/pairs', wish)],
        ['PUT', () => daemon.ask('PUT', `/v1/pairs/${id}`, wish)],
        ['DELETE', () => daemon.ask('DELETE', `/v1/pairs/${random.pick([id, `${id}a`, `${id}b`])}`)],
        ['GET', () => daemon.ask('GET', `/v1/pairs/${id}b`)],
      ]
      const [method, order] = random.pick(orders)
      const { status, json } = await order()
      expect(allowed[method], `${method}: ${JSON.stringify(json)}`).toContain(status)
      if (status === 201 || status === 200)
        expect(json).toMatchObject({ id, a: { name: `${id}a` }, b: { name: `${id}b` } })
    }
  })
  await expectWhole()
  for (const { id } of await list())
    expect((await daemon.ask('DELETE', `/v1/pairs/id:${id}`)).status).toBe(204)
  expect(links()).toEqual([])
})
