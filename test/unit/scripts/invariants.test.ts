// The numbered invariants of ARCHITECTURE.md: each is named by a test ("invariant 4" in its title or in the head of
// its file), and no test names one that there is not. And the one that nothing but the imports can show: the calls
// that may wait for the kernel's RTNL lock are the link thread's.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
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

/** Of the addon and of rtnetlink: each takes the RTNL lock, in the kernel's tun.c or rtnetlink.c. */
const WAITING =
  /\b(tunSetIff|tunSetCarrier|tunSetOffload|tunGetIff|setLink|addAddress|getLink|getFeatures|setFeatures)\b/
/** It waits where the descriptor is a TAP's: who holds none may call it. closeFds waits in threads of its own. */
const CLOSES_NO_TAP = ['orders/caller', 'netlink/socket', 'netlink/user-socket', 'netns/open']

/** What a file loads into its own thread, by name: types and the entries of other threads are not. */
function loads(text: string): { names: string; from: string }[] {
  return [...text.matchAll(/^(?:import|export)\s+(?!type\b)([^'"]*?)\s*from '(\.[^']+)'/gm)].map(
    ([, names = '', from = '']) => ({ names: names.replace(/\btype \w+/g, ''), from }),
  )
}

test('invariant 12: what the main thread or a worker loads makes no call that waits for RTNL', () => {
  const files = new Map(filesUnder('src').map(({ path, text }) => [path, text]))
  const reached = new Set<string>()
  const visit = (path: string) => {
    if (reached.has(path)) return
    reached.add(path)
    for (const { from } of loads(files.get(path) ?? '')) visit(join(dirname(path), from.replace(/js$/, 'ts')))
  }
  for (const entry of ['index', 'testing/index', 'daemon/daemon', 'datapath/worker', 'capture/thread'])
    visit(`src/${entry}.ts`)
  const callers = [...files].filter(([path, text]) =>
    loads(text).some(
      ({ names }) =>
        WAITING.test(names) || (/\bcloseFd\b/.test(names) && !CLOSES_NO_TAP.includes(path.slice(4, -3))),
    ),
  )
  const wrong = callers.map(([path]) => path).filter((path) => reached.has(path))
  expect(wrong).toEqual([])
  // The link thread's, and the doctor's, which is a process of its own.
  expect(callers.map(([path]) => path)).toEqual(
    expect.arrayContaining(['src/link/tap.ts', 'src/doctor/machine.ts']),
  )
  expect([...reached]).toEqual(expect.arrayContaining(['src/link/link.ts', 'src/doctor/ability.ts']))
})
