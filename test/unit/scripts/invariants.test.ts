// The numbered invariants of ARCHITECTURE.md: each is named by a test ("invariant 4" in its title or in the head of
// its file), and no test names one that there is not. And the one that nothing but the imports can show: the calls
// that may wait for the kernel's RTNL lock are the link thread's.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../../', import.meta.url))

function filesUnder(folder: string): { path: string; text: string }[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => ({ path: join(folder, name), text: readFileSync(join(root, folder, name), 'utf8') }))
}

test('every invariant is named by a test', () => {
  const text = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8')
  const [, list = ''] = text.split('## Invariants')
  const [section = ''] = list.split('\n## ')
  const numbers = [...section.matchAll(/^(\d+)\. /gm)].map(([, number]) => Number(number))
  expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, index) => index + 1))
  expect(numbers.length).toBeGreaterThan(10)
  const tests = filesUnder('test').filter(({ path }) => path.endsWith('.test.ts'))
  const named = tests.flatMap(({ text }) =>
    [...text.matchAll(/[Ii]nvariants? (\d+)/g)].map(([, number]) => Number(number)),
  )
  expect([...new Set(named)].sort((one, other) => one - other)).toEqual(numbers)
})

/** Of the addon and of rtnetlink: each takes the RTNL lock, or closes what takes it (facts of tun.c). */
const WAITING = /\b(tunSetIff|tunSetCarrier|tunSetOffload|closeFds|setLink|addAddress|getLink|setFeatures)\b/

test('invariant 12: neither the main thread nor a worker makes a call that waits for RTNL', () => {
  const callers = filesUnder('src')
    .filter(({ text }) =>
      [...text.matchAll(/import \{([^}]*)\} from/g)].some(([, names]) => WAITING.test(names ?? '')),
    )
    .map(({ path }) => path)
  // doctor probes in a process of its own; netlink/ makes the requests and sends none by itself.
  const elsewhere = callers.filter((path) => !/^src\/(?:link|doctor|netlink)\//.test(path))
  expect(elsewhere).toEqual([])
  expect(callers).toContain('src/link/tap.ts')
})
