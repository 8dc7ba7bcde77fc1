#!/usr/bin/env node
// @ts-check
// Makes the manual pages of dist/man/ out of what the command's helps say, so that there is one description: uveth.8, and
// uveth-VERB.8 for each verb. `npm run build:ts` runs it once the command is compiled; `man` in package.json lists them.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/**
 * The page that says what a help says.
 * @param {string} name @param {string} help @param {string} version @param {string[]} also names of the other pages
 */
export function pageOf(name, help, version, also) {
  const [title = '', ...lines] = help.trimEnd().split('\n')
  const about = title.slice(title.indexOf(': ') + 2)
  const others = [
    ...also.filter((page) => page !== name).map((page) => `.BR ${plain(page)} (8)`),
    '.BR ip\\-link (8)',
  ]
  return [
    `.TH ${plain(name.toUpperCase())} 8 "" "uveth ${version}"`,
    '.SH NAME',
    `${plain(name)} \\- ${plain(about)}`,
    ...sectionsOf(lines.join('\n')),
    '.SH SEE ALSO',
    `${others.join(',\n')}\n`,
  ].join('\n')
}

/** @param {string} text */
function sectionsOf(text) {
  const [, usage = '', description = '', examples = ''] =
    /^\n(?:Usage: (.*?)\n\n)?(.*?)(?:\n*Examples:\n(.*))?$/s.exec(text) ?? []
  return [
    ...(usage === ''
      ? []
      : ['.SH SYNOPSIS', ...literal(usage.split('\n').map((line) => line.replace(/^ {7}/, '')))]),
    ...(description.trim() === '' ? [] : ['.SH DESCRIPTION', ...blocksOf(description.trimEnd().split('\n'))]),
    ...(examples === '' ? [] : ['.SH EXAMPLES', ...literal(examples.trimEnd().split('\n'))]),
  ]
}

/** Neighbouring lines of one kind, text or indented, are a block. @param {string[]} lines */
function blocksOf(lines) {
  const out = []
  for (let at = 0; at < lines.length; ) {
    const indented = lines[at]?.startsWith(' ')
    let end = at
    while (end < lines.length && lines[end] !== '' && lines[end]?.startsWith(' ') === indented) end++
    const block = lines.slice(at, end)
    if (block.length > 0) out.push(...(indented ? listOf(block) : ['.PP', ...block.map(plain)]))
    at = Math.max(end, at + 1)
  }
  return out
}

/** Words in front and what they mean behind, in one column; otherwise it stands as it is. @param {string[]} block */
function listOf(block) {
  const columns = new Set(block.map((line) => /^ {2}\S.*? {2,}(?=\S)|^ {10,}(?=\S)/.exec(line)?.[0].length))
  columns.delete(undefined)
  const [column = 0] = columns
  if (columns.size !== 1 || column < 12) return literal(block)
  return block.flatMap((line) => {
    const [term, meaning] = [line.slice(0, column).trim(), line.slice(column)]
    if (term === '') return [plain(meaning)]
    if (line[column - 1] !== ' ') return ['.TP', `.B ${plain(line.trim())}`] // longer than the column
    return ['.TP', `.B ${plain(term)}`, plain(meaning)]
  })
}

/** @param {string[]} lines */
function literal(lines) {
  return ['.PP', '.nf', ...lines.map((line) => (line === '' ? '.sp' : plain(line))), '.fi']
}

/** What roff would take for its own is text. @param {string} text */
function plain(text) {
  const escaped = text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll('…', '...')
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped
}

async function main() {
  const { version, man } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  /** @type {Record<string, string>} */
  const helps = {
    ...(await import(`${ROOT}dist/cli/help.js`)),
    ...(await import(`${ROOT}dist/cli/help-seen.js`)),
    ...(await import(`${ROOT}dist/cli/help-alone.js`)),
  }
  /** @type {string[]} */
  const pages = man.map((/** @type {string} */ file) => file.replace(/^.*\/|\.8$/g, ''))
  mkdirSync(join(ROOT, 'dist/man'), { recursive: true })
  for (const page of pages) {
    const [, verb] = page.split('-')
    const help = helps[verb === undefined ? 'HELP' : `${verb.toUpperCase()}_HELP`]
    if (help === undefined) throw new Error(`there is no help for ${page}`)
    writeFileSync(join(ROOT, `dist/man/${page}.8`), pageOf(page, help, version, pages))
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
