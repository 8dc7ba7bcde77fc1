// How much of each thing a daemon gives, and where it may be scraped by who may not order: refused with a sentence, and
// nothing else suffers.

import { execFileSync } from 'node:child_process'
import { chmodSync, statSync } from 'node:fs'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { ask, expectProblem, TestDaemon } from '../support/daemon.js'
import { patient } from '../support/pace.js'
import { uvethOnce } from '../support/program.js'
import { needs } from '../support/skip.js'

/** Late, so that a busy machine ends nothing. */
const PATIENT = { timeout: patient(30_000) }

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')
const scrape = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'curl')

let daemon: TestDaemon
let metrics: string
const open: ClientRequest[] = []
beforeAll(async () => {
  const limits = ['captures=3', 'pair_captures=2', 'listeners=2', 'backlog=64kb', 'addresses=2', 'nesting=5']
  const words = limits.flatMap((limit) => ['--limit', limit])
  daemon = await TestDaemon.start('--metrics', 'FOLDER/metrics.sock', ...words)
  metrics = daemon.folder.file('metrics.sock')
  for (const id of ['one', 'two']) {
    const wish = { id, quiet: true, a: { name: `${id}a` }, b: { name: `${id}b` } }
    expect((await daemon.ask('POST', '/v1/pairs', wish)).status).toBe(201)
  }
})
afterAll(async () => {
  for (const sent of open) sent.destroy()
  await daemon?.endWell()
})

/** An answer that does not end; nobody reads it yet. */
async function begin(path: string): Promise<IncomingMessage> {
  const headers = { 'uveth-netns': daemon.home.name }
  const sent = request({ socketPath: daemon.socket, path, headers, agent: false }).end()
  open.push(sent)
  sent.on('error', () => {})
  return await new Promise((resolve) => sent.once('response', resolve))
}

async function figure(name: string): Promise<number> {
  const { text } = await ask(metrics, 'GET', '/metrics')
  const line = text.split('\n').find((one) => one.startsWith(`${name} `))
  return Number(line?.split(' ')[1])
}

describe('limits', () => {
  test.each([
    ['--limit', 'capture=1', /--limit takes NAME=N with one of captures, .*, not 'capture=1'/],
    ['--limit', 'captures=many', /--limit takes NAME=N/],
    ['--metrics', 'somewhere', /--metrics takes HOST:PORT or the path of a socket, not 'somewhere'/],
    ['--metrics', '127.0.0.1:70000', /--metrics takes/],
  ])('misuse: uveth daemon %s %s', async (option, value, complaint) => {
    const { code, stderr } = await uvethOnce(['daemon', option, value])
    expect([code, stderr.trim().split('\n').length]).toEqual([1, 1])
    expect(stderr).toMatch(complaint)
  })

  test('captures: of a pair, of all; what runs goes on, and who ends makes room', async () => {
    const captures = []
    for (const id of ['one', 'one', 'two']) captures.push((await begin(`/v1/pairs/${id}/capture`)).resume())
    expect(captures.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200])
    const ofPair = await daemon.ask('GET', '/v1/pairs/one/capture')
    expectProblem(ofPair, 429, {
      code: 'EDQUOT',
      detail: expect.stringMatching(/^EDQUOT: 2 captures of this pair/),
    })
    expectProblem(await daemon.ask('GET', '/v1/pairs/two/capture'), 429, { code: 'EDQUOT' })
    expect(await figure('uveth_limit_used{limit="captures"}')).toBe(3)
    expect(await figure('uveth_limit_refused_total{limit="pair_captures"}')).toBe(1)
    const words = ['--socket', daemon.socket, '-n', daemon.home.name, 'capture', 'id:two']
    const command = await uvethOnce([...words, '-w', daemon.folder.file('x.pcapng')])
    expect([command.code, command.stderr]).toEqual([
      1,
      'uveth: EDQUOT: 3 captures run already, and no more may at once (limit captures)\n',
    ])
    captures[0]?.destroy()
    await expect.poll(() => figure('uveth_limit_used{limit="captures"}'), PATIENT).toBe(2)
    expect((await begin('/v1/pairs/two/capture')).statusCode).toBe(200)
  })

  test('a listener that does not read loses events, and is told how many when it does', async () => {
    const slow = await begin('/v1/events')
    const quick = (await begin('/v1/events')).setEncoding('utf8')
    let heard = ''
    quick.on('data', (text: string) => {
      heard += text
    })
    const linesOf = (text: string) => text.split('\n').slice(0, -1)
    /** Each is told as it was ordered, behind what has changed by it. */
    const ordered = () => linesOf(heard).filter((line) => line.startsWith('{"event":"changed"')).length
    expectProblem(await daemon.ask('GET', '/v1/events'), 429, { code: 'EDQUOT' })
    slow.pause()
    const mtus = Array.from({ length: 4000 }, (_, n) => 1400 + (n % 2))
    for (let n = 0; n < mtus.length; n += 50) {
      const some = mtus.slice(n, n + 50)
      await Promise.all(some.map((mtu) => daemon.ask('PATCH', '/v1/ends/onea', { mtu })))
    }
    await expect.poll(ordered, PATIENT).toBe(mtus.length)
    expect(await figure('uveth_listeners_waiting_bytes')).toBeLessThan(2 * 65_536)
    const lost = await figure('uveth_limit_refused_total{limit="backlog"}')
    expect(lost).toBeGreaterThan(100)
    let text = ''
    slow.setEncoding('utf8').on('data', (part: string) => {
      text += part
    })
    slow.resume()
    const lines = () => linesOf(text)
    await expect.poll(() => lines().at(-1), PATIENT).toBe(`{"event":"lost","count":${lost}}`)
    expect(lines().length - 1 + lost).toBe(linesOf(heard).length)
  })

  test('addresses of one order, and nesting of its JSON', async () => {
    const addresses = ['10.0.0.1/24', '10.0.0.2/24', '10.0.0.3/24']
    expectProblem(await daemon.ask('PATCH', '/v1/ends/onea', { addresses }), 413, { code: 'E2BIG' })
    expectProblem(await daemon.ask('POST', '/v1/pairs', '[[[[[[]]]]]]'), 413, { code: 'E2BIG' })
    expect(daemon.home.ip('addr', 'show', 'dev', 'onea')).not.toContain('10.0.0')
  })
})

