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

/** Of Node itself: what a verb has that only talks to the daemon. Notes nothing but them, since a hook brings others. */
const BUILTINS = `
const { appendFileSync } = require('node:fs')
process.on('exit', () => appendFileSync(process.env.NOTES, process.moduleLoadList.join('\\n')))
`
/** Each is some 3 to 35 ms of the 60 that such a verb may take. */
const SLOW =
  /^NativeModule (?:_?http.*|tls|_tls.*|worker_threads|readline|child_process|internal\/util\/parse_args.*)$/
/** Files of ours, some 0.5 ms each. */
const MOST_FILES = 27

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

test('and few files, and nothing of Node that takes long', async () => {
  await using daemon = await TestDaemon.start()
  await daemon.ask('POST', '/v1/pairs', { a: { name: 'veth0' }, b: { name: 'veth1' } })
  const notes = daemon.folder.file('builtins')
  const hook = daemon.folder.file('builtins.cjs')
  writeFileSync(hook, BUILTINS)
  for (const line of [
    'link show',
    'link show veth0',
    '-br link',
    'link set veth0 up',
    'stats',
    'link del veth0',
  ]) {
    const words = line.split(' ')
    const files = (await loadedBy(daemon, ...words)).filter((module) => module.includes('/dist/'))
    expect([line, files.length > 10, files.length <= MOST_FILES]).toEqual([line, true, true])
    if (line === 'link del veth0') break
    writeFileSync(notes, '')
    const env = { UVETH_SOCKET: daemon.socket, NOTES: notes }
    const { code, stderr } = await uvethOnce(words, { node: ['--require', hook], env })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const builtins = readFileSync(notes, 'utf8').split('\n')
    expect(builtins).toContain('NativeModule net')
    expect([line, builtins.filter((module) => SLOW.test(module))]).toEqual([line, []])
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
