// `uveth link set X impair … | rule … | flap … | schedule …`: what is done to the frames that X sends, in the words of tc
// and of rules (faults/impair-words.ts, rule-words.ts); a schedule is a file (schedule.ts). Called by link.ts for the command line and for
// batches. Prints nothing when it succeeds, unless it is asked to show something.

import type { EndView, PairView, RuleWish } from '../../contract/ops.js'
import { renamed } from '../../errors.js'
import { excessWords } from '../../faults/excess.js'
import { formatImpair, impairWord, parseImpairWords } from '../../faults/impair-words.js'
import { withUnit } from '../../faults/rule-values.js'
import { formatRule, parseRuleWords, ruleWord } from '../../faults/rule-words.js'
import { formatSchedule } from '../../faults/schedule-words.js'
import type { ImpairOptions, ImpairPlan, PairStats, RuleStats } from '../../index.js'
import { type Fault, faultOf } from '../../iproute/keywords.js'
import { expand, matches, wrong } from '../../iproute/words.js'
import { legible } from '../../legible.js'
import { written } from '../../wishes/words.js'
import { readText } from '../read-text.js'
import { type Session, write, writeJson } from '../session.js'
import { UsageError } from '../usage.js'
import { giveSchedule, parseSchedule, readShown, type ScheduleOrder } from './schedule.js'

export type FaultOrder = { ref: string } & (
  | { fault: 'impair'; order: 'show' | 'none'; words: string[] }
  | { fault: 'impair'; order: 'set'; options: ImpairOptions }
  | { fault: 'rule'; order: 'show'; words: string[] }
  | { fault: 'rule'; order: 'add'; rule: RuleWish }
  | { fault: 'rule'; order: 'replace'; id: string; rule: RuleWish }
  | { fault: 'rule'; order: 'delete'; id: string }
  | { fault: 'rule'; order: 'flush' }
  | ScheduleOrder
  | { fault: 'flap'; ms: number | string; times: number | string }
)

const RULE_ORDERS = ['add', 'replace', 'delete', 'show', 'list', 'lst', 'flush'] as const

/** `link set [dev] NAME impair|rule|flap|schedule …`; undefined for every other order. Words behind `set`. */
export function parseFault(words: readonly string[]): FaultOrder | undefined {
  const fault = faultOf(words)
  const [ref, , ...rest] = words[0] === 'dev' ? words.slice(1) : words
  if (ref === undefined || fault === undefined) return undefined
  return { ref, ...PARSERS[fault](rest) } as FaultOrder
}

type Order = FaultOrder extends infer T ? (T extends FaultOrder ? Omit<T, 'ref'> : never) : never

const PARSERS: Record<Fault, (words: string[]) => Order> = {
  impair: parseImpair,
  rule: parseRule,
  flap: parseFlap,
  schedule: parseSchedule,
}

function parseImpair(words: string[]): Order {
  const [word, ...more] = words
  if (word === undefined) throw new UsageError('impair takes words as tc netem has them, "show" or "none"')
  if (word.length > 1 && matches(word, 'show')) return { fault: 'impair', order: 'show', words: more }
  if (word === 'none') {
    if (more[0] !== undefined) throw wrong(more[0], '"impair none" takes no words')
    return { fault: 'impair', order: 'none', words: [] }
  }
  return { fault: 'impair', order: 'set', options: parseImpairWords(words, readText) }
}

function parseRule(words: string[]): Order {
  const [word, ...more] = words
  const order = word === undefined ? 'show' : expand(word, RULE_ORDERS)
  switch (order) {
    case 'add':
      return { fault: 'rule', order, rule: parseRuleWords(more, readText) }
    case 'replace': {
      const [id, ...words] = more
      if (!isId(id))
        throw new UsageError('"rule replace" takes the number of a rule, as "rule show" has it, and a rule')
      return { fault: 'rule', order, id, rule: parseRuleWords(words, readText) }
    }
    case 'delete': {
      const [id, ...others] = more
      if (!isId(id) || others.length > 0)
        throw new UsageError('"rule del" takes the number of one rule, as "rule show" has it')
      return { fault: 'rule', order, id }
    }
    case 'flush':
      if (more[0] !== undefined) throw wrong(more[0], '"rule flush" takes no words')
      return { fault: 'rule', order }
    case undefined:
      throw wrong(String(word), 'behind "rule" come "add …", "replace ID …", "del ID", "show" and "flush"')
    default:
      return { fault: 'rule', order: 'show', words: more }
  }
}

