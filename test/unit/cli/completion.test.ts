// What the completion offers, and what the help says, against the tables that the grammars read by.

import { afterEach, expect, test, vi } from 'vitest'
import { capture } from '../../../src/cli/capture/capture.js'
import { completion } from '../../../src/cli/completion.js'
import { daemon, health } from '../../../src/cli/daemon/daemon.js'
import { doctor } from '../../../src/cli/doctor.js'
import { LINK_HELP } from '../../../src/cli/help.js'
import { APPLY, CAPTURE, DAEMON, DESTROY, LOOK, REPLAY, RUN, SHELL } from '../../../src/cli/options.js'
import { replayFile } from '../../../src/cli/replay.js'
import { run } from '../../../src/cli/run.js'
import { VERBS } from '../../../src/cli/words.js'
import { IMPAIR_WORDS } from '../../../src/faults/impair-words.js'
import { ACTION_WORDS, MATCH_WORDS } from '../../../src/faults/rule-words.js'
import { PAIR_WORDS } from '../../../src/iproute/grammar.js'
import { ATTRIBUTES } from '../../../src/iproute/keywords.js'
import { SETTING } from '../../../src/wishes/end.js'
import { ACTION, RULE } from '../../../src/wishes/rule.js'

afterEach(() => {
  vi.restoreAllMocks()
})

async function writtenBy(verb: () => Promise<number>): Promise<string> {
  const written: string[] = []
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0)
  expect(await verb()).toBe(0)
  return written.join('')
}

test.each(['bash', 'zsh', 'fish'])(
  '%s completes every word of links, impairments and rules, every verb and its options',
  async (shell) => {
    const words = new Set((await writtenBy(() => completion([shell]))).split(/[\s;'"]+/))
    const tables = [RUN, CAPTURE, REPLAY, DAEMON, LOOK, SHELL, APPLY, DESTROY].flatMap((table) =>
      Object.keys(table),
    )
    const options = tables.map((name) => `--${name}`)
    const all = [...IMPAIR_WORDS, ...MATCH_WORDS, ...ACTION_WORDS, ...options, ...ATTRIBUTES, ...VERBS]
    expect(all.filter((word) => !words.has(word))).toEqual([])
  },
)

test.each([
  ['run', run, RUN],
  ['daemon', daemon, DAEMON],
  ['health', health, LOOK],
  ['doctor', doctor, LOOK],
  ['capture', (words: string[]) => capture({} as never, words), CAPTURE],
  ['replay', (words: string[]) => replayFile({} as never, words), REPLAY],
] as const)('the help of %s has each of its options', async (_, verb, options) => {
  const help = await writtenBy(() => verb(['--help']))
  for (const [name, option] of Object.entries(options)) {
    const short = 'short' in option ? `-${option.short}\\b|` : ''
    if (name !== 'help') expect(help).toMatch(new RegExp(`${short}--${name}\\b`))
  }
})

test('the words of link have every attribute of an end, but what only programs set', () => {
  const otherwise: Record<string, string> = { txQueueLength: 'txqueuelen' }
  const words = Object.keys(SETTING.parts).map((key) => otherwise[key] ?? key)
  expect(words.filter((word) => !ATTRIBUTES.includes(word))).toEqual(['addresses', 'dad'])
})

test('the help has every word of links, impairments and rules', () => {
  const words = new Set(LINK_HELP.split(/[^a-z0-9-]+/))
  const synonyms = ['latency', 'drop'] // of tc, for delay and loss
  const all = [...IMPAIR_WORDS, ...MATCH_WORDS, ...ACTION_WORDS, ...ATTRIBUTES, ...PAIR_WORDS].filter(
    (word) => !synonyms.includes(word),
  )
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
