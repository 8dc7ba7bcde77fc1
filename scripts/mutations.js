#!/usr/bin/env node
// @ts-check
// Shows that the invariants of ARCHITECTURE.md are held by their tests: for each there are seeded defects below, and
// the test file that is named must fail with each of them, and pass without. Each defect is put into a copy of the
// tree, which is built and tested there; the tree itself is not touched. Run by hand: it takes minutes and, for most of
// it, root; scripts/test only looks whether the defects still fit the sources (test/unit/scripts/invariants.test.ts).
// Usage: mutations.js [--list] [NUMBER OF AN INVARIANT]...

import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * @typedef {object} Mutation
 * @property {number} invariant
 * @property {string} defect what is wrong then
 * @property {string} file
 * @property {string} find stands in the file once
 * @property {string} replace
 * @property {string} test
 */

/** @type {Mutation[]} */
export const mutations = [
  {
    invariant: 1,
    defect: 'a cell that was given back is given to two frames',
    file: 'src/datapath/cells.ts',
    find: '      this.#free = this.words[cell >> 2]\n',
    replace: '',
    test: 'test/unit/datapath/held.test.ts',
  },
  {
    invariant: 1,
    defect: 'a frame is received over the end of the one before it',
    file: 'native/src/slab.rs',
    find: 'at = (start + got as usize).next_multiple_of(64);',
    replace: 'at = (start + got as usize - 80).next_multiple_of(64);',
    test: 'test/unit/native.test.ts',
  },
  {
    invariant: 2,
    defect: 'an object is made for each burst',
    file: 'src/datapath/forward.ts',
    find: '  const lengths = slab.lengths\n',
    replace: '  const lengths = slab.lengths.subarray(0)\n',
    test: 'test/unit/datapath/forward-heap.test.ts',
  },
  {
    invariant: 2,
    defect: 'an inspected frame gets a number of its own on the heap',
    file: 'src/datapath/inspector.ts',
    find: '    this.#burst.push(start, length, this.#number++)\n  }',
    replace:
      '    this.taken[1] = this.#number + 0.5\n    this.#burst.push(start, length, this.#number++)\n  }\n' +
      '  taken: unknown[] = [{}]\n',
    test: 'test/unit/datapath/inspector-heap.test.ts',
  },
  {
    invariant: 3,
    defect: 'frames that are due at the same time leave in another order than they came',
    file: 'src/datapath/entries.ts',
    find: 'this.order[first] < this.order[second]',
    replace: 'this.order[first] > this.order[second]',
    test: 'test/unit/datapath/held.test.ts',
  },
  {
    invariant: 3,
    defect: 'a frame that is not held overtakes those that are due',
    file: 'src/datapath/inspector.ts',
    find: '    while (this.release(now) > 0) now = performance.now()\n',
    replace: '',
    test: 'test/unit/datapath/inspector-held.test.ts',
  },
  {
    invariant: 3,
    defect: 'both queues of an end are written to one of the other',
    file: 'src/link/ends.ts',
    find: 'b[queue] as PortSpec',
    replace: 'b[0] as PortSpec',
    test: 'test/integration/110-queues.test.ts',
  },
  {
    invariant: 4,
    defect: 'a frame that is too long for the peer is dropped uncounted',
    file: 'src/datapath/forward.ts',
    find: '  counters[count.DROPPED_MTU] += dropped\n',
    replace: '',
    test: 'test/unit/datapath/forward-properties.test.ts',
  },
  {
    invariant: 4,
    defect: 'copies are not counted',
    file: 'src/datapath/wire.ts',
    find: '    if (copies > 0) counters[count.COPIED] += copies\n',
    replace: '',
    test: 'test/unit/datapath/inspector.test.ts',
  },
  {
    invariant: 5,
    defect: 'two workers count in one block',
    file: 'src/datapath/counters.ts',
    find: '(worker * 2 + direction)',
    replace: '(worker + direction)',
    test: 'test/unit/datapath/counters.test.ts',
  },
  {
    invariant: 6,
    defect: 'one end that is up is enough for carrier',
    file: 'src/link/carrier.ts',
    find: 'upA && upB',
    replace: 'upA || upB',
    test: 'test/integration/102-peer-down.test.ts',
  },
  {
    invariant: 7,
    defect: 'an order to a pair that is being closed is carried out',
    file: 'src/link/linked-pairs.ts',
    find: 'if (pair === undefined || pair.ending) throw',
    replace: 'if (pair === undefined) throw',
    test: 'test/integration/004-close.test.ts',
  },
  {
    invariant: 8,
    defect: 'what was made before a creation failed stays',
    file: 'src/link/ends.ts',
    find: 'if (fds === undefined) await closeAll(made)\n      else {',
    replace: 'if (fds !== undefined) {',
    test: 'test/unit/pair/pair.test.ts',
  },
  {
    invariant: 8,
    defect: 'an end whose place is refused stays',
    file: 'src/link/create.ts',
    find: '    tap.letGo()\n',
    replace: '',
    test: 'test/unit/link/create.test.ts',
  },
  {
    invariant: 9,
    defect: 'the descriptor of a namespace stays open after the call that needed it',
    file: 'src/netns/open.ts',
    find: '  try {\n    return use(fd)\n  } finally {\n    closeFd(fd)\n  }\n',
    replace: '  return use(fd)\n',
    test: 'test/integration/302-death.test.ts',
  },
  {
    invariant: 10,
    defect: 'a hook sees a frame whose checksum is not finished',
    file: 'src/frame/burst.ts',
    find: '    if (this.#states[frame] === AS_SENT) this.#make(frame)\n',
    replace: '',
    test: 'test/unit/datapath/runs.test.ts',
  },
  {
    invariant: 10,
    defect: 'a frame that a hook has written to leaves as its sender sent it',
    file: 'src/frame/burst.ts',
    find: 'this.#isSame(frame) ? MADE : CHANGED',
    replace: 'MADE',
    test: 'test/unit/datapath/runs.test.ts',
  },
  {
    invariant: 11,
    defect: 'an adjustment waits until the worker has nothing else to do',
    file: 'src/datapath/forward.ts',
    find: '  if (load(state, count.ADJUSTED) !== direction.adjustable.adjusted) direction.adjustable.adjust()\n',
    replace: '',
    test: 'test/unit/datapath/forward.test.ts',
  },
  {
    invariant: 11,
    defect: 'the word that says that there is an adjustment is not raised',
    file: 'src/datapath/adjust.ts',
    find: '  add(state, ADJUSTED, 1)\n',
    replace: '',
    test: 'test/integration/201-rules.test.ts',
  },
  {
    invariant: 12,
    defect: 'the daemon closes the TUN device in its main thread',
    file: 'src/doctor/ability.ts',
    find: 'import { closeFds, tunOpen }',
    replace:
      'const closeFds = ([fd]: [number], done: () => void) => {\n  closeFd(fd)\n  done()\n}\n' +
      'import { closeFd, tunOpen }',
    test: 'test/unit/scripts/invariants.test.ts',
  },
]

