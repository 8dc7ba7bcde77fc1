// How much of each thing there may be: the table, what is refused and how it is told, and captures of real pairs without
// a kernel.

import { afterEach, describe, expect, test } from 'vitest'
import type { createPair } from '../../../dist/index.js'
import * as built from '../../../dist/wishes/limits.js'
import { REFUSALS } from '../../../src/contract/ops.js'
import { configure } from '../../../src/index.js'
import {
  countRefusal,
  figures,
  keepTo,
  LIMIT_NAMES,
  LIMITS,
  type LimitName,
  setLimits,
  take,
} from '../../../src/wishes/limits.js'
import { MemoryLink } from '../../support/memory-link.js'

/** Late, so that a busy machine ends nothing. */
const PATIENT = { timeout: 30_000 }

const defaults = Object.fromEntries(LIMIT_NAMES.map((name) => [name, LIMITS[name].most]))
const figureOf = (name: LimitName) => figures().find((one) => one.name === name)
afterEach(() => {
  setLimits(defaults)
  built.setLimits(defaults)
})

test.each(LIMIT_NAMES)('%s: as many as the limit says, one more is refused with its own sentence', (name) => {
  configure({ limits: { [name]: 2 } })
  const { code, refusal } = LIMITS[name]
  const before = figureOf(name)?.refused ?? 0
  expect(() => keepTo(name, 2)).not.toThrow()
  expect(() => keepTo(name, 3)).toThrow(
    expect.objectContaining({ code, message: `${code}: ${refusal(2, 3)} (limit ${name})` }),
  )
  countRefusal(name, 2)
  expect(figureOf(name)).toMatchObject({ name, most: 2, refused: before + 3 })
  expect(REFUSALS[code].status).toBeGreaterThanOrEqual(400)
})

test('what was taken is given back once, however often that is said', () => {
  configure({ limits: { scrapers: 1 } })
  const giveBack = take('scrapers')
  expect(() => take('scrapers')).toThrow(/^EDQUOT: 1 connections/)
  giveBack()
  giveBack()
  expect(figureOf('scrapers')?.used).toBe(0)
})

test.each([
  [{ limits: { captures: -1 } }, 'limits.captures must be a whole number from 0 to 1073741824, not -1'],
  [{ limits: { capture: 1 } }, 'unknown attribute limits.capture: there are captures, pair_captures'],
  [{ limits: 3 }, 'limits must be an object, not 3'],
  [{ worker: 1 }, 'unknown attribute worker: there are workers, memory, limits'],
])('configure refuses %j', (wish, says) => {
  expect(() => configure(wish as object)).toThrow(`EINVAL: ${says}`)
})

describe('captures', () => {
  const running = () => built.figures().find(({ name }) => name === 'captures')?.used
  const begin = async (pair: Awaited<ReturnType<typeof createPair>>) => {
    const chunks = pair.captureStream()
    await chunks.next()
    return chunks
  }

  test('of a pair and of all: refused at once, without a thread; one that has ended makes room', async () => {
    await using memory = await MemoryLink.start()
    const [one, other] = [
      await memory.createPair(),
      await memory.createPair({ a: { name: 'c' }, b: { name: 'd' } }),
    ]
    built.setLimits({ pair_captures: 2, captures: 3 })
    const first = await begin(one)
    await begin(one)
    await expect(begin(one)).rejects.toMatchObject({
      code: 'EDQUOT',
      message: expect.stringMatching(/pair_/),
    })
    await begin(other)
    await expect(begin(other)).rejects.toMatchObject({
      code: 'EDQUOT',
      message: expect.stringMatching(/captures\)/),
    })
    expect(running()).toBe(3)
    await first.return()
    await expect.poll(running, PATIENT).toBe(2)
    await begin(one)
    await Promise.all([one.close(), other.close()])
    await expect.poll(running, PATIENT).toBe(0)
  })

  test('that were armed for a pair that could not be made, or a file that cannot be, count no more', async () => {
    await using memory = await MemoryLink.start()
    const capture = '/nowhere/x.pcapng'
    await expect(memory.createPair({ capture })).rejects.toMatchObject({ code: 'ENOENT' })
    memory.host.refuse = { call: 'open a', error: new Error('no') }
    await expect(memory.createPair({ capture: '/dev/null' })).rejects.toThrow()
    expect(running()).toBe(0)
  })
})

test('rules of an end: at creation and afterwards', async () => {
  await using memory = await MemoryLink.start()
  built.setLimits({ rules: 2 })
  const rule = { action: { kind: 'drop' } } as const
  const refused = { code: 'EDQUOT', message: 'EDQUOT: an end may have 2 rules, and no more (limit rules)' }
  await expect(memory.createPair({ b: { rules: [rule, rule, rule] } })).rejects.toMatchObject(refused)
  const pair = await memory.createPair({ a: { rules: [rule] } })
  const last = pair.a.addRule(rule.action)
  expect(() => pair.a.addRule(rule.action)).toThrow(expect.objectContaining(refused))
  last.remove()
  pair.a.addRule(rule.action)
  pair.b.addRule(rule.action)
  await pair.close()
})
