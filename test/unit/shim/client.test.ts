// The shim's client and a daemon that is made up: what it asks, and what it does of what it is told. What real answers
// do is shown by the integration tests (801 and on).

import {
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect } from 'vitest'
import { type Call, ShimScript } from '../../support/shim-script.js'
import { needs } from '../../support/skip.js'

const test = needs('client')

interface Asked {
  body: { tool: string; words: string[]; next?: string; code?: number }
  headers: IncomingHttpHeaders
}

let setting: ShimScript
let folder: string
let server: Server
let asked: Asked[]
/** What it is answered, one after the other. */
let answers: (object | number)[]

beforeEach(async () => {
  setting = new ShimScript('client')
  folder = mkdtempSync(join(tmpdir(), 'uvt-shim-'))
  asked = []
  server = createServer(async (request, reply) => {
    let text = ''
    for await (const part of request.setEncoding('utf8')) text += part
    asked.push({ body: JSON.parse(text) as Asked['body'], headers: request.headers })
    const answer = answers.shift() ?? 500
    const [status, body] = typeof answer === 'number' ? [answer, {}] : [200, answer]
    reply.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(join(folder, 'socket'), resolve))
})

afterEach(async () => {
  setting[Symbol.dispose]()
  await new Promise((resolve) => server.close(resolve))
  rmSync(folder, { recursive: true })
})

const split = (line: string) => line.split(' ')
const called = async (line: string, told: (object | number)[], call: Call = {}) => {
  answers = told
  return await setting.calledMeanwhile(split(line), { socket: join(folder, 'socket'), ...call })
}
const words = () => asked.map(({ body }) => body)

describe('what cannot be asked', () => {
  test.each([500, 403, 503])('status %i: the real ip answers what makes no pair', async (status) => {
    expect((await called('link set left0 up', [status])).notes).toEqual(['ip link set left0 up'])
    expect((await called('link del left0', [status])).notes).toEqual(['ip link del left0'])
  })

  test('status 503: what makes a pair is for uveth, which waits for the next daemon', async () => {
    const line = 'link add left0 type veth'
    expect((await called(line, [503])).notes).toEqual([
      `node ${setting.main} shim ip ${setting.real} ${line}`,
    ])
  })

  test('an option whose value the real ip may refuse is for uveth as well', async () => {
    const line = '-f inet link set left0 up'
    expect((await called(line, [])).notes).toEqual([`node ${setting.main} shim ip ${setting.real} ${line}`])
    expect(asked).toEqual([])
  })

  test('answers that are none', async () => {
    expect((await called('link del left0', [{}])).notes).toEqual(['ip link del left0'])
  })
})

test('a line is asked as it is, with the namespace that it is given in', async () => {
  const line = '-br link add é"\\ type veth peer name \u0001'
  expect(await called(line, [{ code: 2, stdout: 'so\n', stderr: '<é"\\>\n' }])).toMatchObject({
    notes: [],
    code: 2,
    said: 'so\n<é"\\>\n',
  })
  expect(words()).toEqual([{ tool: 'ip', words: split(line) }])
  const claim = asked[0]?.headers['uveth-netns'] as string
  expect(decodeURIComponent(claim)).toBe(readlinkSync('/proc/self/ns/net'))
  await called('-n blue link del left0', [{ code: 0 }])
  await called('-n ../../proc/1/ns/net link del left0', [{ code: 0 }])
  await called('-n 1 link del left0', [{ code: 0 }])
  expect(asked.slice(1).map(({ headers }) => headers['uveth-netns'])).toEqual([
    'blue',
    '/run/netns/../../proc/1/ns/net',
    '/run/netns/1',
  ])
})

test('a namespace as a path goes without links and as seen from here', async () => {
  mkdirSync(join(folder, 'real'))
  writeFileSync(join(folder, 'real/blue'), '')
  symlinkSync('real', join(folder, 'link'))
  await called(`link add left0 netns ${folder}/link/blue type veth`, [{ code: 0 }])
  await called('link add left0 netns /proc/self/ns/net type veth', [{ code: 0 }])
  const [one, two] = words().map(({ words: [, , , , netns] }) => netns)
  expect(one).toBe(join(realpathSync(folder), 'real/blue'))
  expect(two).toMatch(/^\/proc\/\d+\/ns\/net$/)
})

test.each(['link set left0 up', 'link del left0', 'addr show type veth'])(
  'ip %s: passed on, it is the real ip’s, which ends it',
  async (line) => {
    expect(await called(line, [{ pass: true }], { code: 3 })).toEqual({
      notes: [`ip ${line}`],
      code: 3,
      said: '',
    })
  },
)

test('what is to be run is run until it fails, and what it ended with goes back', async () => {
  const run = [split('link set a up'), split('link set b up')]
  const told = [
    { run, next: 'undo:7' },
    { code: 1, stdout: '', stderr: '' },
  ]
  expect(await called('link add left0 type veth', told, { code: 4 })).toMatchObject({
    notes: ['ip link set a up'],
    code: 1,
  })
  expect(words()[1]).toMatchObject({ next: 'undo:7', code: 4 })
  expect(await called('link set left0 up', [{ run }])).toMatchObject({
    notes: ['ip link set a up', 'ip link set b up'],
    code: 0,
  })
})

test('a daemon that ends between two requests changes nothing in what was run', async () => {
  const told = [{ run: [split('link set left0 up')], next: 'settle:7' }, 503]
  expect(await called('link set left0 up', told, { code: 2 })).toMatchObject({
    notes: ['ip link set left0 up'],
    code: 2,
  })
})

describe('-batch', () => {
  test('stdin with none of ours is copied as it is; then the ends settle', async () => {
    const input = 'link add x type dummy\n\n# veth0\naddr \\\n  add 10.0.0.1/24 dev x\nroute'
    const { notes, code } = await called('-batch -', [{ code: 0 }], { input, code: 1 })
    expect(notes).toEqual(['ip -batch -', ...input.split('\n').slice(0, -1)])
    expect(code).toBe(1)
    expect(words()).toEqual([{ tool: 'ip', words: [], next: 'settle', code: 0 }])
  })

  test('stdin is uveth’s from the first of ours on', async () => {
    const input = 'addr\n\nlink add x \\\n type veth\nroute\n'
    expect((await called('-b -', [], { input })).notes).toEqual([
      'ip -b -',
      'addr',
      '',
      `node ${setting.main} shim batch ip ${setting.real} 4 0 link add x \\`,
      ' type veth -b -',
    ])
  })

  test('a failure before the first of ours ends it, unless -force is given', async () => {
    const input = 'addr\nlink add x type veth\n'
    expect(await called('-b -', [], { input, code: 1 })).toMatchObject({
      notes: ['ip -b -', 'addr'],
      code: 1,
    })
    expect((await called('-fo -b -', [], { input, code: 1 })).notes.at(-1)).toBe(
      `node ${setting.main} shim batch ip ${setting.real} 2 1 link add x type veth -fo -b -`,
    )
  })

  test('of tc it is uveth’s: each of its lines may be', async () => {
    expect((await called('-batch -', [], { command: join(setting.shim, 'tc') })).notes).toEqual([
      `node ${setting.main} shim batch tc ${join(setting.bin, 'tc')} 0 0  -batch -`,
    ])
  })
})