const root = fileURLToPath(new URL('..', import.meta.url))
/** A test that hangs with a defect has not shown it. */
const LIMIT_MS = 15 * 60 * 1000

/** @param {string} folder @param {string} command @param {string[]} words */
function run(folder, command, words) {
  const env = { ...process.env, CI: '', CARGO_TARGET_DIR: join(root, 'native', 'target') }
  return spawnSync(command, words, { cwd: folder, env, encoding: 'utf8', timeout: LIMIT_MS })
}

/** @returns {string} a copy of what git knows or would take, and of what was built */
function copyTree() {
  const folder = mkdtempSync(join(tmpdir(), 'uveth-mutations-'))
  chmodSync(folder, 0o755) // some tests try what nobody may
  const listed = run(root, 'git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard']).stdout
  const built = run(root, 'git', [
    'ls-files',
    '-z',
    '--others',
    '--',
    'native/*.*',
    'test/native/addon.*',
    'npm',
  ]).stdout
  for (const name of new Set([...listed.split('\0'), ...built.split('\0'), 'dist'].filter(Boolean)))
    if (!name.startsWith('native/target/')) cpSync(join(root, name), join(folder, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

/** @param {string} folder @param {string} changed @returns {string | undefined} why it does not build */
function build(folder, changed) {
  const script = changed.startsWith('native/') ? 'build:native' : 'build:ts'
  const { status, stdout, stderr } = run(folder, 'npm', ['run', '--silent', script])
  return status === 0 ? undefined : `${stdout}${stderr}`.trim()
}

/** @param {string} folder @param {string} file @returns {'passes' | 'fails' | string} */
function tested(folder, file) {
  const output = join(folder, 'result.json')
  rmSync(output, { force: true })
  const words = ['node_modules/vitest/vitest.mjs', 'run', '--project', file.split('/')[1] ?? '', file]
  const { signal } = run(folder, process.execPath, [...words, '--reporter=json', `--outputFile=${output}`])
  if (signal !== null) return 'does not end'
  try {
    const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(output, 'utf8'))
    if (numFailedTests > 0) return 'fails'
    return numPassedTests > 0 ? 'passes' : 'has run nothing'
  } catch {
    return 'does not start'
  }
}

/** @param {string} find @param {string} text @returns {boolean} whether it stands there, once */
export function fits(find, text) {
  return text.split(find).length === 2
}

/** @param {string} folder @param {Mutation} mutation @returns {string} what the test said of it */
function tryOut(folder, { file, find, replace, test }) {
  const path = join(folder, file)
  const before = readFileSync(path, 'utf8')
  if (!fits(find, before)) return 'is not tried: the defect does not fit the source'
  try {
    writeFileSync(
      path,
      before.replace(find, () => replace),
    )
    const problem = build(folder, file)
    return problem === undefined ? tested(folder, test) : `does not build: ${problem}`
  } finally {
    writeFileSync(path, before)
    build(folder, file)
  }
}

/** @param {Mutation[]} chosen @returns {boolean} whether each was found */
function prove(chosen) {
  const folder = copyTree()
  try {
    const problem = build(folder, 'src')
    if (problem !== undefined) throw new Error(problem)
    /** @type {Map<string, string>} */
    const sound = new Map()
    let good = true
    for (const mutation of chosen) {
      const { invariant, defect, test } = mutation
      const without = sound.get(test) ?? tested(folder, test)
      sound.set(test, without)
      const with_ = without === 'passes' ? tryOut(folder, mutation) : `${without} without the defect`
      if (with_ !== 'fails') good = false
      console.log(`${with_ === 'fails' ? 'found ' : 'MISSED'}  ${invariant}  ${defect}  (${test})`)
      if (with_ !== 'fails') console.log(`        the test ${with_}`)
    }
    return good
  } finally {
    rmSync(folder, { recursive: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const words = process.argv.slice(2)
  const numbers = words.filter((word) => word !== '--list').map(Number)
  const chosen = mutations.filter(({ invariant }) => numbers.length === 0 || numbers.includes(invariant))
  if (words.includes('--list')) {
    for (const { invariant, defect, file, test } of chosen)
      console.log(`${invariant}  ${defect}: ${file}  (${test})`)
  } else if (!prove(chosen)) process.exitCode = 1
}
