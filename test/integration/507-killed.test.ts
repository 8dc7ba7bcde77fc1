// kill -9 at random moments, again and again: every start works, and what had been answered is there again.

import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { TestDaemon } from '../support/daemon.js'
import { until } from '../support/netns.js'
import { patient } from '../support/pace.js'
import { type Random, seeded } from '../support/random.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')

/** How often; UVETH_TEST_KILLS says otherwise. */
const KILLS = Number(process.env.UVETH_TEST_KILLS ?? 30)
/** ms after the start within which it is killed. */
const LONGEST_LIFE = 120

/** What the answers say that there is; an order without an answer may be in force or not. */
class Model {
  readonly there = new Set<string>()
  unsure: string | undefined

  matches(ids: string[]): boolean {
    const sure = (all: Iterable<string>) =>
      [...all]
        .filter((id) => id !== this.unsure)
        .sort()
        .join()
    return sure(ids) === sure(this.there)
  }

  /** After a restart there is no doubt. */
  settle(ids: string[]): void {
    this.there.clear()
    for (const id of ids) this.there.add(id)
    this.unsure = undefined
  }
}

/** Gives orders until the daemon is gone. */
async function giveOrders(daemon: TestDaemon, model: Model, random: Random): Promise<void> {
  for (;;) {
    const id = `k${random.below(6)}`
    const remove = model.there.has(id)
    model.unsure = id
    const wish = { id, a: { name: `${id}a`, up: true }, b: { name: `${id}b`, mtu: 1000 + random.below(500) } }
    try {
      const { status } = remove
        ? await daemon.ask('DELETE', `/v1/pairs/id:${id}`)
        : await daemon.ask('POST', '/v1/pairs', wish)
      expect(status).toBe(remove ? 204 : 201)
    } catch (error) {
      if ((error as Error).name === 'AssertionError') throw error
      return // it was killed before it answered
    }
    if (remove) model.there.delete(id)
    else model.there.add(id)
    model.unsure = undefined
  }
}

const idsOf = async (daemon: TestDaemon) =>
  ((await daemon.ask('GET', '/v1/pairs')).json as { id: string }[]).map(({ id }) => id)
const links = (daemon: TestDaemon) => daemon.home.names().filter((name) => name.startsWith('k'))

test(`killed ${KILLS} times at random moments, it restores what it had answered`, {
  timeout: patient(300_000),
}, async () => {
  const random = seeded()
  const model = new Model()
  await using daemon = await TestDaemon.start('--state', 'FOLDER/state.json', '--log', 'info')
  for (let kill = 0; kill < KILLS; kill++) {
    const orders = giveOrders(daemon, model, random)
    await sleep(random.below(LONGEST_LIFE))
    await daemon.kill()
    await orders
    await daemon.restart()
    let ids: string[] = []
    await until(
      `after kill ${kill} what was there before: ${[...model.there]}, perhaps ${model.unsure}`,
      async () => {
        const { json } = await daemon.ask('GET', '/v1/health')
        ids = await idsOf(daemon)
        return json.status === 'ok' && model.matches(ids)
      },
    )
    model.settle(ids)
    expect(links(daemon).sort()).toEqual(ids.flatMap((id) => [`${id}a`, `${id}b`]).sort())
  }
  await daemon.stop()
  expect(links(daemon)).toEqual([])
})
