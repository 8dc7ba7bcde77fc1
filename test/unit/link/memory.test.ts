// How much memory there is for frames that wait: what of the machine, the cgroup and the address space is the least,
// and what configure() says. src/link/memory.ts with files that a test makes up.

import { describe, expect, test } from 'vitest'
import { configure } from '../../../src/link/link.js'
import { available, frameMemory } from '../../../src/link/memory.js'

const GIB = 2 ** 30
const TOTAL = 8 * GIB

function of(files: Record<string, string>): number {
  return available((path) => files[path], TOTAL)
}

test('all of the machine, where nothing is limited or readable', () => {
  expect(of({})).toBe(TOTAL)
  const limits = 'Max address space         unlimited            unlimited            bytes     \n'
  expect(of({ '/proc/self/limits': limits, '/proc/self/cgroup': '0::/\n' })).toBe(TOTAL)
})

test('the address space', () => {
  const limits = 'Max address space         2147483648           unlimited            bytes     \n'
  expect(of({ '/proc/self/limits': limits })).toBe(2 * GIB)
})

test('of the address space what is left', () => {
  const limits = 'Max address space         2147483648           unlimited            bytes     \n'
  const taken = (kib: number) => ({
    '/proc/self/limits': limits,
    '/proc/self/status': `VmSize:\t${kib} kB\n`,
  })
  expect(of(taken(1024 * 1024))).toBe(GIB)
  expect(of(taken(4 * 1024 * 1024))).toBe(1)
})

describe('cgroup v2', () => {
  test.each([
    ['/sys/fs/cgroup/a/b/memory.max', 1],
    ['/sys/fs/cgroup/a/memory.max', 1],
    ['/sys/fs/cgroup/unified/a/memory.max', 1],
    ['/sys/fs/cgroup/memory.max', 1],
    ['/sys/fs/cgroup/c/memory.max', 8],
  ])('the limit in %s', (path, gib) => {
    const files = { '/sys/fs/cgroup/a/b/memory.max': 'max\n', [path]: `${GIB}\n` }
    expect(of({ '/proc/self/cgroup': '0::/a/b\n', ...files })).toBe(gib * GIB)
  })
})

describe('cgroup v1', () => {
  const cgroup = '5:cpu,cpuacct:/x\n4:memory:/a/b\n0::/\n'
  const stat = (bytes: number | string) =>
    `cache 0\nhierarchical_memory_limit ${bytes}\nhierarchical_memsw_limit 1\n`

  test('the least of those above it, as the kernel says it', () => {
    const files = {
      '/sys/fs/cgroup/memory/a/b/memory.stat': stat(GIB),
      '/sys/fs/cgroup/memory/memory.stat': stat(2 * GIB),
    }
    expect(of({ '/proc/self/cgroup': cgroup, ...files })).toBe(GIB)
  })

  test("in a container, where the path is the host's", () => {
    expect(of({ '/proc/self/cgroup': cgroup, '/sys/fs/cgroup/memory/memory.stat': stat(GIB) })).toBe(GIB)
  })

  test('none', () => {
    const none = { '/sys/fs/cgroup/memory/memory.stat': stat('9223372036854771712') }
    expect(of({ '/proc/self/cgroup': '4:memory:/\n', ...none })).toBe(TOTAL)
  })
})

test('a quarter of it, until something else is wished for, at any time', () => {
  expect(frameMemory().bound).toBeGreaterThan(0)
  configure({ memory: '64mb' })
  expect(frameMemory().bound).toBe(64 * 2 ** 20)
  configure({ memory: 32 * 2 ** 20 })
  configure({})
  expect(frameMemory().bound).toBe(32 * 2 ** 20)
})

test.each([0, -1, 1.5, 2 ** 24 - 1, 2 ** 45, '1mb', '64 zb', '', null])('%j is refused', (memory) => {
  const refused = expect.objectContaining({ code: 'EINVAL', attribute: 'memory' })
  expect(() => configure({ memory: memory as number })).toThrow(refused)
})
