// How a command ends: the exit codes of iproute2 and the one line that it says.

import { expect, test } from 'vitest'
import { exitCodeOf, isNobody, sentenceOf } from '../../../src/cli/failure.js'
import { UsageError } from '../../../src/cli/usage.js'
import { invalid, systemError, UvethError } from '../../../src/errors.js'

const connect = (code: string) => new UvethError(`${code}: no daemon`, { code, syscall: 'connect' })

test.each<[what: string, error: unknown, code: number]>([
  ['wrong words', new UsageError('what is that?'), 1],
  ['a bad value', invalid('mtu must be a number', 'mtu'), 1],
  [
    'a value that the kernel refuses',
    new UvethError('EINVAL', { code: 'EINVAL', syscall: 'x', attribute: 'mtu' }),
    1,
  ],
  ['no such device', systemError(-19, 'RTM_SETLINK'), 1],
  ['no daemon', connect('ECONNREFUSED'), 1],
  ['a daemon that may not be reached', connect('EACCES'), 2],
  ['what the kernel refuses', systemError(-16, 'ioctl(TUNSETIFF)'), 2],
  ['a fault of ours', new TypeError('x is not a function'), 1],
])('%s: %s', (_, error, code) => {
  expect(exitCodeOf(error)).toBe(code)
})

test('only a socket that nobody listens on is nobody', () => {
  expect([connect('ENOENT'), connect('ECONNREFUSED'), connect('EACCES')].map(isNobody)).toEqual([
    true,
    true,
    false,
  ])
  expect(isNobody(systemError(-2, 'open'))).toBe(false)
})

test('what is known is one line; what nobody expected comes with its stack', () => {
  expect(sentenceOf(new UsageError('what is that?'))).toBe('uveth: what is that?')
  expect(sentenceOf(invalid('mtu must be a number', 'mtu'))).toMatch(/^uveth: EINVAL: mtu must be[^\n]*$/)
  expect(sentenceOf(new TypeError('x'))).toMatch(/^uveth: TypeError: x\n {4}at /)
})
