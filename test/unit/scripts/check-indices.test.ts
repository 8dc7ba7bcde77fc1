// The check of what is taken out of arrays, fed with small trees: in the rooms that work on frames numbers are
// believed to be there and nothing else is, elsewhere nothing at all.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { check } from '../../../scripts/check-indices.js'

const source = `
const numbers = new Int32Array(4)
const ports = [{ fd: 1, send: () => 2 }]
const names: Record<string, string> = {}
export const sum = numbers[0] + 1
export const nested = numbers[numbers[1]]
export function plus(n: number): number { const at = numbers[n]; return at - 1 }
plus(numbers[2])
numbers[3]++
export const fd = ports[0].fd
export function last() { const port = ports[plus(1)]; return port.send() }
export const name: string = names['x']
`

/** Lines of the source, by file, that are found. */
async function found(file: string): Promise<number[]> {
  const tree = mkdtempSync(join(tmpdir(), 'uveth-indices-'))
  try {
    mkdirSync(dirname(join(tree, file)), { recursive: true })
    writeFileSync(join(tree, file), source)
    const compilerOptions = { strict: true, module: 'NodeNext', target: 'ES2024', types: [] }
    writeFileSync(join(tree, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }))
    const lines = await check(join(tree, 'tsconfig.json'))
    return lines.map((line) => Number(/\((\d+),/.exec(line)?.[1]))
  } finally {
    rmSync(tree, { recursive: true })
  }
}

test('in a room of frames: objects and strings', async () => {
  expect(await found('src/datapath/one.ts')).toEqual([10, 11, 12])
})

test('elsewhere: numbers as well', async () => {
  expect(await found('src/link/one.ts')).toEqual([5, 6, 7, 8, 9, 10, 11, 12])
})
