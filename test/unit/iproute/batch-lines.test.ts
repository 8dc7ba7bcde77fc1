// The lines of a batch, as `ip -batch` reads them: src/iproute/batch-lines.ts. How orders are given is shown by the
// integration tests.

import { expect, test } from 'vitest'
import { Progress, picture } from '../../../src/cli/progress.js'
import { ordersOf, splitWords } from '../../../src/iproute/batch-lines.js'

async function read(text: string) {
  const orders = []
  for await (const order of ordersOf(text.split('\n'))) orders.push(order)
  return orders
}

test('a quote that is not closed is refused', () => {
  expect(() => splitWords('link add "veth0')).toThrow('unterminated quoted string')
})

test.each([
  ['', []],
  ['  \t ', []],
  ['link  show\tveth0 ', ['link', 'show', 'veth0']],
  [`link 'del' "a b"`, ['link', 'del', 'a b']],
  [`id "" x`, ['id', '', 'x']],
  [`a"b c"`, ['a"b', 'c"']], // only at the beginning of a word
  [`'a"b'c`, ['a"b', 'c']],
])('words of %j', (line, words) => {
  expect(splitWords(line)).toEqual(words)
})

test('comments and blank lines count as lines, and are no orders', async () => {
  expect(await read('# first\n\nlink show # all\n   # more\nlink del x\n')).toEqual([
    { text: 'link show', line: 3 },
    { text: 'link del x', line: 5 },
  ])
})

test('a backslash continues a line; the order has the number of its last one', async () => {
  expect(await read('link add \\\n  veth0 \\\n type veth\nlink show')).toEqual([
    { text: 'link add   veth0  type veth', line: 3 },
    { text: 'link show', line: 4 },
  ])
  expect(await read('link \\')).toEqual([{ text: 'link', line: 1 }])
})

test('the bar fills from left to right', () => {
  expect(picture(0, 100)).toBe(`[${' '.repeat(30)}] 0/100`)
  expect(picture(50, 100)).toBe(`[${'#'.repeat(15)}${' '.repeat(15)}] 50/100`)
  expect(picture(100, 100)).toBe(`[${'#'.repeat(30)}] 100/100`)
  expect(picture(7, undefined)).toBe('7 orders')
})

test.each([
  ['a terminal and many orders', true, 100, true],
  ['a terminal and few orders', true, 50, false],
  ['no terminal', false, 100, false],
])('on %s', (_, isTTY, total, drawn) => {
  const written: string[] = []
  const stream = { isTTY, write: (text: string) => written.push(text) }
  const progress = new Progress(stream as never, total)
  for (let i = 0; i < total; i++) progress.step()
  progress.clear()
  expect(written.length > 0).toBe(drawn)
  if (drawn) expect([written[0], written.at(-1)]).toEqual([`\r${picture(1, 100)}`, '\r\u001b[K'])
})
