// Pairs that are none, for the registry and what orders do: they keep what they are told, and ask no kernel. A test
// puts them in the library's place: `vi.mock('../../../src/pair/pair.js', () => ({ Pair: FakePair }))`.

import { EventEmitter } from 'node:events'
import { invalid, UvethError } from '../../../src/errors.js'
import { mergeImpair, planImpair } from '../../../src/faults/impair-plan.js'
import { planRule } from '../../../src/faults/rule-plan.js'
import { planSchedule } from '../../../src/faults/schedule-plan.js'
import type { EndOptions, EndSettings, Netns, PairOptions, RuleOptions } from '../../../src/index.js'
import { NOTHING } from '../../../src/link/protocol.js'
import { countedRule, planChains, ruleStats } from '../../../src/pair/chain.js'
import type { Dossier, Wishes } from '../../../src/pair/dossier.js'
import { formerOf } from '../../../src/pair/former.js'
import { planPair } from '../../../src/pair/options.js'
import { NO_COUNTS } from '../../../src/pair/stats.js'

/** Namespaces that there are: name (null for home) -> inode. */
export const NAMESPACES = new Map<Netns, number>([
  [null, 1],
  ['red', 2],
  ['blue', 3],
])

class FakeEnd {
  name: string
  netns: string | null
  netnsInode = 0
  readonly ifindex = 5
  readonly flags = 0
  address = '02:00:00:00:00:01'
  mtu: number
  isUp: boolean
  readonly txQueueLength = 1000
  readonly foreignQueues = 0
  altnames: string[] = []
  impairment: ReturnType<typeof planImpair> | null
  scheduled: object | null = null
  counted: ReturnType<typeof countedRule>[]
  readonly #numbers: { last: number }

  constructor(
    { name = 'veth%d', netns = null, mtu = 1500, up = false }: EndOptions,
    from: Dossier['a'],
    n: { last: number },
  ) {
    this.name = name.replace('%d', '0')
    this.netns = null
    this.#move(netns)
    this.mtu = mtu
    this.isUp = up
    this.impairment = from.impair
    this.counted = [...from.rules]
    this.#numbers = n
  }

  #move(netns: Netns): void {
    const inode = NAMESPACES.get(netns)
    if (inode === undefined)
      throw new UvethError(`ENOENT: no such network namespace '${netns}'`, {
        code: 'ENOENT',
        attribute: 'netns',
      })
    this.netns = netns as string | null
    this.netnsInode = inode
  }

  get state() {
    const {
      name,
      ifindex,
      netns,
      netnsInode,
      address,
      mtu,
      isUp: up,
      flags,
      txQueueLength,
      foreignQueues,
      altnames,
    } = this
    return {
      altnames,
      name,
      ifindex,
      netns,
      netnsInode,
      address,
      mtu,
      up,
      flags,
      txQueueLength,
      foreignQueues,
    }
  }

  async set({ name = this.name, mtu = this.mtu, up = this.isUp, ...rest }: EndSettings): Promise<void> {
    const [unknown] = Object.keys(rest).filter((key) => key === 'rules' || key === 'ifindex')
    if (unknown !== undefined) throw invalid(`unknown a.${unknown}`, `a.${unknown}`)
    Object.assign(this, { name, mtu, isUp: up })
  }

  async move(netns: Netns, settings: EndSettings): Promise<void> {
    this.#move(netns)
    await this.set({ up: false, ...settings })
  }

  async impair(options: unknown) {
    this.impairment = options === null ? null : planImpair(options, 'impair')
    return this.impairment
  }

  async patchImpairment(patch: unknown) {
    this.impairment = patch === null ? null : mergeImpair(this.impairment, patch, 'impair')
    return this.impairment
  }

  async schedule(steps: unknown, options: object = {}) {
    const plan = steps === null ? null : planSchedule({ steps, ...options }, 'schedule')
    this.scheduled = plan && { ...plan, done: 0, missed: 0, over: false }
    return this.scheduled
  }

  addRule(action: RuleOptions['action'], match: RuleOptions['match'] = {}) {
    const plan = { id: ++this.#numbers.last, ...planRule({ action, match }, 'rule') }
    this.counted.push(countedRule(plan))
    return { id: plan.id }
  }

  removeRule(id: number): boolean {
    const before = this.counted.length
    this.counted = this.counted.filter(({ plan }) => plan.id !== id)
    return this.counted.length < before
  }

  rules() {
    return this.counted.map(ruleStats)
  }

  async settled(): Promise<void> {}
}

