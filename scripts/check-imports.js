#!/usr/bin/env node
// @ts-check
// Checks that imports in src/ point the one way that the layout allows: scripts/test runs it.
// The table below is the rule. Its rooms (a folder of src/, or a file at its top) stand in the order of the house,
// from the roof down: a room may import itself, the rooms or single files that its line names, and the leaves that
// everything may. What is refused: an import that no line allows, a line that names a room above its own, and a
// line that nothing uses. Circles, within a room too, are Biome's to find (noImportCycles, types included).
// It reads `import`, `export … from`, `import()` and `new URL('./x.js', import.meta.url)` (the entry of a
// worker thread) by regular expression; type imports count as well. Usage: check-imports.js [FOLDER]

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** @typedef {{ may: string[], because: string }} Rule */
/** @typedef {Record<string, Rule>} Rules */

/** @type {Rules} */
export const rules = {
  cli: {
    may: [
      ...['daemon', 'docker/places', 'doctor', 'iproute', 'sandbox', 'labs', 'contract', 'index', 'netns'],
      ...[
        'faults/impair-words',
        'faults/rule-words',
        'faults/schedule-words',
        'faults/rule-values',
        'faults/excess',
        'faults/profiles',
        'faults/impair-plan',
        'wishes',
      ],
      ...[
        'web/server',
        'capture/files',
        'capture/sink',
        'pair/replay',
        'pcapng/reader',
        'native',
        'own-file',
      ],
    ],
    because:
      'a verb uses the public API or talks to the daemon; the addon only tells a capture that its reader left',
  },
  daemon: {
    may: [
      'servers',
      'docker/plugin',
      'doctor/ability',
      'orders',
      'index',
      'pair/hand-over',
      'wishes/limits',
      'wishes/shape',
      'channel',
      'native',
      'own-file',
    ],
    because:
      'the daemon is a thin shell over orders and their front ends; the doctor only tells its health whether pairs can be made',
  },
  web: {
    may: ['servers/problem', 'contract/ops', 'index', 'faults/impair-words'],
    because: 'it serves a page, and gives the daemon the orders of that: it makes no pair',
  },
  page: { may: [], because: 'it runs in a browser, where nothing of Node is' },
  servers: {
    may: ['orders', 'iproute', 'contract', 'index', 'wishes', 'netns/names', 'netlink'],
    because: 'a front end turns what comes in into an order, and the answer into what goes out',
  },
  cni: {
    may: [
      'contract/client',
      'contract/ops',
      'contract/pods',
      'faults/impair-words',
      'netns/names',
      'netns/open',
      'netlink',
      'frame/address',
    ],
    because: 'it gives orders to the daemon, and gives addresses and routes itself: it loads no pair',
  },
  docker: {
    may: [
      'orders',
      'index',
      'faults/impair-plan',
      'faults/impair-words',
      'wishes/end',
      'frame/address',
      'frame/ethernet',
      'netlink/conntrack',
      'netns/names',
      'own-file',
    ],
    because: 'it is a front end, too: what the engine asks becomes orders about pairs',
  },
  doctor: {
    may: ['sandbox', 'netns', 'netlink', 'native'],
    because: 'it must work where pairs do not: it looks at the machine through the addon alone',
  },
  orders: {
    may: [
      'contract',
      'index',
      'pair/options',
      'pair/pair',
      'pair/hand-over',
      'pair/dossier',
      'faults/impair-plan',
      'wishes',
      'netns',
      'native',
      'own-file',
    ],
    because: 'an order goes through the registry and the pair, never straight to the data path',
  },
  iproute: {
    may: [
      'contract/ops',
      'faults/impair-words',
      'faults/impair-plan',
      'wishes/words',
      'wishes/units',
      'wishes/tables',
    ],
    because: "it is iproute2's grammar: words in, wishes out, whoever reads the line",
  },
  contract: {
    may: ['index', 'wishes'],
    because: 'it says what an order is, with the types of the public API, and loads nothing',
  },
  testing: {
    may: ['index', 'labs', 'sandbox', 'frames', 'hooks/matcher', 'faults', 'wishes', 'netns', 'frame'],
    because:
      'the test kit is made of labs, whose namespaces it makes, and the public API; beside them, it only finds words for frames and faults',
  },
  sandbox: { may: [], because: 'it asks what the machine allows, before and without the addon' },
  index: {
    may: ['pair', 'link', 'capture/setup', 'datapath/counters', 'hooks', 'faults', 'wishes', 'ring', 'frame'],
    because: 'the public API gathers what is below it, and never the command',
  },
  frames: {
    may: ['wishes', 'frame'],
    because: 'it makes bytes of words, and words of bytes: nothing runs in it',
  },
  labs: {
    may: ['faults', 'wishes', 'frame'],
    because: 'what a lab is to be is data and text: whoever makes one runs it',
  },
  pair: {
    may: [
      'link',
      'capture',
      'datapath',
      'hooks',
      'faults',
      'wishes',
      'ring',
      'pcapng/recorded',
      'netns/names',
      'netlink',
      'frame',
    ],
    because: 'a pair is wired from what is below it',
  },
  link: {
    may: ['datapath', 'wishes', 'netns', 'netlink', 'channel', 'frame', 'native'],
    because: 'the link thread gives orders to the data path and knows no pair object',
  },
  capture: {
    may: ['wishes', 'ring', 'pcapng', 'frame/view', 'native'],
    because:
      'it writes what a worker has recorded, and gives its memory back: it knows rings and files, neither pairs nor ports',
  },
  datapath: {
    may: ['hooks', 'faults', 'ring', 'frame', 'native'],
    because: 'the loop moves frames: it knows no pair, no link thread and no rtnetlink',
  },
  hooks: { may: ['faults', 'wishes', 'ring', 'frame'], because: 'a hook sees frames and nothing else' },
  faults: { may: ['wishes', 'frame'], because: 'it is data and words, and loads without the addon' },
  wishes: {
    may: ['ring/ring', 'frame'],
    because: 'it says what may be wished for, and loads nothing heavy: everybody above asks it',
  },
  ring: { may: ['frame'], because: 'a ring carries records between threads, whoever they are' },
  pcapng: { may: ['frame'], because: 'pcapng is a format' },
  netns: { may: ['native'], because: 'a namespace is a name and a file' },
  netlink: { may: ['frame', 'native'], because: 'the codec and its client know messages, not pairs' },
  channel: { may: ['native'], because: 'it carries messages and descriptors, and knows neither' },
  frame: { may: [], because: 'frame is a leaf' },
  native: { may: ['missing-addon'], because: 'native knows the addon and what to say without it' },
  'missing-addon': { may: [], because: 'it is said where nothing else can be loaded' },
  'own-file': { may: [], because: 'it knows files and their owners, not what is in them' },
  version: { may: [], because: 'version is a leaf' },
  legible: { may: [], because: 'legible is a leaf' },
  errors: { may: [], because: 'errors is a leaf' },
  builtins: { may: [], because: 'builtins is a leaf' },
}

