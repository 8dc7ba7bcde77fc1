// What stands on a terminal: text by the columns that it takes, bars, keys, and what is written where a screen changes.

import { describe, expect, test } from 'vitest'
import { keysOf } from '../../../../src/cli/top/keys.js'
import { differences } from '../../../../src/cli/top/screen.js'
import { ASCII, fitted, sparkline, widthOf } from '../../../../src/cli/top/width.js'

describe('columns', () => {
  test.each([
    ['veth0', 5],
    ['', 0],
    ['線', 2],
    ['e\u0301', 1],
    ['🔌x', 3],
    ['한글', 4],
    ['a\u200db', 2],
    ['ÄÖ', 2],
  ])('%s takes %i', (text, columns) => {
    expect(widthOf(text)).toBe(columns)
  })

  test.each([
    ['veth0', 8, 'veth0   '],
    ['veth0', 5, 'veth0'],
    ['veth0', 4, 'vet…'],
    ['線路a', 4, '線… '], // half a character is none
    ['線路a', 5, '線路a'],
    ['x', 1, 'x'],
    ['xy', 1, '…'],
    ['xy', 0, ''],
  ])('%s in %i: "%s"', (text, width, expected) => {
    expect(fitted(text, width)).toBe(expected)
    expect(widthOf(fitted(text, width))).toBe(width)
  })

  test('numbers stand at the right, and what would move the cursor is told', () => {
    expect(fitted('12', 4, 'right')).toBe('  12')
    expect(fitted('a\x1b[2Jb', 14)).toBe('a\\u001b[2Jb   ')
  })
})

describe('bars', () => {
  test('the newest at the right, beside the largest', () => {
    expect(sparkline([0, 1, 4, 8], 6)).toBe('   ▁▄█')
    expect(sparkline([9, 9, 0, 1, 8], 3)).toBe(' ▁█')
    expect(sparkline([1, 2], 4, ASCII)).toBe('  =@')
  })
  test('of nothing there is nothing', () => {
    expect(sparkline([], 3)).toBe('   ')
    expect(sparkline([0, 0, 0], 3)).toBe('   ')
  })
})

describe('keys', () => {
  test.each([
    ['q', ['q']],
    ['\x1b[A\x1b[B\x1bOA', ['up', 'down', 'up']],
    ['\x1b[5~\x1b[6~\x1b[1~\x1bOF', ['page up', 'page down', 'home', 'end']],
    ['\x1b[1;5A', ['up']],
    ['\r\x7f \x03', ['enter', 'backspace', ' ', 'ctrl-c']],
    ['線x', ['線', 'x']],
    ['\x1b[200~a', ['a']], // of no key that is known
    ['\x1b\x1b', ['esc']],
  ])('%j', (text, keys) => {
    expect(keysOf(text)).toEqual({ keys, rest: '' })
  })
  test.each(['\x1b', '\x1b[', '\x1b[1;', '\x1bO'])('%j may be the beginning of one', (rest) => {
    expect(keysOf(`j${rest}`)).toEqual({ keys: ['j'], rest })
  })
})

test('only lines that differ are written, and those that are gone are emptied', () => {
  expect(differences([], ['a', 'b'])).toBe('\x1b[1;1Ha\x1b[K\x1b[2;1Hb\x1b[K')
  expect(differences(['a', 'b'], ['a', 'c'])).toBe('\x1b[2;1Hc\x1b[K')
  expect(differences(['a', 'b'], ['a', 'b'])).toBe('')
  expect(differences(['a', 'b'], ['a'])).toBe('\x1b[2;1H\x1b[K')
})
