#!/usr/bin/env node
// @ts-check
// Makes the pictures of README.md, over pairs that carry pings and streams: `uveth web` in a real browser (Debian's
// chromium), light and dark, and `uveth top` as a terminal shows it, drawn as an SVG. All of it runs in a `uveth sandbox`,
// so that names are free and nothing is left. Needs a build.
// Usage: scripts/pictures.js [web|top]

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const UVETH = `${ROOT}dist/cli/main.js`
/** s of traffic before it is looked at. */
const TRAFFIC = 75
const SIZE = { width: 1240, height: 860 }
const TERMINAL = { columns: 116, rows: 11 }
/** Looks of `uveth top`, two a second. */
const LOOKS = 100
/** Pixels of a character, and around all of them. */
const CELL = { width: 8, height: 18 }
const EDGE = 12
const BARS = ' ▁▂▃▄▅▆▇█'
/** By SGR. */
const COLOURS = new Map(Object.entries({ 31: '#ff7b72', 32: '#56d364', 33: '#e3b341', 36: '#56d4dd' }))
const [PAPER, INK] = ['#0d1117', '#c9d1d9']

/** @typedef {import('../test/support/screen.js').Cell} Cell */

/** @type {import('node:child_process').ChildProcess[]} */
const started = []

/** @param {string} line */
function run(line) {
  const [file = '', ...words] = line.split(' ')
  const command = file === 'uveth' ? [UVETH, ...words] : words
  const { status } = spawnSync(file === 'uveth' ? process.execPath : file, command, { stdio: 'inherit' })
  if (status !== 0) throw new Error(`'${line}' failed`)
}

/** @param {string} line */
function start(line) {
  const [file = '', ...words] = line.split(' ')
  const child = spawn(file, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  started.push(child)
  return child
}

function lay() {
  for (const place of ['client', 'router', 'server', 'backup']) run(`ip netns add ${place}`)
  run('uveth link add eth0 netns client up type veth peer eth1 netns router up')
  run('uveth link add eth2 netns router up type veth peer eth0 netns server up')
  run('uveth link add eth3 netns router up type veth peer eth0 netns backup')
  run('uveth link add eth1 netns server up type veth peer mon0 up')
  run('uveth -n router link set eth2 impair delay 12ms 3ms loss 0.5% rate 20mbit seed 7')
  run('uveth -n router link set eth1 impair rate 50mbit seed 7')
  run('ip -n client addr add 10.0.1.2/24 dev eth0')
  run('ip -n router addr add 10.0.1.1/24 dev eth1')
  run('ip -n router addr add 10.0.2.1/24 dev eth2')
  run('ip -n server addr add 10.0.2.2/24 dev eth0')
}

function load() {
  start('ip netns exec server iperf3 -s')
  start('ip netns exec router iperf3 -s')
  start('ip netns exec client ping -i 0.02 10.0.1.1')
  start('ip netns exec client iperf3 -t 600 -u -b 6M -c 10.0.1.1')
  start('ip netns exec router iperf3 -t 600 -u -b 14M -c 10.0.2.2')
}

/** @param {string} address */
async function photograph(address) {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] })
  const pages = await Promise.all(
    /** @type {const} */ (['light', 'dark']).map(async (colorScheme) => {
      const page = await browser.newPage({ colorScheme, viewport: SIZE })
      await page.goto(address)
      await page.getByRole('button', { name: 'eth2 @ router ⇄ eth0 @ server' }).click()
      return { page, path: `${ROOT}docs/web-${colorScheme}.png` }
    }),
  )
  // Something happens while it is looked at.
  run('uveth -n router link set eth2 impair delay 20ms 5ms loss 1% rate 20mbit seed 7')
  await new Promise((done) => setTimeout(done, TRAFFIC * 1000))
  run('uveth -n server link set eth1 carrier off')
  await new Promise((done) => setTimeout(done, 3000))
  for (const { page, path } of pages) await page.screenshot({ path })
  await browser.close()
}

async function photographPage() {
  const web = start(`${process.execPath} ${UVETH} web`)
  const [address] = await once(/** @type {import('node:stream').Readable} */ (web.stdout), 'data')
  await photograph(String(address).trim())
}

