// The numbered invariants of ARCHITECTURE.md: its table names the tests of each and what they would catch, and
// scripts/mutations.js has those defects, which it shows to be found. Looked at here: that both say the same, and
// that the defects still fit the sources. And the invariant that nothing but the imports can show: the calls that
// may wait for the kernel's RTNL lock are the link thread's.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { fits, mutations } from '../../../scripts/mutations.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))

function filesUnder(folder: string): { path: string; text: string }[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => ({ path: join(folder, name), text: readFileSync(join(root, folder, name), 'utf8') }))
}

describe('the table of invariants', () => {
  const [, list = ''] = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8').split('## Invariants')
  const [section = ''] = list.split('\n## ')
  const rows = section.split('\n').filter((line) => /^\| *\d/.test(line))

  test('has a line for each, numbered from 1, and each has defects that its tests must find', () => {
    const numbers = rows.map((row) => Number(row.split('|')[1]))
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, index) => index + 1))
    expect([...new Set(mutations.map(({ invariant }) => invariant))]).toEqual(numbers)
  })

  test.each(mutations)('$invariant: $defect', ({ invariant, defect, file, find, replace, test }) => {
    expect(rows[invariant - 1]).toContain(defect)
    expect(rows[invariant - 1]).toContain(`\`${test.replace('test/', '').replace('.test.ts', '')}\``)
    expect(existsSync(join(root, test))).toBe(true)
    // It would be put there, and nowhere else: whoever changes that line says there what the defect is now.
    expect(fits(find, readFileSync(join(root, file), 'utf8'))).toBe(true)
    expect(replace).not.toBe(find)
  })
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
