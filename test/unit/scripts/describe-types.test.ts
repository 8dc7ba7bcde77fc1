// What the tables of wishes say of an attribute stands in the types that users see: scripts/describe-types.js.

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { described } from '../../../scripts/describe-types.js'

const WISH = {
  schema: {
    properties: {
      mtu: { type: 'integer', description: 'bytes' },
      rules: {
        description: 'in their order',
        items: { anyOf: [{ type: 'null' }, { properties: { match: { description: 'which frames' } } }] },
      },
      plain: {},
    },
  },
}

test('properties that a table describes get a comment, however deep', () => {
  const declarations = [
    'export declare const OTHER: Shape<{',
    '    mtu?: number;',
    '}>;',
    'export declare const WISH: Shape<{',
    '    mtu?: number;',
    '    plain?: number;',
    '    rules?: readonly {',
    '        match: string;',
    '        mtu: string;',
    '    }[];',
    '}> & {',
    '    readonly parts: {',
    '        mtu: Shape<number>;',
  ]
  const added = described(declarations.join('\n'), { WISH }).split('\n')
  expect(added.filter((line) => !declarations.includes(line))).toEqual([
    '    /** bytes */',
    '    /** in their order */',
    '        /** which frames */',
  ])
  expect(added.filter((line) => !line.includes('/**'))).toEqual(declarations)
  expect(added.indexOf('    /** bytes */')).toBe(4)
})

test.each([
  [
    'end',
    /^export declare const END: [\s\S]*?\n {4}\/\*\* L3 payload in bytes; default 1500 \*\/\n {4}mtu\?: number;/m,
  ],
  [
    'end',
    /^export declare const PAIR: [\s\S]*?\n {8}\/\*\* IP addresses with prefix length.*\n {8}addresses\?:/m,
  ],
  [
    'kit',
    /^export declare const TESTBED: [\s\S]*?\n {4}\/\*\* for everything that draws .*\n {4}seed\?: number;/m,
  ],
  [
    'capture',
    /^export declare const CAPTURE: [\s\S]*?\n {4}\/\*\* bytes kept of each frame.*\n {4}snaplen\?: number;/m,
  ],
])('the build of %s has them', (file, words) => {
  expect(readFileSync(`dist/wishes/${file}.d.ts`, 'utf8')).toMatch(words)
})
