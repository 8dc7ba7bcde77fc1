// What is refused of a program, and of a test without a body, before anything is started or made.

import { expect, test } from 'vitest'
import { withPair } from '../../../src/testing/index.js'
import { Programs } from '../../../src/testing/programs.js'

const placeOf = (name: string) => ({ name, enter: ['ip', 'netns', 'exec', name] })
const { exec, spawn } = new Programs([placeOf('a'), placeOf('b')])
const options = (wrong: object) => wrong as never

test('misuse of exec is refused', async () => {
  const refusals: [Promise<unknown>, RegExp][] = [
    [exec('c' as never, 'true'), /^EINVAL: end must be one of a, b, not "c"$/],
    [exec('a', ''), /^EINVAL: a command is a text$/],
    [
      exec('a', 'true', options({ timeuot: 1 })),
      /^EINVAL: unknown attribute timeuot: there are env, cwd, input, timeout, signal, allowFailure$/,
    ],
    [exec('a', 'ls', ['-l'], options({ shell: true })), /^EINVAL: unknown attribute shell/],
    [exec('a', 'ls', '-l' as never), /^EINVAL: the wish must be an object, not "-l"$/],
  ]
  for (const [promise, message] of refusals) {
    await expect(promise).rejects.toMatchObject({ code: 'EINVAL', message: expect.stringMatching(message) })
  }
})

test('a failure names the program with all of its arguments, or the line for the shell', async () => {
  const here = new Programs([{ name: 'a', enter: ['env'] }])
  await expect(here.exec('a', 'false', ['-c', '5'])).rejects.toThrow(/^'false -c 5' on a ended with code 1$/)
  await expect(here.exec('a', 'sh', ['-c', 'exit $1', 'sh', '7'])).rejects.toThrow(
    /^'sh -c exit \$1 sh 7' on a ended with code 7$/,
  )
  await expect(here.exec('a', 'true; exit 3')).rejects.toThrow(/^'true; exit 3' on a ended with code 3$/)
})

test('after the end nothing is run any more, in one sentence', async () => {
  const closed = new Programs([{ name: 'client', enter: ['env'] }])
  closed.close('lab')
  const says = /^ENODEV: the lab of this test is closed: nothing is run on client any more$/
  await expect(closed.of('client').exec('true')).rejects.toThrow(says)
  expect(() => closed.of('client').spawn('true')).toThrow(says)
})

test('misuse of spawn is refused', () => {
  expect(() => spawn('c' as never, 'true')).toThrow(/^EINVAL: end must be one of a, b, not "c"$/)
  expect(() => spawn('a', 'sleep', ['1'], options({ timeout: 1 }))).toThrow(
    /^EINVAL: unknown attribute timeout: there are env, cwd$/,
  )
})

test('a test without a body is refused', async () => {
  await expect(withPair({}, undefined as never)).rejects.toThrow(/^EINVAL: give the body of the test/)
  await expect(withPair({} as never)).rejects.toMatchObject({ code: 'EINVAL', attribute: 'body' })
})