const leaves = ['apart', 'builtins', 'errors', 'legible', 'version']
const addonImporter = 'native.ts'

const specifiers = [
  /^\s*(?:import|export)\b[^'"`]*?\bfrom\s*['"]([^'"]+)['"]/gm,
  /^\s*import\s*['"]([^'"]+)['"]/gm,
  /\b(?:import|require)\s*\(\s*['"`]([^'"`]+)['"`]/g,
  /\bnew URL\(\s*['"`]([^'"`]+\.js)['"`]\s*,\s*import\.meta\.url/g,
]

/**
 * @param {string} source text of a TypeScript file
 * @returns {{ specifier: string, line: number }[]} what it imports, in the order of the lines
 */
export function importsOf(source) {
  const found = []
  for (const pattern of specifiers) {
    for (const match of source.matchAll(pattern)) {
      const at = match.index + match[0].length - 1
      found.push({ specifier: match[1] ?? '', line: source.slice(0, at).split('\n').length })
    }
  }
  return found.sort((a, b) => a.line - b.line)
}

/** @param {string} file relative to src, such as `link/monitor.ts` @returns {string} such as `link` */
function roomOf(file) {
  return (file.split('/')[0] ?? '').replace(/\.(js|ts)$/, '')
}

/**
 * @param {string} file the importer, relative to src
 * @param {string} specifier what it imports, as written
 * @param {Set<string>} used gets each permission that allows it, as `room: permission`
 * @returns {string | undefined} the rule that this breaks
 */
function breach(file, specifier, used) {
  if (/\.(cjs|node)$/.test(specifier)) {
    return file === addonImporter ? undefined : `only src/${addonImporter} imports the addon`
  }
  if (!specifier.startsWith('.')) return undefined
  const target = normalize(join(dirname(file), specifier))
  if (target.startsWith('..')) return `nothing in src imports from outside of it (${specifier})`
  const from = roomOf(file)
  const to = roomOf(target)
  const rule = rules[from]
  if (rule === undefined) return `no rule for src/${from}: say in scripts/check-imports.js what it may import`
  if (from === to || leaves.includes(to)) return undefined
  const name = target.replace(/\.(js|ts)$/, '')
  const allowing = rule.may.find((permission) => permission === to || permission === name)
  if (allowing === undefined) return `${from} may not import ${name}: ${rule.because}`
  used.add(`${from}: ${allowing}`)
  return undefined
}

/** @param {Rules} table @returns {string[]} one line for each permission that points upwards, or to no room */
export function upward(table) {
  const rooms = Object.keys(table)
  return rooms.flatMap((room, floor) =>
    (table[room]?.may ?? [])
      .filter((permission) => rooms.indexOf(roomOf(permission)) <= floor)
      .map((permission) => `${room}: ${permission} is no room below it`),
  )
}

/**
 * @param {string} folder a tree of sources
 * @returns {{ problems: string[], used: Set<string> }} a line for each breach; the permissions that were needed
 */
export function check(folder) {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  )
  /** @type {Set<string>} */
  const used = new Set()
  const problems = files.sort().flatMap((file) =>
    importsOf(readFileSync(join(folder, file), 'utf8')).flatMap(({ specifier, line }) => {
      const problem = breach(file, specifier, used)
      return problem === undefined ? [] : [`${join(folder, file)}:${line}: ${problem}`]
    }),
  )
  return { problems, used }
}

/** @param {Set<string>} used @returns {string[]} one line for each permission that nothing needs */
export function unused(used) {
  return Object.entries(rules).flatMap(([room, { may }]) =>
    may
      .filter((permission, at) => !used.has(`${room}: ${permission}`) || may.indexOf(permission) !== at)
      .map((permission) => `${room}: nothing needs ${permission}`),
  )
}

function main() {
  const folder = process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '..', 'src')
  const { problems, used } = check(relative(process.cwd(), folder))
  const all = [...problems, ...upward(rules), ...unused(used)]
  for (const problem of all) console.error(problem)
  process.exitCode = all.length === 0 ? 0 : 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main()
