// How a verb reads its words: src/cli/usage.ts over util.parseArgs, whose good answers are only touched here.
// Its complaints differ in form; they must come out as one line that ends in where help is.
// What each verb does with its words is shown by the integration tests.

import { expect, test } from 'vitest'
import { parseVerb, UsageError } from '../../../src/cli/usage.js'

const OPTIONS = {
  mtu: { type: 'string' },
  addr: { type: 'string', multiple: true },
  down: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

const parse = (...args: string[]) => parseVerb('run', args, OPTIONS)

test.each<[string, string[], RegExp]>([
  ['an unknown option', ['--colour'], /^Unknown option '--colour'/],
  ['an unknown short option', ['-x'], /^Unknown option '-x'/],
  ['an option without its value', ['--mtu'], /'--mtu <value>'/],
  ['a value that looks like an option', ['--mtu', '--down'], /--mtu/],
  ['a value for a flag', ['--down=yes'], /'--down'/],
])('refuses %s, in one line', (_, args, complaint) => {
  let error: unknown
  try {
    parse(...args)
  } catch (thrown) {
    error = thrown
  }
  expect(error).toBeInstanceOf(UsageError)
  const { message } = error as UsageError
  expect(message).toMatch(complaint)
  expect(message).toMatch(/: try uveth run --help$/)
  expect(message).not.toContain('\n')
})

test('takes options and words in any order, and an option several times', () => {
  const { values, positionals } = parse('A', '--addr', 'x', '--mtu=1500', 'B', '--addr', 'y', '-h')
  expect({ ...values }).toEqual({ addr: ['x', 'y'], mtu: '1500', help: true })
  expect(positionals).toEqual(['A', 'B'])
})

test('a number below 0 is a value, for the verb to refuse', () => {
  expect({ ...parse('--mtu', '-1', '--addr', '-.5', '--addr', 'x').values }).toEqual({
    mtu: '-1',
    addr: ['-.5', 'x'],
  })
  expect(parse('--', '--mtu', '-1').positionals).toEqual(['--mtu', '-1'])
  expect(() => parse('--down', '-1')).toThrow(/-1/)
})

test('after -- everything is a word', () => {
  expect(parse('--', '--down').positionals).toEqual(['--down'])
})
