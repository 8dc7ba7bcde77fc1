#!/usr/bin/env node
// @ts-check
// Makes the pictures of README.md: `uveth web` in a real browser (Debian's chromium), light and dark, over pairs that carry
// pings and streams. All of it runs in a `uveth sandbox`, so that names are free and nothing is left. Needs a build.
// Usage: scripts/pictures.js

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const UVETH = `${ROOT}dist/cli/main.js`
/** s of traffic before it is looked at. */
const TRAFFIC = 75
const SIZE = { width: 1240, height: 860 }

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

if (process.argv[2] === 'inside') {
  try {
    lay()
    load()
    const web = start(`${process.execPath} ${UVETH} web`)
    const [address] = await once(/** @type {import('node:stream').Readable} */ (web.stdout), 'data')
    await photograph(String(address).trim())
  } finally {
    for (const child of started) child.kill()
    run('uveth daemon --stop')
  }
} else {
  const words = [UVETH, 'sandbox', process.execPath, fileURLToPath(import.meta.url), 'inside']
  process.exitCode = spawnSync(process.execPath, words, { stdio: 'inherit' }).status ?? 1
}
