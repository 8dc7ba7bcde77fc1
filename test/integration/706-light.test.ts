// The command starts fast because of what it does not load. Which modules are loaded is asked of Node itself
// (a loader hook that notes them, and the shared objects of process.report), so no clock is involved.

import { readFileSync, writeFileSync } from 'node:fs'
import { expect } from 'vitest'
import { TestDaemon } from '../support/daemon.js'
import { uvethOnce } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')

/** Notes every module of ES as it is loaded, and at the end what CommonJS and dlopen have brought. */
const NOTES = `
import { appendFileSync } from 'node:fs'
import { createRequire, register } from 'node:module'
const hooks = \`import { appendFileSync } from 'node:fs'
export async function load(url, context, next) {
  appendFileSync(process.env.NOTES, url + '\\\\n')
  return next(url, context)
}\`
register('data:text/javascript,' + encodeURIComponent(hooks))
process.on('exit', () => {
  const cached = Object.keys(createRequire(import.meta.url).cache)
  appendFileSync(process.env.NOTES, [...cached, ...process.report.getReport().sharedObjects].join('\\n') + '\\n')
})
`

async function loadedBy(daemon: TestDaemon, ...words: string[]): Promise<string[]> {
  const hook = daemon.folder.file('notes.mjs')
  const notes = daemon.folder.file('notes')
  writeFileSync(hook, NOTES)
  writeFileSync(notes, '')
  const env = { UVETH_SOCKET: daemon.socket, NOTES: notes }
  const { code, stderr } = await uvethOnce(words, { node: ['--no-deprecation', '--import', hook], env })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return readFileSync(notes, 'utf8').split('\n')
}

const HEAVY = /node_modules|\.node$|native|\/daemon\.js|\/pair\.js|\/dist\/index\.js/

test('orders load neither the server nor the addon', async () => {
  await using daemon = await TestDaemon.start()
  await daemon.ask('POST', '/v1/pairs', { a: { name: 'veth0' }, b: { name: 'veth1' } })
  for (const line of [
    'link show',
    '-j -s link show veth0',
    '-br link',
    'stats',
    'link set veth0 up',
    'link set veth0 impair delay 1ms',
    'link set veth0 rule add drop arp',
    '-d link show veth0',
    'capture --help',
    'link del veth0',
    'completion bash',
    '--help',
  ]) {
    const loaded = await loadedBy(daemon, ...line.split(' '))
    expect(loaded.join('\n')).toMatch(/dist\/cli\/main\.js/)
    expect([line, loaded.filter((module) => HEAVY.test(module))]).toEqual([line, []])
  }
})

test('link add does neither, where a daemon runs', async () => {
  await using daemon = await TestDaemon.start()
  const loaded = await loadedBy(daemon, '-n', daemon.home.name, 'link', 'add', 'type', 'veth')
  expect(loaded.filter((module) => HEAVY.test(module))).toEqual([])
})

test('the check sees the addon where it is loaded', async () => {
  await using daemon = await TestDaemon.start()
  const loaded = await loadedBy(daemon, 'daemon', '--stop', '--socket', daemon.socket)
  expect(loaded.some((module) => /\.node$/.test(module))).toBe(true)
})