/** What stands on a terminal when `uveth top` has shown all its looks. */
async function photographTop() {
  const { columns, rows } = TERMINAL
  const top = `stty cols ${columns} rows ${rows}; exec '${process.execPath}' '${UVETH}' top -d 0.5 -n ${LOOKS}`
  const env = { ...process.env, NO_COLOR: '', TERM: 'xterm', LC_ALL: 'C.UTF-8', SHELL: '/bin/sh' }
  const child = spawn('script', ['-qefc', top, '/dev/null'], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  started.push(child)
  let text = ''
  for await (const part of child.stdout.setEncoding('utf8')) text += part
  const left = text.lastIndexOf('\x1b[?7h') // back to the terminal as it was
  if (left < 0) throw new Error(`uveth top left no screen:\n${text}`)
  const screen = (await screens()).of(text.slice(0, left), columns, rows)
  writeFileSync(`${ROOT}docs/top.svg`, drawing(screen.cells))
}

/** The tests' own terminal, which is TypeScript. */
async function screens() {
  const to = `${ROOT}.cache/pictures`
  run(`npx tsc --ignoreConfig --target esnext --module esnext --outDir ${to} ${ROOT}test/support/screen.ts`)
  const module = await import(`${to}/screen.js`)
  return /** @type {typeof import('../test/support/screen.js').Screen} */ (module.Screen)
}

/** @param {readonly (readonly Cell[])[]} cells */
function drawing(cells) {
  const [width, height] = [TERMINAL.columns * CELL.width + 2 * EDGE, TERMINAL.rows * CELL.height + 2 * EDGE]
  const lines = cells.flatMap((line, row) =>
    runsOf(line).map((run) => runDrawn(run, EDGE + row * CELL.height)),
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`,
    '<title>uveth top</title>',
    `<rect width="${width}" height="${height}" rx="8" fill="${PAPER}" stroke="#30363d"/>`,
    '<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="13">',
    ...lines.filter((line) => line !== ''),
    '</g>',
    '</svg>\n',
  ].join('\n')
}

/**
 * Neighbours of one style. Bars stand alone, and so do words with two blanks between them: fonts differ in their width.
 * @param {readonly Cell[]} line
 */
function runsOf(line) {
  /** @type {{ at: number, style: string, cells: string[], bars: boolean }[]} */
  const runs = []
  for (const [at, { text, style }] of line.entries()) {
    const last = runs.at(-1)
    const bars = style === '32' && BARS.includes(text)
    const apart = text !== ' ' && last?.cells.slice(-2).join('') === '  ' && !bars
    if (last === undefined || last.style !== style || last.bars !== bars || apart)
      runs.push({ at, style, cells: [text], bars })
    else last.cells.push(text)
  }
  return runs
}

/**
 * @param {ReturnType<typeof runsOf>[number]} run
 * @param {number} y of its upper edge
 */
function runDrawn({ at, style, cells, bars }, y) {
  const x = EDGE + at * CELL.width
  const styles = style.split(';')
  const inverse = styles.includes('7')
  const colour = styles.map((number) => COLOURS.get(number)).find((known) => known !== undefined) ?? INK
  if (bars) return barsDrawn(cells, x, y, colour)
  const text = cells.join('')
  const area = inverse
    ? `<rect x="${x}" y="${y}" width="${cells.length * CELL.width}" height="${CELL.height}" fill="${INK}" shape-rendering="crispEdges"/>`
    : ''
  const words = text.trim()
  if (words === '') return area
  const ahead = text.length - text.trimStart().length
  const place = `x="${x + ahead * CELL.width}" y="${y + 13}" textLength="${words.length * CELL.width}"`
  const bold = styles.includes('1') ? ' font-weight="bold"' : ''
  const escaped = words.replace(/&/g, '&amp;').replace(/</g, '&lt;')
  return `${area}<text ${place} fill="${inverse ? PAPER : colour}"${bold}>${escaped}</text>`
}

/**
 * As areas, which no font can shift.
 * @param {string[]} cells
 * @param {number} x
 * @param {number} y
 * @param {string} colour
 */
function barsDrawn(cells, x, y, colour) {
  const base = y + CELL.height - 1
  const areas = cells.map((text, number) => {
    const height = (BARS.indexOf(text) / 8) * (CELL.height - 2)
    return height > 0 ? `M${x + number * CELL.width} ${base}v${-height}h${CELL.width - 1}v${height}z` : ''
  })
  return `<path fill="${colour}" d="${areas.join('')}"/>`
}

const [, , what = 'all', inside] = process.argv
if (!['all', 'web', 'top'].includes(what)) throw new Error(`there are web and top, not ${what}`)
if (inside !== undefined) {
  try {
    lay()
    load()
    if (what !== 'web') await photographTop()
    if (what !== 'top') await photographPage()
  } finally {
    for (const child of started) child.kill()
    run('uveth daemon --stop')
  }
} else {
  const words = [UVETH, 'sandbox', process.execPath, fileURLToPath(import.meta.url), what, 'inside']
  process.exitCode = spawnSync(process.execPath, words, { stdio: 'inherit' }).status ?? 1
}
