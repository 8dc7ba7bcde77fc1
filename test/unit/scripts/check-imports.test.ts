// The import-direction check, fed with trees that break its rules, one rule at a time.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { check } from '../../../scripts/check-imports.js'

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
  return check(tree).map((line) => line.slice(tree.length + 1))
}

test('a tree that points downwards has no problem', () => {
  const problems = problemsOf({
    'cli/run.ts': "import { createPair } from '../index.js'\nimport { ops } from '../control/ops.js'\n",
    'cli/del.ts': "import { request } from '../control/client.js'\nimport { help } from './help.js'\n",
    'index.ts': "export { createPair } from './pair.js'\n",
    'daemon.ts': "import { serve } from './control/http.js'\n",
    'orders/handlers.ts': "import { registry } from '../registry.js'\n",
    'registry.ts': "import type { Pair } from './pair.js'\n",
    'pair.ts': "import { UvethError } from './errors.js'\nnew URL('./link/thread.js', import.meta.url)\n",
    'link/thread.ts':
      "import { adopt } from '../datapath/orders.js'\nimport * as native from '../native.js'\n",
    'datapath/forward.ts': "import { SLOT } from '../frame/slab.js'\nimport { join } from 'node:path'\n",
    'netlink/client.ts': "import { netlinkOpen } from '../native.js'\n",
    'native.ts': "import { missingAddon } from './missing-addon.js'\nrequire('../native/binding.cjs')\n",
    'cli/main.ts': "import { version } from '../version.js'\n",
  })
  expect(problems).toEqual([])
})

test.each([
  ['cli/run.ts', '../pair.js', 'cli may not import pair'],
  ['cli/run.ts', '../control/handlers.js', 'cli may not import control/handlers'],
  ['orders/handlers.ts', '../datapath/worker.js', 'control may not import datapath/worker'],
  ['datapath/worker.ts', '../pair.js', 'datapath may not import pair'],
  ['datapath/worker.ts', '../link/orders.js', 'datapath may not import link/orders'],
  ['netlink/rtnl.ts', '../datapath/port.js', 'netlink may not import datapath/port'],
  ['link/monitor.ts', '../pair.js', 'link may not import pair'],
  ['pair.ts', './registry.js', 'pair may not import registry'],
  ['registry.ts', './control/ops.js', 'registry may not import control/ops'],
  ['hooks/loss.ts', '../datapath/port.js', 'hooks may not import datapath/port'],
  ['frame/mac.ts', '../native.js', 'frame may not import native'],
  ['errors.ts', './native.js', 'errors may not import native'],
  ['version.ts', './native.js', 'version may not import native'],
  ['index.ts', './cli/main.js', 'index may not import cli/main'],
  ['datapath/port.ts', '../../native/binding.cjs', 'only src/native.ts imports the addon'],
  ['pair.ts', '../scripts/tally.js', 'nothing in src imports from outside of it (../scripts/tally.js)'],
  [
    'novel/thing.ts',
    '../pair.js',
    'no rule for src/novel: say in scripts/check-imports.js what it may import',
  ],
])('%s importing %s is refused', (file, specifier, problem) => {
  const [line, ...more] = problemsOf({ [file]: `// a line before it\nimport { it } from '${specifier}'\n` })
  expect(more).toEqual([])
  expect(line).toMatch(new RegExp(`^${file}:2: `))
  expect(line).toContain(problem)
})

test('every form of import is seen, with the line that its specifier stands on', () => {
  const problems = problemsOf({
    'frame/mac.ts': [
      "import '../pair.js'",
      "export * from '../pair.js'",
      'import {',
      '  one,',
      "} from '../pair.js'",
      "const late = await import('../pair.js')",
      "import type { Pair } from '../pair.js'",
      "new Worker(new URL('../link/thread.js', import.meta.url))",
      "// import { nothing } from '../pair.js'",
    ].join('\n'),
  })
  expect(problems.map((line) => line.split(':')[1])).toEqual(['1', '2', '5', '6', '7', '8'])
})
