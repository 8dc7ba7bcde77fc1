// What is done to the frames of an end: one function for each operation of ops.ts about impairments, rules
// and flaps. Called by http.ts, as handlers.ts is. What is ordered is in force when the promise resolves.

import type { FlapOrder, ImpairPatch, ImpairWish, RuleWish } from '../contract/ops.js'
import { renamed, UvethError } from '../errors.js'
import type { End, ImpairPlan, RuleStats } from '../index.js'
import type { Caller } from './caller.js'
import { endChanged, findEnd, type PairRegistry } from './handlers.js'
import type { Entry } from './registry.js'
import type { SentWish } from './wanted.js'

export function getImpair(registry: PairRegistry, caller: Caller, ref: string): ImpairPlan | null {
  return findEnd(registry, caller, ref).end.impairment
}

/** Replaces the whole set; null takes it away. */
export async function setImpair(
  registry: PairRegistry,
  caller: Caller,
  ref: string,
  wish: ImpairWish | null,
): Promise<ImpairPlan | null> {
  const { entry, end } = findEnd(registry, caller, ref)
  const plan = await end.impair(wish)
  await endChanged(registry, entry, end, { impair: plan })
  return plan
}

/** Changes a part of it, as a JSON merge patch. */
export async function patchImpair(
  registry: PairRegistry,
  caller: Caller,
  ref: string,
  patch: ImpairPatch,
): Promise<ImpairPlan | null> {
  const { entry, end } = findEnd(registry, caller, ref)
  const plan = await end.patchImpairment(patch)
  await endChanged(registry, entry, end, { impair: plan })
  return plan
}

export function listRules(registry: PairRegistry, caller: Caller, ref: string): RuleStats[] {
  return findEnd(registry, caller, ref).end.rules()
}

export async function addRule(
  registry: PairRegistry,
  caller: Caller,
  ref: string,
  { action, match }: RuleWish,
): Promise<RuleStats> {
  const { entry, end } = findEnd(registry, caller, ref)
  let id: number
  try {
    id = end.addRule(action, match).id
  } catch (error) {
    throw renamed(error, (attribute) => attribute.replace(/^rule\./, ''))
  }
  await rulesChanged(registry, entry, end, { ruleAdded: { id, action, match } })
  // Another order may have removed it already.
  return end.rules().find((rule) => rule.id === id) ?? gone(end, String(id))
}

export async function deleteRule(
  registry: PairRegistry,
  caller: Caller,
  ref: string,
  id: string,
): Promise<void> {
  const { entry, end } = findEnd(registry, caller, ref)
  if (!/^\d{1,15}$/.test(id) || !end.removeRule(Number(id))) gone(end, id)
  await rulesChanged(registry, entry, end, { ruleRemoved: Number(id) })
}

export async function clearRules(registry: PairRegistry, caller: Caller, ref: string): Promise<void> {
  const { entry, end } = findEnd(registry, caller, ref)
  const rules = end.rules()
  for (const { id } of rules) end.removeRule(id)
  if (rules.length > 0) await rulesChanged(registry, entry, end, { rulesRemoved: rules.length })
}

/** One after the other: each puts carrier back to what it found. `signal`: whoever has ordered it is gone. */
export async function flapPair(
  registry: PairRegistry,
  caller: Caller,
  ref: string,
  { ms, times }: FlapOrder,
  signal: AbortSignal,
): Promise<void> {
  const { pair } = registry.find(ref, caller.inode).entry
  await registry.inTurn(`flap ${pair.id}`, () => pair.flap(ms, times, { signal }))
}

async function rulesChanged(
  registry: PairRegistry,
  entry: Entry<SentWish>,
  end: End,
  change: object,
): Promise<void> {
  await end.settled()
  await endChanged(registry, entry, end, change)
}

function gone(end: End, id: string): never {
  throw new UvethError(`ENODEV: ${end.name} has no rule ${id}`, { code: 'ENODEV', attribute: 'id' })
}
