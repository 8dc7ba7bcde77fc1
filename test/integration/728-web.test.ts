// `uveth web`: what the command refuses, what its server refuses, and orders and captures as the page has them, but asked
// for by hand. The page in a browser is 729.

import { request } from 'node:http'
import { createServer } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect } from 'vitest'
import { expectRefusal } from '../support/cli.js'
import { expectProblem, inside, type Reply, TestDaemon } from '../support/daemon.js'
import { numbered } from '../support/frames.js'
import { Netns, run } from '../support/netns.js'
import { packetsOf, readPcapng } from '../support/pcapng.js'
import { type Program, uveth as start, uvethOnce } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')

const FRAME = numbered(1, 1, 100)

let daemon: TestDaemon
let web: Program
/** As it is printed. */
let address: string
let origin: string
let authorization: string

beforeAll(async () => {
  daemon = await TestDaemon.start()
  web = start(['web', '--socket', daemon.socket])
  address = await web.line(/^http/)
  origin = new URL(address).origin
  authorization = `Bearer ${new URL(address).hash.slice(1)}`
})
afterAll(async () => {
  await web?.[Symbol.asyncDispose]()
  await daemon?.[Symbol.asyncDispose]()
})
beforeEach(async () => {
  await daemon.ask('DELETE', '/v1/pairs/id:cable')
  await daemon.lay()
})

/** As a stranger asks, who may set any header. */
function ask(
  method: string,
  path: string,
  body?: object | string,
  more: Record<string, string> = {},
): Promise<Reply> {
  const text = typeof body === 'object' ? JSON.stringify(body) : body
  const { hostname, port } = new URL(origin)
  const headers = { authorization, 'content-type': 'application/json', ...more }
  return new Promise((resolve, reject) => {
    request({ host: hostname, port, method, path, headers, agent: false }, async (answer) => {
      const parts: Buffer[] = []
      for await (const part of answer) parts.push(part as Buffer)
      const said = Buffer.concat(parts).toString()
      const json = answer.headers['content-type']?.includes('json') ? JSON.parse(said) : undefined
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text: said, json })
    })
      .on('error', reject)
      .end(text)
  })
}

async function impairOf(name: string) {
  return (await daemon.ask('GET', `/v1/ends/${name}/impair`)).json
}

