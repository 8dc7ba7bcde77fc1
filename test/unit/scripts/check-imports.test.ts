// The import-direction check, fed with trees that break its rules, one rule at a time.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { check, rules, unused, upward } from '../../../scripts/check-imports.js'

const trees: string[] = []

afterEach(() => {
  for (const tree of trees.splice(0)) rmSync(tree, { recursive: true })
})

/** Makes a tree of files and answers what the check says of it, without the folder. */
function problemsOf(files: Record<string, string>): string[] {
  const tree = mkdtempSync(join(tmpdir(), 'uveth-imports-'))
  trees.push(tree)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(tree, name)), { recursive: true })
    writeFileSync(join(tree, name), text)
  }
  return check(tree).problems.map((line) => line.slice(tree.length + 1))
}

test('a tree that points downwards has no problem', () => {
  const problems = problemsOf({
    'cli/run.ts': "import { createPair } from '../index.js'\nimport { ops } from '../contract/ops.js'\n",
    'cli/link/del.ts':
      "import { request } from '../../contract/client.js'\nimport { help } from '../help.js'\n",
    'cli/main.ts': "import { version } from '../version.js'\n",
    'daemon/daemon.ts': "import { serve } from '../servers/http.js'\n",
    'servers/http.ts': "import { addPair } from '../orders/handlers.js'\n",
    'orders/registry.ts': "import type { Pair } from '../index.js'\n",
    'index.ts': "export { createPair } from './pair/pair.js'\n",
    'pair/pair.ts':
      "import { UvethError } from '../errors.js'\nnew URL('../link/thread.js', import.meta.url)\n",
    'link/thread.ts':
      "import { adopt } from '../datapath/orders.js'\nimport * as native from '../native.js'\n",
    'datapath/forward.ts': "import { SLOT } from '../frame/slab.js'\nimport { join } from 'node:path'\n",
    'netlink/client.ts': "import { netlinkOpen } from '../native.js'\n",
    'native.ts': "import { missingAddon } from './missing-addon.js'\nrequire('../native/binding.cjs')\n",
  })
  expect(problems).toEqual([])
})

test.each([
  ['cli/run.ts', '../pair/pair.js', 'cli may not import pair/pair'],
  ['cli/run.ts', '../orders/handlers.js', 'cli may not import orders/handlers'],
  ['orders/handlers.ts', '../datapath/worker.js', 'orders may not import datapath/worker'],
  ['orders/handlers.ts', '../servers/problem.js', 'orders may not import servers/problem'],
  ['datapath/worker.ts', '../pair/pair.js', 'datapath may not import pair/pair'],
  ['datapath/worker.ts', '../link/orders.js', 'datapath may not import link/orders'],
  ['netlink/rtnl.ts', '../datapath/port.js', 'netlink may not import datapath/port'],
  ['link/monitor.ts', '../pair/pair.js', 'link may not import pair/pair'],
  ['pair/pair.ts', '../orders/registry.js', 'pair may not import orders/registry'],
  ['hooks/loss.ts', '../datapath/port.js', 'hooks may not import datapath/port'],
  ['faults/match.ts', '../hooks/matcher.js', 'faults may not import hooks/matcher'],
  ['frame/mac.ts', '../native.js', 'frame may not import native'],
  ['errors.ts', './native.js', 'errors may not import native'],
  ['version.ts', './native.js', 'version may not import native'],
  ['index.ts', './cli/main.js', 'index may not import cli/main'],
  ['datapath/port.ts', '../../native/binding.cjs', 'only src/native.ts imports the addon'],
  [
    'pair/pair.ts',
    '../../scripts/tally.js',
    'nothing in src imports from outside of it (../../scripts/tally.js)',
  ],
  [
    'novel/thing.ts',
    '../pair/pair.js',
    'no rule for src/novel: say in scripts/check-imports.js what it may import',
  ],
])('%s importing %s is refused', (file, specifier, problem) => {
  const [line, ...more] = problemsOf({ [file]: `// a line before it\nimport { it } from '${specifier}'\n` })
  expect(more).toEqual([])
  expect(line).toMatch(new RegExp(`^${file}:2: `))
  expect(line).toContain(problem)
})

test('a line of the table that points upwards is refused', () => {
  const because = 'it is a test'
  expect(upward({ roof: { may: ['floor', 'floor/tile'], because }, floor: { may: [], because } })).toEqual([])
  expect(upward({ roof: { may: [], because }, floor: { may: ['roof', 'cellar/door'], because } })).toEqual([
    'floor: roof is no room below it',
    'floor: cellar/door is no room below it',
  ])
})

test('a line of the table that nothing uses is refused', () => {
  const used = new Set(Object.entries(rules).flatMap(([room, { may }]) => may.map((to) => `${room}: ${to}`)))
  expect(unused(used)).toEqual([])
  used.delete('pair: link')
  expect(unused(used)).toEqual(['pair: nothing needs link'])
})

test('every form of import is seen, with the line that its specifier stands on', () => {
  const problems = problemsOf({
    'frame/mac.ts': [
      "import '../pair/pair.js'",
      "export * from '../pair/pair.js'",
      'import {',
      '  one,',
      "} from '../pair/pair.js'",
      "const late = await import('../pair/pair.js')",
      "import type { Pair } from '../pair/pair.js'",
      "new Worker(new URL('../link/thread.js', import.meta.url))",
      "// import { nothing } from '../pair/pair.js'",
    ].join('\n'),
  })
  expect(problems.map((line) => line.split(':')[1])).toEqual(['1', '2', '5', '6', '7', '8'])
})
