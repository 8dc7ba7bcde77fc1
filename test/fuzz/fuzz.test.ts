// The fuzz targets. As unit tests each is short, seeded and the same every time; scripts/fuzz gives them as long as
// it is told, by the environment:
//
//   UVETH_FUZZ_SECONDS   for each target, in place of a number of inputs
//   UVETH_FUZZ_TARGETS   their names, with commas; default: all
//   UVETH_FUZZ_CORPUS    a folder: inputs that ran something new are kept in it, and are where the next run begins
//   UVETH_SEED           default: 1
//
// What a run has found is printed as text and as base64: it becomes a test of the part that it is about.

import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { type Finding, fuzz, type Target } from './fuzz.js'
import * as frames from './targets/frames.js'
import * as kept from './targets/kept.js'
import * as labs from './targets/labs.js'
import * as netlink from './targets/netlink.js'
import * as orders from './targets/orders.js'
import * as tc from './targets/tc.js'
import * as words from './targets/words.js'

vi.mock('../../src/pair/pair.js', async () => ({
  Pair: (await import('../unit/orders/fake-pairs.js')).FakePair,
}))

const TARGETS: Target[] = [
  ...[netlink.messages, netlink.family],
  ...[frames.packet, frames.matcher, frames.segment],
  ...[words.impair, words.rule, words.command, words.values, tc.tc],
  ...[kept.dossier, kept.pcapng],
  ...[orders.wishes, orders.http, labs.labs],
]
const { UVETH_FUZZ_SECONDS, UVETH_FUZZ_TARGETS, UVETH_FUZZ_CORPUS, UVETH_SEED = '1' } = process.env
const chosen = UVETH_FUZZ_TARGETS?.split(',')
const seconds = UVETH_FUZZ_SECONDS === undefined ? undefined : Number(UVETH_FUZZ_SECONDS)
/** Inputs, where it is a unit test. */
const FEW = 500

afterAll(async () => {
  for (const target of TARGETS) await target.close?.()
})

function report({ name }: Target, { input, error }: Finding): string {
  const text = JSON.stringify(Buffer.from(input).toString('latin1'))
  return `${name}: ${(error as Error)?.stack ?? error}\ninput: ${text}\nbase64: ${Buffer.from(input).toString('base64')}`
}

function stored(folder: string): Uint8Array[] {
  mkdirSync(folder, { recursive: true })
  return readdirSync(folder).map((name) => new Uint8Array(readFileSync(join(folder, name))))
}

describe('a target holds against what is like its seeds', () => {
  test.each(TARGETS.filter(({ name }) => chosen?.includes(name) ?? true))(
    '$name',
    async (target) => {
      const folder = UVETH_FUZZ_CORPUS === undefined ? undefined : join(UVETH_FUZZ_CORPUS, target.name)
      const seeds = [...target.seeds, ...(folder === undefined ? [] : stored(folder))]
      const end = performance.now() + 1000 * (seconds ?? 0)
      const more = (executions: number) =>
        seconds === undefined ? executions < FEW : performance.now() < end
      const outcome = await fuzz({ ...target, seeds }, Number(UVETH_SEED), more)
      if (folder !== undefined) {
        for (const input of outcome.corpus)
          writeFileSync(join(folder, createHash('sha1').update(input).digest('hex')), input)
      }
      if (seconds !== undefined) {
        const { executions, corpus, seedsCovered, covered } = outcome
        console.log(
          `${target.name}: ${executions} inputs, ${corpus.length} kept, ${seedsCovered} -> ${covered} characters`,
        )
      }
      if (outcome.finding !== undefined) expect.fail(report(target, outcome.finding))
    },
    1000 * (90 + 2 * (seconds ?? 0)),
  )
})