function isId(word: string | undefined): word is string {
  return word !== undefined && /^\d{1,15}$/.test(word)
}

function parseFlap([time, times = '1', ...more]: string[]): Order {
  if (time === undefined) throw new UsageError('flap takes a time like 200ms, and how many times')
  if (more[0] !== undefined) throw wrong(more[0], 'flap takes a time, and how many times')
  return { fault: 'flap', ms: withUnit('flap', time), times: written(times) }
}

/** What the daemon refuses is told in the words of the order. */
export async function giveFault(session: Session, given: FaultOrder): Promise<number> {
  if (given.fault === 'schedule') return await giveSchedule(session, given)
  const ref = await session.ref(given.ref)
  const order = { ...given, ref }
  try {
    if (order.fault === 'impair') await giveImpair(session, order)
    else if (order.fault === 'rule') await giveRule(session, order)
    else await session.client.call('pair.flap', { ref, body: { ms: order.ms, times: order.times } })
  } catch (error) {
    throw renamed(error, FAULT_WORDS[order.fault])
  }
  return 0
}

/** How the words of a fault call an attribute of its order. */
const FAULT_WORDS: Record<Exclude<Fault, 'schedule'>, (attribute: string) => string> = {
  impair: (attribute) => impairWord(attribute.replace(/^impair\./, '')),
  rule: ruleWord,
  flap: (attribute) => ({ ms: 'TIME', times: 'TIMES' })[attribute] ?? attribute,
}

type Of<F extends Fault> = Extract<FaultOrder, { fault: F }>

async function giveImpair({ client, globals }: Session, order: Of<'impair'>): Promise<void> {
  const { ref } = order
  if (order.order === 'none') return await client.call('impair.del', { ref })
  if (order.order === 'set') {
    const plan = await client.call<ImpairPlan>('impair.set', { ref, body: order.options })
    if (globals.json) writeJson(plan, globals)
    return
  }
  const shown = readShown(globals, order.words)
  const plan = await client.call<ImpairPlan | null>('impair.get', { ref })
  if (shown.json) return writeJson(plan, shown)
  const { end, pair } = await client.call<{ end: 'a' | 'b'; pair: PairView }>('end.get', { ref })
  const stats = await client.call<PairStats>('pair.stats', { ref: `id:${pair.id}` })
  const lines = [plan === null ? 'none' : formatImpair(legible(plan)), ...excessWords(stats[end].drops)]
  write(lines.map((line) => `${line}\n`).join(''))
}

async function giveRule({ client, globals }: Session, order: Of<'rule'>): Promise<void> {
  const { ref } = order
  switch (order.order) {
    case 'add':
    case 'replace': {
      const { rule: body } = order
      const rule =
        order.order === 'add'
          ? await client.call<RuleStats>('rule.add', { ref, body })
          : await client.call<RuleStats>('rule.set', { ref, id: order.id, body })
      if (globals.json) writeJson(rule, globals)
      return
    }
    case 'delete':
      return await client.call('rule.del', { ref, id: order.id })
    case 'flush':
      return await client.call('rule.clear', { ref })
    case 'show': {
      const shown = readShown(globals, order.words)
      const rules = await client.call<RuleStats[]>('rule.list', { ref })
      if (shown.json) writeJson(rules, shown)
      else
        write(
          legible(rules)
            .map((rule) => `${ruleText(rule)}\n`)
            .join(''),
        )
    }
  }
}

/** What is done to the frames that an end sends, in the words that `impair` and `rule add` take. */
export function faultLines({ impair, schedule, rules }: EndView): string[] {
  const words = impair === null ? [] : [`impair ${formatImpair(impair)}`]
  const timed = schedule === null ? [] : [`schedule ${formatSchedule(schedule)}`]
  return [...words, ...timed, ...rules.map(ruleText)]
}

/** `rule 3: drop udp dport 53 nth 3 matched 7 hits 1`; one that impairs says what it did, too: `loss 4 held 2`. */
function ruleText(rule: RuleStats): string {
  // As the daemon answers it, a rule is in its normal form.
  const words = formatRule(rule as unknown as Parameters<typeof formatRule>[0])
  const met = Object.entries(rule.impaired ?? {}).flatMap(([name, count]) => (count > 0 ? [name, count] : []))
  return [`rule ${rule.id}: ${words} matched ${rule.matched} hits ${rule.hits}`, ...met].join(' ')
}
