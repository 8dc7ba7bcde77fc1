// What the completion offers, and what the help says, against the tables that the grammars read by.

import { afterEach, expect, test, vi } from 'vitest'
import { completion } from '../../../src/cli/completion.js'
import { LINK_HELP } from '../../../src/cli/help.js'
import { OPTIONS } from '../../../src/cli/run.js'
import { IMPAIR_WORDS } from '../../../src/faults/impair-words.js'
import { ACTION_WORDS, MATCH_WORDS } from '../../../src/faults/rule-words.js'
import { ACTION, RULE } from '../../../src/wishes/rule.js'

afterEach(() => {
  vi.restoreAllMocks()
})

async function scriptOf(shell: string): Promise<string> {
  const written: string[] = []
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0)
  await completion([shell])
  return written.join('')
}

test.each(['bash', 'zsh', 'fish'])('%s completes every word of impairments, rules and run', async (shell) => {
  const words = new Set((await scriptOf(shell)).split(/[\s;'"]+/))
  const options = Object.keys(OPTIONS).map((name) => `--${name}`)
  const all = [...IMPAIR_WORDS, ...MATCH_WORDS, ...ACTION_WORDS, ...options]
  expect(all.filter((word) => !words.has(word))).toEqual([])
})

test('the help has every word of impairments and rules', () => {
  const words = new Set(LINK_HELP.split(/[^a-z0-9]+/))
  const synonyms = ['latency', 'drop'] // of tc, for delay and loss
  const all = [...IMPAIR_WORDS, ...MATCH_WORDS, ...ACTION_WORDS].filter((word) => !synonyms.includes(word))
  expect(all.filter((word) => !words.has(word))).toEqual([])
})

test('the grammar has every attribute of a rule', () => {
  const keys = Object.entries(RULE.parts.match.parts).flatMap(([key, { parts }]) =>
    Object.keys(parts ?? { [key]: 1 }),
  )
  // Written otherwise: `vlan ID`, `ip` and `ip6`, `length MIN-MAX`.
  const otherwise = ['id', 'version', 'min', 'max']
  expect(keys.filter((key) => !otherwise.includes(key) && !MATCH_WORDS.includes(key))).toEqual([])
  // `corrupt at OFFSET`, `delay TIME`, `duplicate N`.
  const actions = Object.keys(ACTION.parts).filter((key) => !['kind', 'offset', 'ms', 'copies'].includes(key))
  expect(actions.filter((key) => !(ACTION_WORDS as readonly string[]).includes(key))).toEqual([])
})