export class FakePair extends EventEmitter {
  /** Names of interfaces that somebody else has. */
  static readonly taken = new Set<string>()
  /** A schedule sets whatever is ordered. */
  static busy = false
  static readonly made: { options: PairOptions; from: Dossier | undefined }[] = []
  carrier = true
  closed: string | undefined
  mode: Dossier['carrier'] = 'auto'
  readonly flaps: number[] = []
  #changed: () => void = () => {}
  readonly id: string
  readonly a: FakeEnd
  readonly b: FakeEnd

  private constructor(options: PairOptions, from: Dossier | undefined) {
    super()
    const [a, b] = from === undefined ? planChains(options) : [from.a, from.b]
    const rules = [...a.rules, ...b.rules]
    const numbers = { last: Math.max(0, ...rules.map(({ plan }) => plan.id)) }
    this.a = new FakeEnd(options.a ?? {}, { ...a, counts: NO_COUNTS, former: null }, numbers)
    this.b = new FakeEnd(options.b ?? {}, { ...b, counts: NO_COUNTS, former: null }, numbers)
    this.id = options.id ?? this.a.name
    this.mode = from?.carrier ?? 'auto'
  }

  static async create(options: PairOptions, _link?: unknown, from?: Dossier): Promise<FakePair> {
    planPair(options) // refuses what the real one refuses
    FakePair.made.push({ options, from })
    const pair = new FakePair(options, from)
    if (FakePair.taken.has(pair.a.name))
      throw new UvethError(`EEXIST: '${pair.a.name}' is taken`, { code: 'EEXIST', attribute: 'a.name' })
    return pair
  }

  static dossier<W>(pair: FakePair, wishes: Wishes<W>): Dossier<W> {
    const of = ({ impairment, counted, state }: FakeEnd) => ({
      impair: impairment,
      schedule: null,
      rules: counted,
      counts: NO_COUNTS,
      former: formerOf(state, NOTHING),
    })
    const [a, b] = [of(pair.a), of(pair.b)]
    const nothing = { flaps: [], captures: [], progress: [] } as const
    return { version: 1, id: pair.id, wishes, carrier: pair.mode, a, b, lastRule: 0, ...nothing } as never
  }

  static needFree(): void {
    if (FakePair.busy) throw new UvethError('EBUSY: a schedule sets it', { code: 'EBUSY' })
  }

  static follow(pair: FakePair, changed: () => void): void {
    pair.#changed = changed
  }

  /** Others do that to its end `a`. */
  rename(name: string): void {
    this.a.name = name
    this.#changed()
  }

  static async suspend<W>(pair: FakePair, wishes: Wishes<W>): Promise<Dossier<W>> {
    const direction = { origin: 0, number: 7, held: [] }
    return { ...FakePair.dossier(pair, wishes), progress: [direction, direction] }
  }

  async setCarrier(mode: Dossier['carrier']): Promise<void> {
    this.mode = mode
    this.carrier = mode !== 'off'
  }

  async flap(ms: number): Promise<void> {
    this.flaps.push(ms)
  }

  async stats(): Promise<object> {
    return {}
  }

  static async brief(pair: FakePair): Promise<object> {
    return await pair.stats()
  }

  static async described(pair: FakePair): Promise<object> {
    return await pair.stats()
  }

  /** Ends as the kernel, or our own failure, may end it. */
  end(reason: string): void {
    this.closed = reason
    this.emit('closed', { reason, end: null })
  }

  async close(): Promise<void> {
    if (this.closed === undefined) this.end('close')
  }
}
