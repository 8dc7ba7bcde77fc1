// Inspection over a link thread and a forwarding thread that are none: what is posted, what is told, in which order,
// and which calls each state allows.

import type { MessagePort } from 'node:worker_threads'
import { receiveMessageOnPort } from 'node:worker_threads'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { Adjustment, AdjustNotice } from '../../../src/datapath/adjust.js'
import { ADJUSTED, allocateCounters, stateOf } from '../../../src/datapath/counters.js'
import type { InlineLoop } from '../../../src/datapath/inline.js'
import { planRule } from '../../../src/faults/rule-plan.js'
import { load } from '../../../src/frame/words.js'
import type { LinkRequest } from '../../../src/link/protocol.js'
import { planChains } from '../../../src/pair/chain.js'
import { Inspection } from '../../../src/pair/inspection.js'

const DROP = planRule({ action: { kind: 'drop' } }, 'rule')
const FRAME = new Uint8Array(60)
const NOTHING = { chains: planChains({}) }

/** Answers what the link thread is told, when it is let. */
class FakeLink {
  readonly told: LinkRequest[] = []
  readonly #answers: ((value: unknown) => void)[] = []
  /** Of a module that is to be loaded: why not. */
  why: string | undefined

  request<T>(request: LinkRequest): Promise<T> {
    this.told.push(request)
    if (request.op === 'own') return Promise.resolve(this.why as T)
    return new Promise((resolve) => this.#answers.push(resolve as (value: unknown) => void))
  }

  answer(): void {
    for (const resolve of this.#answers.splice(0)) resolve(undefined)
  }

  get inspected() {
    return this.told.flatMap((request) => (request.op === 'inspect' ? [request.inspected] : []))
  }
}

/** The far side of the line: takes what is posted, and says that it is in force. */
function take(far: MessagePort): Exclude<Adjustment, { op: 'wake' | 'sync' }>[] {
  const taken = []
  for (let next = receiveMessageOnPort(far); next; next = receiveMessageOnPort(far)) {
    const adjustment = next.message as Adjustment
    if (adjustment.op === 'sync') far.postMessage({ event: 'done', id: adjustment.id } satisfies AdjustNotice)
    else if (adjustment.op !== 'wake') taken.push(adjustment)
  }
  return taken
}

const ops = (far: MessagePort) => take(far).map(({ op }) => op)
const turn = () => new Promise((resolve) => setImmediate(resolve))

let link: FakeLink
let memory: SharedArrayBuffer
const failed = vi.fn()
let carriers: string[]
let stepped: unknown[]

function make(queues = 1): Inspection {
  return new Inspection(link, 7, memory, queues, {
    hookFailed: failed,
    carrier: (mode) => carriers.push(mode),
    stepped: (end, step) => stepped.push([end, step]),
  })
}

/** A pair that is made. */
function opened(queues = 1): { inspection: Inspection; far: MessagePort } {
  const inspection = make(queues)
  const { port: far } = inspection.connect(NOTHING)
  inspection.begin(undefined)
  return { inspection, far }
}

beforeEach(() => {
  link = new FakeLink()
  memory = allocateCounters(1)
  failed.mockReset()
  carriers = []
  stepped = []
})

describe('a state refuses what it does not allow', () => {
  const calls: [string, (inspection: Inspection) => unknown][] = [
    ['impair', (it) => it.impair(0, { loss: 1 }, 'impair')],
    ['patchImpair', (it) => it.patchImpair(0, { loss: 1 }, 'impair')],
    ['addRule', (it) => it.addRule(0, DROP)],
    ['waitFor', (it) => it.waitFor(0, {}, Number.POSITIVE_INFINITY)],
    ['frames', (it) => it.frames(0, {})],
    ['inject', (it) => it.inject(0, FRAME)],
    ['useModule', (it) => it.useModule(0, 'data:text/javascript,', undefined)],
    ['useFunction', (it) => it.useFunction(0, () => {})],
    [
      'addCapture',
      (it) =>
        it.addCapture(
          { ends: { a: true, b: true }, delivered: true, match: null, snaplen: 1 },
          1024,
          'ringBytes',
        ),
    ],
  ]
  const refusal = async (call: () => unknown) => {
    try {
      return await call()
    } catch (error) {
      return error
    }
  }

  test.each(calls)('%s before it is connected, and when it is closed', async (_, call) => {
    expect(await refusal(() => call(make()))).toMatchObject({ code: 'ENODEV' })
    const { inspection } = opened()
    inspection.close()
    expect(await refusal(() => call(inspection))).toMatchObject({ code: 'ENODEV' })
    expect(link.told).toEqual([])
  })

  test('what is asked, or taken away, is answered in every state', async () => {
    const { inspection, far } = opened()
    const id = inspection.addRule(0, DROP)
    take(far)
    inspection.close()
    inspection.close()
    expect(inspection.rules(0)).toMatchObject([{ id }])
    expect(inspection.impairment(0)).toBeNull()
    expect(inspection.removeRule(0, id)).toBe(true)
    expect(inspection.removeRule(0, id)).toBe(false)
    await inspection.removeHook(0, 4)
    await inspection.removeCapture(4)
    link.answer()
    await inspection.settled()
  })
})

describe('arming', () => {
  test('answers everything that the pair is made with, and tells the link thread nothing', () => {
    const inspection = make()
    const rules = [{ action: { kind: 'drop' as const } }]
    const chains = planChains({ a: { impair: { loss: 1 }, rules }, b: { rules } })
    const { port: far, state } = inspection.connect({ chains })
    expect(state).toMatchObject([
      { impair: { loss: { random: 1 } }, rules: [{ plan: { id: 1 } }], progress: { number: 0, held: [] } },
      { impair: undefined, rules: [{ plan: { id: 2 } }], captures: [] },
    ])
    expect(take(far)).toEqual([])
    expect(inspection.begin(undefined)).toEqual([true, true])
    expect(link.told).toEqual([])
    inspection.addRule(0, DROP)
    expect(take(far)).toMatchObject([{ op: 'rule', end: 0, plan: { id: 3 } }])
    expect(load(stateOf(memory), ADJUSTED)).toBe(1)
  })

  test('a pair that could not be made lets go of who waits', async () => {
    const inspection = make()
    inspection.connect(NOTHING)
    const settled = inspection.settled()
    inspection.close()
    await settled
  })
})

describe('open', () => {
  test('what is ordered is posted when the call returns; the link thread is told when an end begins or ceases', () => {
    const { inspection, far } = opened()
    const one = inspection.addRule(1, DROP)
    expect(ops(far)).toEqual(['rule'])
    const other = inspection.addRule(1, DROP)
    inspection.removeRule(1, one)
    expect(link.inspected).toEqual([[false, true]])
    inspection.removeRule(1, other)
    expect(ops(far)).toEqual(['rule', 'unrule', 'unrule'])
    expect(link.inspected).toEqual([
      [false, true],
      [false, false],
    ])
  })

  test('is settled when both threads have done it', async () => {
    const { inspection, far } = opened()
    let done = false
    const impaired = inspection.impair(0, { delay: 1 }, 'impair').then(() => (done = true))
    await turn()
    expect(ops(far)).toEqual(['impair'])
    expect(done).toBe(false)
    link.answer()
    await turn()
    take(far) // the question whether it is in force
    await impaired
  })

  test('queues that are spread are brought together before anything is in force', async () => {
    const { inspection, far } = opened(2)
    inspection.addRule(0, DROP)
    inspection.addRule(0, DROP)
    expect(link.inspected).toEqual([[true, false]])
    expect(ops(far)).toEqual([])
    link.answer()
    await turn()
    expect(ops(far)).toEqual(['rule', 'rule'])
    inspection.addRule(0, DROP)
    expect(ops(far)).toEqual(['rule'])
  })

  test('a pair that nothing was wanted of is not told that nothing is wanted', async () => {
    const { inspection, far } = opened()
    expect(await inspection.impair(0, null, 'impair')).toBeNull()
    expect([ops(far), link.told]).toEqual([[], []])
  })

  test('who waits is given the frame, and its watch goes', async () => {
    const { inspection, far } = opened()
    const found = inspection.waitFor(0, { arp: {} }, Number.POSITIVE_INFINITY)
    const [watch] = take(far)
    expect(watch).toMatchObject({ op: 'watch', end: 0, match: { normal: { arp: {} } } })
    far.postMessage({ event: 'frame', id: (watch as { id: number }).id, frame: FRAME } satisfies AdjustNotice)
    expect(await found).toEqual(FRAME)
    await turn()
    expect(ops(far)).toEqual(['unwatch'])
    expect(link.inspected.at(-1)).toEqual([false, false])
  })

  test('who waits when the pair ends hears of it', async () => {
    const { inspection } = opened()
    const found = inspection.waitFor(0, {}, Number.POSITIVE_INFINITY)
    inspection.close()
    await expect(found).rejects.toMatchObject({ code: 'ENODEV' })
  })
})

describe("users' hooks", () => {
  const use = async (inspection: Inspection, far: MessagePort, answer: (id: number) => AdjustNotice) => {
    const used = inspection.useModule(0, 'file:///h.mjs', { n: 1 })
    used.catch(() => {})
    await turn()
    const hook = take(far).find(({ op }) => op === 'hook') as { id: number }
    far.postMessage(answer(hook.id))
    link.answer()
    return { used, hook }
  }

  test('a module is loaded by a worker of its own, then posted, and there when it says so', async () => {
    const { inspection, far } = opened()
    const { used, hook } = await use(inspection, far, (id) => ({ event: 'hook-ready', id }))
    expect(await used).toBe(hook.id)
    expect(hook).toMatchObject({ url: 'file:///h.mjs', options: { n: 1 } })
    expect(link.told.map(({ op }) => op)).toEqual(['own', 'inspect'])
  })

  test('one that cannot be loaded leaves nothing', async () => {
    const { inspection, far } = opened()
    link.why = 'SyntaxError: no\n  at somewhere'
    await expect(inspection.useModule(0, 'file:///h.mjs', undefined)).rejects.toThrow(
      /^EINVAL: the hook file:\/\/\/h.mjs cannot be used: SyntaxError: no$/,
    )
    expect(ops(far)).toEqual([])
    link.why = undefined
    const { used } = await use(inspection, far, (id) => ({ event: 'hook-failed', id, message: 'no default' }))
    await expect(used).rejects.toThrow(/no default/)
    expect(link.inspected).toEqual([
      [true, false],
      [false, false],
    ])
    expect(failed).not.toHaveBeenCalled()
  })

  test('one that fails later is told once', async () => {
    const { inspection, far } = opened()
    const { used, hook } = await use(inspection, far, (id) => ({ event: 'hook-ready', id }))
    await used
    for (const message of ['first', 'again']) far.postMessage({ event: 'hook-failed', id: hook.id, message })
    await turn()
    await turn()
    expect(failed.mock.calls).toEqual([[0, 'first']])
  })

  test('a function is for a pair of this thread', () => {
    const inspection = make()
    const { port: far } = inspection.connect(NOTHING)
    const use = vi.fn()
    inspection.begin({ use } as unknown as InlineLoop)
    const judge = () => {}
    const id = inspection.useFunction(1, judge)
    expect(use.mock.calls[0]?.slice(0, 3)).toEqual([1, id, judge])
    expect([ops(far), link.inspected]).toEqual([[], [[false, true]]])
    use.mock.calls[0]?.[3](new Error('no'))
    expect(failed).toHaveBeenCalledWith(1, expect.stringMatching(/^Error: no/))
    expect(link.inspected.at(-1)).toEqual([false, false])
  })

  test('after a worker that is gone the next one begins with everything but its hooks, which failed', async () => {
    const { inspection, far } = opened()
    const { used } = await use(inspection, far, (id) => ({ event: 'hook-ready', id }))
    await used
    inspection.addRule(1, DROP)
    const waiting = inspection.waitFor(0, {}, Number.POSITIVE_INFINITY)
    inspection.addCapture(
      { ends: { a: true, b: true }, delivered: true, match: null, snaplen: 1 },
      1024,
      'ringBytes',
    )
    const again = inspection.rebuild('it exited')
    expect(again.state).toMatchObject([
      { watches: [{ match: { normal: {} } }], rules: [], captures: [{ snaplen: 1 }] },
      { watches: [], rules: [{ plan: { id: 1 } }], captures: [{ snaplen: 1 }] },
    ])
    expect(ops(again.port)).toEqual([])
    expect(failed).not.toHaveBeenCalled()
    await turn()
    expect(failed.mock.calls).toEqual([[0, 'it exited']])
    inspection.close()
    await expect(waiting).rejects.toMatchObject({ code: 'ENODEV' })
  })
})
