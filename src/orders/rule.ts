// Orders about one rule of an end, by its number as HTTP has it: what they are refused with. Called by handlers.ts, which
// keeps and tells what has changed.

import { renamed, UvethError } from '../errors.js'
import type { End, RuleStats } from '../index.js'

/** Over HTTP a rule is a wish of its own. */
export function ofRule<T>(order: () => T): T {
  try {
    return order()
  } catch (error) {
    throw renamed(error, (attribute) => attribute.replace(/^rule\./, ''))
  }
}

/** Another order may have removed it already. */
export function ruleOf(end: End, id: number): RuleStats {
  return end.rules().find((rule) => rule.id === id) ?? gone(end, String(id))
}

/** 0, which no rule has, for what is no number. */
export function numberOf(id: string): number {
  return /^\d{1,15}$/.test(id) ? Number(id) : 0
}

export function gone(end: End, id: string): never {
  throw new UvethError(`ENODEV: ${end.name} has no rule ${id}`, { code: 'ENODEV', attribute: 'id' })
}