describe('--metrics', () => {
  test('says what the control socket says, and takes no order', async () => {
    const [here, there] = [await ask(metrics, 'GET', '/metrics'), await daemon.ask('GET', '/metrics')]
    const ours = ({ text }: { text: string }) =>
      text.split('\n').filter((line) => /^uveth_(pair|end)/.test(line))
    expect(ours(here)).toEqual(ours(there))
    expect(ours(here)).toContain('uveth_end_up{pair="one",end="a",name="onea",device="onea",netns=""} 0')
    expect((await ask(metrics, 'GET', '/health')).json).toMatchObject({ status: 'ok', pairs: 2 })
    expectProblem(await ask(metrics, 'DELETE', '/v1/pairs/one'), 404, { code: 'ENOENT' })
    expectProblem(await ask(metrics, 'GET', '/v1/pairs'), 404, { code: 'ENOENT' })
    expectProblem(await ask(metrics, 'POST', '/metrics'), 405, { code: 'EOPNOTSUPP' })
  })

  test('counts carrier changes, whoever orders them', async () => {
    const name = 'uveth_pair_carrier_changes_total{pair="two"}'
    expect(await figure(name)).toBe(0)
    for (const end of ['twoa', 'twob']) daemon.home.ip('link', 'set', end, 'up')
    await expect.poll(() => figure(name), PATIENT).toBe(1)
    expect(await figure('uveth_pair_carrier{pair="two"}')).toBe(1)
    daemon.home.ip('link', 'set', 'twoa', 'down')
    await expect.poll(() => figure(name), PATIENT).toBe(2)
  })

  scrape('is for who may enter its folder, who may not order', () => {
    chmodSync(daemon.folder.path, 0o755)
    const asNobody = (socket: string, path: string) =>
      execFileSync('curl', ['-sS', '--unix-socket', socket, `http://uveth${path}`], {
        uid: 65_534,
        gid: 65_534,
        stdio: ['ignore', 'pipe', 'pipe'],
        encoding: 'utf8',
      })
    expect([statSync(metrics).mode & 0o777, statSync(daemon.socket).mode & 0o777]).toEqual([0o666, 0o660])
    expect(asNobody(metrics, '/metrics')).toContain('uveth_pairs 2\n')
    expect(() => asNobody(daemon.socket, '/metrics')).toThrow(/connect/)
  })

  test('a socket that another daemon has is refused, and that one goes on', async () => {
    const words = ['daemon', '--socket', daemon.folder.file('other.sock'), '--metrics', metrics]
    const { code, stderr } = await uvethOnce(words)
    expect([code, stderr]).toEqual([1, `uveth: EADDRINUSE: another program listens on '${metrics}'\n`])
    expect(await figure('uveth_pairs')).toBe(2)
  })
})
