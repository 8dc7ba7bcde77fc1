// The listener for scrapes: what it says, what it does not take, and how many it serves at once. Nothing can be ordered
// there, whatever is sent.

import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { OPS } from '../../../src/contract/ops.js'
import { openScrapes, type Scrapes } from '../../../src/servers/scrape.js'
import { figures, setLimits } from '../../../src/wishes/limits.js'
import { ask, expectProblem } from '../../support/daemon.js'

/** Late, so that a busy machine ends nothing. */
const PATIENT = { timeout: 30_000 }

let folder: string
let path: string
let scrapes: Scrapes
const metrics = { read: () => Readable.from(['uveth_pairs 1\n', 'uveth_end_held 2\n']) }

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'uvt-scrape-'))
  path = join(folder, 's')
  scrapes = await openScrapes({ path }, metrics, () => ({ status: 'ok' }))
})
afterEach(async () => {
  await scrapes.close()
  setLimits({ scrapers: 16 })
  rmSync(folder, { recursive: true })
})

test('metrics and health', async () => {
  const page = await ask(path, 'GET', '/metrics?x=1')
  expect(page).toMatchObject({ status: 200, text: 'uveth_pairs 1\nuveth_end_held 2\n' })
  expect(page.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(await ask(path, 'GET', '/health')).toMatchObject({ status: 200, json: { status: 'ok' } })
})

test('nothing of what can be ordered is there', async () => {
  for (const { method, path: route } of Object.values(OPS))
    expectProblem(await ask(path, method, route.replace(/[{}]/g, '')), 404, { code: 'ENOENT' })
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    const answer = await ask(path, method, '/metrics', {})
    expectProblem(answer, 405, { code: 'EOPNOTSUPP' })
    expect(answer.headers.allow).toBe('GET')
  }
})

test('what is no HTTP ends its connection and nothing else', async () => {
  for (const text of ['\0\0\0\r\n\r\n', `GET /${'x'.repeat(9000)} HTTP/1.1\r\n\r\n`]) {
    const socket = connect(path)
    socket.on('error', () => {}).end(text)
    await once(socket.resume(), 'close')
  }
  expect((await ask(path, 'GET', '/health')).status).toBe(200)
})

test('one connection more than there may be is told so; who leaves makes room', async () => {
  setLimits({ scrapers: 2 })
  const used = () => figures().find(({ name }) => name === 'scrapers')?.used
  const open: Socket[] = []
  for (let count = 1; count <= 2; count++) {
    open.push(connect(path))
    await expect.poll(used, PATIENT).toBe(count)
  }
  expectProblem(await ask(path, 'GET', '/metrics'), 429, { code: 'EDQUOT' })
  open[0]?.destroy()
  await expect.poll(used, PATIENT).toBe(1)
  expect((await ask(path, 'GET', '/metrics')).status).toBe(200)
  open[1]?.destroy()
})

test('at a TCP address, which it tells; the same one twice is refused', async () => {
  const other = await openScrapes({ host: '127.0.0.1', port: 0 }, metrics, () => ({}))
  expect(other.address).toMatch(/^127\.0\.0\.1:\d+$/)
  const answer = await fetch(`http://${other.address}/metrics`)
  expect(await answer.text()).toContain('uveth_pairs 1')
  const port = Number(other.address.split(':')[1])
  await expect(openScrapes({ host: '127.0.0.1', port }, metrics, () => ({}))).rejects.toMatchObject({
    code: 'EADDRINUSE',
  })
  await other.close()
})