describe('the command', () => {
  test('wrong words', async () => {
    expectRefusal(await uvethOnce(['web', 'now']), 1, /what is 'now'\? Try uveth web --help/)
    expectRefusal(await uvethOnce(['web', '--port', '70000']), 1, /--port is a number from 0 .* not "70000"/)
    for (const host of ['0.0.0.0', '::', '127.0.0.1.example.com'])
      expectRefusal(await uvethOnce(['web', '--host', host]), 1, /address of loopback, 127\.0\.0\.1 or ::1/)
  })

  test('a port that is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise((listens) => server.once('listening', listens))
    const { port } = server.address() as { port: number }
    expectRefusal(
      await uvethOnce(['web', '--port', String(port)]),
      2,
      /^uveth: EADDRINUSE: .* '127\.0\.0\.1:\d+' \(take another port/,
    )
    server.close()
  })

  test('an address that no interface has', async () => {
    using nowhere = Netns.create('nowhere')
    expectRefusal(
      await uvethOnce(['web', '--host', '::1'], { prefix: inside(nowhere) }),
      2,
      /^uveth: EADDRNOTAVAIL: .* '\[::1\]:0' \(no interface has it/,
    )
  })

  needs('ipv6')('an address of its own each time; a signal ends it well', async () => {
    await using other = start(['web', '--socket', daemon.socket, '--host', '::1'])
    expect(await other.line(/^http/)).toMatch(/^http:\/\/\[::1\]:\d+\/#[\w-]{43}$/)
    expect(other.stdout.split('#')[1]).not.toBe(address.split('#')[1])
    expect(await other.stop('SIGINT')).toMatchObject({ code: 0, signal: null, stderr: '' })
  })
})

describe('the server', () => {
  test('without the token, from another page or under another name: nothing', async () => {
    expectProblem(await ask('GET', '/v1/pairs', undefined, { authorization: '' }), 401, { code: 'EACCES' })
    expectProblem(await ask('GET', '/v1/pairs', undefined, { authorization: 'Bearer x' }), 401, {})
    expectProblem(await ask('GET', '/v1/pairs', undefined, { host: 'evil.example' }), 403, {})
    expectProblem(await ask('GET', '/', undefined, { host: 'evil.example' }), 403, {})
    expectProblem(await ask('GET', '/v1/pairs', undefined, { origin: 'http://evil.example' }), 403, {})
    const { headers } = await ask('OPTIONS', '/v1/pairs', undefined, { origin: 'http://evil.example' })
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([])
  })

  test('every answer has a policy that lets nothing in', async () => {
    for (const path of ['/', '/main.js', '/nowhere', '/v1/pairs', '/v1/ends/nobody/impair']) {
      const { headers } = await ask('GET', path)
      expect(headers['content-security-policy']).toMatch(
        /^default-src 'none'; script-src 'self'; style-src 'self';/,
      )
      expect(headers['content-security-policy']).not.toMatch(/unsafe|\*|https?:/)
      expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
    }
  })

  test('every file that the page asks for is there, and no line of it is in the page itself', async () => {
    const page = await ask('GET', '/', undefined, { authorization: '' })
    expect(page).toMatchObject({ status: 200, headers: { 'content-type': 'text/html; charset=utf-8' } })
    expect(page.text).not.toMatch(/<style|style=|<script(?![^>]*src=)|\son\w+=|https?:/)
    const asked = [...page.text.matchAll(/(?:src|href)="([\w.]+)"/g)].map(([, name]) => `/${name}`)
    for (const path of asked) {
      const { status, text, headers } = await ask('GET', path)
      expect([path, status, headers['content-type']]).toEqual([
        path,
        200,
        expect.stringMatching(/javascript|css/),
      ])
      for (const [, name] of text.matchAll(/from '\.\/([\w.]+)'/g))
        if (!asked.includes(`/${name}`)) asked.push(`/${name}`)
    }
    expect(asked.length).toBeGreaterThan(10)
    expect(await ask('HEAD', '/')).toMatchObject({ status: 200, text: '' })
  })

  test('wrong paths, methods and bodies', async () => {
    expectProblem(await ask('GET', '/../package.json'), 404, { code: 'ENOENT' })
    expectProblem(await ask('POST', '/v1/shutdown'), 404, { code: 'ENOENT' })
    expect((await ask('DELETE', '/v1/pairs/cable')).headers.allow).toBe('PATCH')
    expectProblem(await ask('PATCH', '/v1/pairs/cable', { carrier: 'off', a: { up: false } }), 422, {
      detail: 'EINVAL: only carrier can be changed here, not a',
    })
    expectProblem(await ask('PATCH', '/v1/pairs/cable', '{'), 422, { code: 'EINVAL' })
    expectProblem(await ask('PATCH', '/v1/pairs/cable', { carrier: 'maybe' }), 422, { attribute: 'carrier' })
    expectProblem(await ask('PATCH', '/v1/pairs/cable', `{"carrier":"${'x'.repeat(70_000)}"}`), 413, {
      code: 'E2BIG',
    })
    expectProblem(await ask('GET', '/v1/ends/nobody/impair'), 404, { code: 'ENODEV' })
  })

  test("impairments in netem's words, and refusals in them", async () => {
    const text = { 'content-type': 'text/plain' }
    const at = '/v1/ends/x0/impair'
    expect((await ask('PUT', at, 'delay 10ms 2ms loss 1% seed 7', text)).status).toBe(200)
    expect(await impairOf('x0')).toMatchObject({
      delay: { time: 10, jitter: 2 },
      loss: { random: 1 },
      seed: 7,
    })
    const words = await ask('GET', at, undefined, { accept: 'text/plain' })
    expect(words).toMatchObject({ status: 200, text: 'delay 10ms 2ms loss 1% seed 7' })
    expectProblem(await ask('PUT', at, 'delay soon', text), 422, {
      detail: expect.stringMatching(/^EINVAL: delay must be a time/),
      attribute: 'delay',
    })
    expectProblem(await ask('PUT', at, 'dilay 3ms', text), 422, {
      detail: expect.stringMatching(/what is "dilay"/),
    })
    // No file of this machine is read for a page.
    expectProblem(await ask('PUT', at, 'rate trace /etc/hostname', text), 422, { code: 'EINVAL' })
    expectProblem(await ask('PATCH', at, { loss: { random: 101 } }), 422, { attribute: 'loss' })
    expect(await impairOf('x0')).toMatchObject({ delay: { time: 10 } })
    expect((await ask('DELETE', at)).status).toBe(204)
    expect(await ask('GET', at, undefined, { accept: 'text/plain' })).toMatchObject({ status: 200, text: '' })
  })

  test('a capture has a path that is read once, and ends with its statistics', async () => {
    expectProblem(await ask('POST', '/captures', {}), 422, {
      detail: expect.stringMatching(/ref must be there/),
    })
    expectProblem(await ask('POST', '/captures', { ref: 'id:cable', to: '/tmp/x' }), 422, {
      detail: expect.stringMatching(/not to$/),
    })
    expectProblem(await ask('POST', '/captures', { ref: 'id:nobody' }), 404, { code: 'ENODEV' })
    expectProblem(await ask('POST', '/captures', { ref: 'id:cable', end: 'c' }), 422, { code: 'EINVAL' })
    expectProblem(await ask('GET', `/captures/${'x'.repeat(32)}`), 404, { code: 'ENOENT' })
    expectProblem(await ask('DELETE', `/captures/${'x'.repeat(32)}`), 404, { code: 'ENOENT' })
    const { json } = await ask('POST', '/captures', { ref: 'id:cable' })
    const file = await fetch(`${origin}/captures/${json.id}/cable.pcapng`)
    expectProblem(await ask('GET', `/captures/${json.id}`), 404, { code: 'ENOENT' })
    daemon.near.send(FRAME)
    await daemon.far.receive()
    expect((await ask('DELETE', `/captures/${json.id}`)).status).toBe(204)
    const bytes = new Uint8Array(await file.arrayBuffer())
    expect(packetsOf(bytes).map(({ frame }) => frame.equals(FRAME))).toContain(true)
    expect(readPcapng(bytes)[0]?.statistics).toHaveLength(2)
  })

  test('at port 80 a browser names no port', async () => {
    // In a namespace of its own, where that is free.
    await using web = start(['web', '--socket', daemon.socket, '--port', '80'], { netns: daemon.home.name })
    expect(await web.line(/^http/)).toMatch(/^http:\/\/127\.0\.0\.1:80\//)
    const ask = `fetch('http://127.0.0.1/').then((answer) => console.log(answer.status))`
    daemon.home.ip('link', 'set', 'lo', 'up')
    expect(run('nsenter', `--net=${daemon.home.path}`, process.execPath, '-e', ask)).toBe('200\n')
  })

  test('where no daemon is, that is said', async () => {
    await using alone = start(['web', '--socket', `${daemon.socket}-none`])
    const { port, hash } = new URL(await alone.line(/^http/))
    const headers = { authorization: `Bearer ${hash.slice(1)}` }
    const answer = await fetch(`http://localhost:${port}/v1/pairs`, { headers })
    expect([answer.status, ((await answer.json()) as { detail: string }).detail]).toEqual([
      502,
      expect.stringMatching(/^ENOENT: no daemon answers/),
    ])
  })
})
