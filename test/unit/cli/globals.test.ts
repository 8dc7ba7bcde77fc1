// Options in front of the verb: src/cli/globals.ts. iproute2's spellings, with one dash or two, shortened,
// and the same that stand behind verbs which only show.

import { expect, test } from 'vitest'
import { noGlobals, readGlobals, readTrailing } from '../../../src/cli/globals.js'
import { UsageError } from '../../../src/cli/usage.js'

/** What differs from the defaults. */
function read(...words: string[]) {
  const { globals, rest } = readGlobals(words)
  const defaults: Record<string, unknown> = { ...noGlobals() }
  const set = Object.entries(globals).filter(([key, value]) => defaults[key] !== value)
  return { set: Object.fromEntries(set), rest }
}

test.each<[string, string[], RegExp]>([
  ['an unknown option', ['-x', 'link'], /^option "-x" is unknown: try uveth --help$/],
  ['an option with too many letters', ['-jsonx'], /"-jsonx" is unknown/],
  ['-n without its value', ['-n'], /^option "-n" takes a value$/],
  ['-batch without its value', ['-batch'], /"-batch" takes a value/],
  ['--socket with nothing behind the =', ['--socket='], /"--socket=" takes a value/],
  ['a value for a flag', ['--json=yes'], /"--json=yes" takes no value/],
  ['an option that only ip has', ['-l'], /^option "-l" \(loops\) is for ip alone: try uveth --help$/],
  ['a family that is not there', ['-f'], /^option "-f" takes a value$/],
  ['an unknown colour mode', ['--color=blue'], /"--color=blue" takes auto, always, never/],
])('refuses %s, in one line', (_, words, complaint) => {
  expect(() => readGlobals(words)).toThrow(UsageError)
  expect(() => readGlobals(words)).toThrow(complaint)
})

test.each<[string[], Record<string, unknown>]>([
  [['-j', '-p'], { json: true, pretty: true }],
  [['-json', '--pretty'], { json: true, pretty: true }],
  [['-s', '-d', '-o'], { stats: true, details: true, oneline: true }],
  [['-statistics', '-det', '-oneline'], { stats: true, details: true, oneline: true }],
  [['-br'], { brief: true }],
  [['-b', 'FILE'], { batch: 'FILE' }],
  [['-batch', '-', '-force'], { batch: '-', force: true }],
  [['-n', 'blue'], { netns: 'blue' }],
  [['--netns=blue'], { netns: 'blue' }],
  [['--socket', '/tmp/s'], { socket: '/tmp/s' }],
  [['--no-start'], { start: false }],
  [['-c'], { color: 'always' }],
  [['--color=never'], { color: 'never' }],
  [['-4', '-6', '-r', '-a', '-N', '-j'], { json: true }],
  [['-t'], { timestamp: true }],
  [['-ts'], { tshort: true }],
  [['-V'], { ask: 'version' }],
  [['--version'], { ask: 'version' }],
  [['-h'], { human: true }],
  [['-human', '-iec'], { human: true, iec: true }],
  [['-he'], { ask: 'help' }],
  [['-f', 'inet', '-family', 'inet6', '-fo'], { force: true }],
])('reads %j', (words, set) => {
  expect(read(...words, 'link', 'show')).toEqual({ set, rest: ['link', 'show'] })
})

test('ends at the verb, or at --', () => {
  expect(read('-j', 'run', '-s')).toEqual({ set: { json: true }, rest: ['run', '-s'] })
  expect(read('-j', '--', '-s')).toEqual({ set: { json: true }, rest: ['-s'] })
  expect(read('-')).toEqual({ set: {}, rest: ['-'] })
})

test('behind a verb that shows, options may stand anywhere', () => {
  const { globals, rest } = readTrailing({ ...noGlobals(), json: true }, ['-br', 'veth0', '-s'])
  expect(globals).toEqual({ ...noGlobals(), json: true, brief: true, stats: true })
  expect(readTrailing(noGlobals(), ['-h']).globals).toEqual({ ...noGlobals(), ask: 'help' })
  expect(rest).toEqual(['veth0'])
})

test('what follows dev is a name', () => {
  expect(readTrailing(noGlobals(), ['dev', '-j']).rest).toEqual(['dev', '-j'])
})

test('what concerns more than the output stands in front', () => {
  for (const words of [['-n', 'blue'], ['--socket=x'], ['-force']])
    expect(() => readTrailing(noGlobals(), words)).toThrow(`option "${words[0]}" stands in front of the verb`)
})
