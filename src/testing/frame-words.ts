// A match and a list of counts in a few words, for messages of failing tests.

import type { MatchPlan } from '../faults/match-plan.js'
import { formatRule } from '../faults/rule-words.js'

/** `udp dport 53`, as the command writes it. */
export function matchWords({ normal }: MatchPlan): string {
  const words = formatRule({ action: { kind: 'drop' }, match: normal }).replace(/^drop ?/, '')
  return words === '' ? 'any frame' : `\`${words}\``
}

/** `2 loss, 1 limit`: of what is not zero. */
export function countWords(counts: Record<string, number>): string {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ')
}

/** `1 frame`, `2 frames`. */
export function frames(count: number): string {
  return count === 1 ? '1 frame' : `${count} frames`
}
