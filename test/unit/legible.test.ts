// Text from outside on a terminal: nothing of it moves the cursor, and JSON stays the same value.

import { expect, test } from 'vitest'
import { sentenceOf } from '../../src/cli/failure.js'
import { UvethError } from '../../src/errors.js'
import { legible, legibleJson } from '../../src/legible.js'

const HOSTILE = 'a\u001b[2J\u009b31m\r\n\u202eb\u007f'
const TAME = 'a\\u001b[2J\\u009b31m\\u000d\\u000a\\u202eb\\u007f'

test('in a text, in all texts of a value, in its keys', () => {
  expect(legible(HOSTILE)).toBe(TAME)
  expect(legible({ a: [HOSTILE, 1, null], [HOSTILE]: true })).toEqual({ a: [TAME, 1, null], [TAME]: true })
  expect(legible('veth0 gr\u00fc\u00df \u{1f980}')).toBe('veth0 gr\u00fc\u00df \u{1f980}')
})

test.each([0, 4])('in JSON, which reads as it was (indented by %i)', (indent) => {
  const value = { id: HOSTILE, more: [HOSTILE] }
  const text = legibleJson(value, indent)
  expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u)
  expect(JSON.parse(text)).toEqual(value)
})

test('in a sentence, which is one line', () => {
  expect(sentenceOf(new UvethError(`ENODEV: no pair '${HOSTILE}'`, { code: 'ENODEV' }))).toBe(
    `uveth: ENODEV: no pair '${TAME}'`,
  )
})
