#!/usr/bin/env node
// @ts-check
// Checks that imports in src/ point the one way that the layout allows: scripts/test runs it.
// The table below is the rule: an area (a folder of src/, or a file at its top) may import itself, the areas
// listed, and the two leaves that everything may. A breach is printed as file:line with the rule it breaks.
// It reads `import`, `export … from`, `import()` and `new URL('./x.js', import.meta.url)` (the entry of a
// worker thread) by regular expression; type imports count as well. Usage: check-imports.js [FOLDER]

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** @typedef {{ may: string[], because: string }} Rule */

/** @type {Record<string, Rule>} */
export const rules = {
  cli: {
    may: [
      'index',
      'daemon',
      'doctor',
      'control/client',
      'control/ops',
      'control/lock',
      'control/socket-file',
      'hooks/impair-words',
      'hooks/rule-words',
      'hooks/units',
      'capture/sink',
      'pcapng/blocks',
      'native',
    ],
    because:
      'a verb uses the public API or talks to the daemon; the addon only tells a capture that its reader left',
  },
  index: {
    may: [
      'capture',
      'inspect',
      'daemon',
      'registry',
      'pair',
      'end',
      'options',
      'stats',
      'link',
      'datapath',
      'capture',
      'hooks',
      'pcapng',
      'frame',
    ],
    because: 'the public API gathers what is below it, and never the command',
  },
  testing: {
    may: [
      'index',
      'hooks/match',
      'hooks/match-names',
      'hooks/rule-plan',
      'hooks/rule-words',
      'hooks/impair-words',
      'frame',
    ],
    because: 'the test kit is made of the public API; beside it, it only finds words for frames and faults',
  },
  daemon: {
    may: ['control', 'registry', 'index', 'pair', 'end', 'doctor/ability', 'native'],
    because:
      'the daemon is a thin shell over the registry and its front ends; the doctor only tells its health whether pairs can be made',
  },
  control: {
    may: [
      ...['registry', 'index', 'pair', 'end', 'options', 'link/netns', 'netlink', 'frame', 'native'],
      'hooks/impair-options',
    ],
    because: 'an order goes through the registry and the pair, never straight to the data path',
  },
  doctor: {
    may: ['netlink', 'native'],
    because: 'it must work where pairs do not: it looks at the machine through the addon alone',
  },
  registry: { may: ['index', 'pair', 'end'], because: 'the registry knows pairs and nothing below them' },
  plug: { may: ['options', 'link'], because: 'it plans flaps, and only knows how carrier is ordered' },
  pair: {
    may: [
      'plug',
      'end',
      'options',
      'stats',
      'link',
      'datapath',
      'capture',
      'netlink',
      'hooks',
      'frame',
      'inspect',
    ],
    because: 'a pair is wired from what is below it',
  },
  end: {
    may: ['pair', 'options', 'link', 'datapath', 'capture', 'netlink', 'hooks', 'frame', 'inspect'],
    because: 'an end is half of a pair',
  },
  options: {
    may: ['end', 'inspect', 'hooks', 'link', 'netlink', 'frame'],
    because: 'it checks what users ask for and makes plans of it; it creates nothing',
  },
  inspect: {
    may: ['end', 'capture', 'link', 'datapath', 'hooks', 'frame'],
    because: "what is done to frames is ordered of the data path; only their offloads are the link thread's",
  },
  stats: {
    may: ['datapath', 'netlink', 'frame', 'inspect/wanted'],
    because: 'it adds up what the data path and the kernel counted',
  },
  link: {
    may: ['datapath', 'netlink', 'frame', 'native'],
    because: 'the link thread gives orders to the data path and knows no pair object',
  },
  datapath: {
    may: ['hooks', 'frame', 'native'],
    because: 'the loop moves frames: it knows no pair, no link thread and no rtnetlink',
  },
  capture: {
    may: ['hooks', 'pcapng', 'frame'],
    because: 'it writes what a worker has recorded: it knows rings and files, neither pairs nor ports',
  },
  hooks: { may: ['pcapng', 'frame'], because: 'a hook sees frames and nothing else' },
  pcapng: { may: ['frame'], because: 'pcapng is a format' },
  netlink: { may: ['frame', 'native'], because: 'the codec and its client know messages, not pairs' },
  frame: { may: [], because: 'frame is a leaf' },
  native: { may: ['missing-addon'], because: 'native knows the addon and what to say without it' },
  'missing-addon': { may: [], because: 'it is said where nothing else can be loaded' },
  version: { may: [], because: 'version is a leaf' },
  errors: { may: [], because: 'errors is a leaf' },
}

const leaves = ['errors', 'version']
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
function areaOf(file) {
  return (file.split('/')[0] ?? '').replace(/\.(js|ts)$/, '')
}

/**
 * @param {string} file the importer, relative to src
 * @param {string} specifier what it imports, as written
 * @returns {string | undefined} the rule that this breaks
 */
export function breach(file, specifier) {
  if (/\.(cjs|node)$/.test(specifier)) {
    return file === addonImporter ? undefined : `only src/${addonImporter} imports the addon`
  }
  if (!specifier.startsWith('.')) return undefined
  const target = normalize(join(dirname(file), specifier))
  if (target.startsWith('..')) return `nothing in src imports from outside of it (${specifier})`
  const from = areaOf(file)
  const to = areaOf(target)
  const rule = rules[from]
  if (rule === undefined) return `no rule for src/${from}: say in scripts/check-imports.js what it may import`
  const name = target.replace(/\.(js|ts)$/, '')
  if (from === to || leaves.includes(to) || rule.may.includes(to) || rule.may.includes(name)) return undefined
  return `${from} may not import ${name}: ${rule.because}`
}

/** @param {string} folder a tree of sources @returns {string[]} one line for each breach */
export function check(folder) {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  )
  return files.sort().flatMap((file) =>
    importsOf(readFileSync(join(folder, file), 'utf8')).flatMap(({ specifier, line }) => {
      const problem = breach(file, specifier)
      return problem === undefined ? [] : [`${join(folder, file)}:${line}: ${problem}`]
    }),
  )
}

function main() {
  const folder = process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '..', 'src')
  const problems = check(relative(process.cwd(), folder))
  for (const problem of problems) console.error(problem)
  process.exitCode = problems.length === 0 ? 0 : 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main()
