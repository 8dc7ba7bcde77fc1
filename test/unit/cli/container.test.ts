// Containers named as network namespaces: src/cli/container.ts and netns.ts, against an engine that is a
// folder of answers behind a Unix socket.

import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { findNetns, inodeOf, locate, readNetns } from '../../../src/cli/netns.js'
import { UvethError } from '../../../src/errors.js'

const folder = mkdtempSync(join(tmpdir(), 'uvt-engine-'))
const socket = join(folder, 'engine.sock')
const CONTAINERS: Record<string, object> = {
  web: { State: { Status: 'running', Pid: 4242 } },
  'a_b.c-1': { State: { Status: 'running', Pid: 7 } },
  '77': { State: { Status: 'running', Pid: 78 } },
  ended: { State: { Status: 'exited', Pid: 0 } },
  odd: {},
}
let engine: Server
let asked: string[] = []
const before = process.env.DOCKER_HOST

beforeAll(async () => {
  engine = createServer(({ method, url = '' }, answer) => {
    asked.push(`${method} ${url}`)
    const name = /^\/containers\/([^/]+)\/json$/.exec(url)?.[1] ?? ''
    if (name === 'broken') return answer.writeHead(500).end('{"message":"broken"}')
    if (name === 'cut') return answer.destroy()
    const found = CONTAINERS[decodeURIComponent(name)]
    answer.writeHead(found === undefined ? 404 : 200, { 'content-type': 'application/json' })
    answer.end(JSON.stringify(found ?? { message: `No such container: ${name}` }))
  })
  await new Promise<void>((resolve) => engine.listen(socket, resolve))
})

beforeEach(() => {
  asked = []
  process.env.DOCKER_HOST = `unix://${socket}`
})

afterEach(() => {
  if (before === undefined) delete process.env.DOCKER_HOST
  else process.env.DOCKER_HOST = before
})

afterAll(async () => {
  await new Promise((resolve) => engine.close(resolve))
  rmSync(folder, { recursive: true })
})

async function refusal(text: string): Promise<UvethError> {
  const error = await findNetns(text).then(
    (place) => new Error(`it is ${place}`),
    (thrown: unknown) => thrown as Error,
  )
  expect(error).toBeInstanceOf(UvethError)
  expect(error).toMatchObject({ attribute: 'netns' })
  expect(error.message).not.toContain('\n')
  return error as UvethError
}

describe('refused', () => {
  test('neither a namespace nor a container: it says where both were looked for', async () => {
    const error = await refusal('nobody')
    expect(error.code).toBe('ENOENT')
    expect(error.message).toContain("'nobody' is no network namespace under /run/netns and no container")
    expect(error.message).toContain(socket)
  })

  test('no such container', async () => {
    expect((await refusal('container:nobody')).message).toMatch(/^ENOENT: 'nobody' is no container of the/)
  })

  test('a container that does not run', async () => {
    expect((await refusal('ended')).message).toMatch(
      /^ESRCH: .*'ended' does not run \(exited\): docker start/,
    )
    expect((await refusal('odd')).message).toMatch(/^ESRCH: .*\(unknown\)/)
  })

  test.each(['container:', 'container:../x', 'container:a b', 'container:-x'])(
    '%s is no name',
    async (name) => {
      expect((await refusal(name)).code).toBe('EINVAL')
      expect(asked).toEqual([])
    },
  )

  test('an engine that fails, or goes away', async () => {
    expect((await refusal('broken')).message).toMatch(/^EPROTO: .* answers 500 for 'broken'/)
    expect((await refusal('cut')).message).toMatch(
      /whether 'cut' is a container cannot be asked .*: socket hang/,
    )
  })
})

describe('without an engine', () => {
  test.each([
    ['no socket', () => `unix://${folder}/none.sock`, /no container engine has a socket at '.*none\.sock'/],
    ['an engine elsewhere', () => 'tcp://192.0.2.1:2375', /DOCKER_HOST=tcp:\S+ is no Unix socket of this/],
  ])('%s: a bare name is the daemon to judge, an explicit one is refused', async (_, host, sentence) => {
    process.env.DOCKER_HOST = host()
    expect(await findNetns('web')).toBe('web')
    const error = await refusal('container:web')
    expect(error.code).toBe('ENOENT')
    expect(error.message).toMatch(sentence)
  })

  test('a socket that nobody listens on', async () => {
    const stale = join(folder, 'stale.sock')
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(stale, resolve))
    // A copy of the name outlives the server, which removes its own.
    const { linkSync } = await import('node:fs')
    linkSync(stale, `${stale}.2`)
    await new Promise((resolve) => server.close(resolve))
    process.env.DOCKER_HOST = `unix://${stale}.2`
    expect(await findNetns('web')).toBe('web')
    expect((await refusal('container:web')).message).toMatch(/^ECONNREFUSED: .*'web'/)
  })
})

describe('a container is the namespace of its process', () => {
  test.each([
    ['web', 4242],
    ['container:web', 4242],
    ['a_b.c-1', 7],
    ['container:77', 78],
  ])('%s', async (text, pid) => {
    expect(await findNetns(text)).toBe(pid)
    expect(asked).toEqual([`GET /containers/${text.replace('container:', '')}/json`])
  })
})

describe('everything else comes first, and no engine is asked', () => {
  test.each([
    ['77', 77],
    ['/run/x', '/run/x'],
    ['./web', join(process.cwd(), 'web')],
    ['/proc/self/ns/net', `/proc/${process.pid}/ns/net`],
    ['', ''],
  ])('%s', async (text, place) => {
    expect(await findNetns(text)).toBe(place)
    expect(asked).toEqual([])
  })

  test('words that are no name of a container are for the daemon to judge', async () => {
    expect(await findNetns('..')).toBe('..')
    expect(await findNetns('a b')).toBe('a b')
    expect(asked).toEqual([])
  })

  test('what was read can be located later, and again', async () => {
    expect(readNetns('web')).toBe('web')
    expect(await locate(await locate(readNetns('web')))).toBe(4242)
  })
})

test('the namespace of a process can be compared', () => {
  expect(inodeOf(process.pid)).toBe(inodeOf(undefined))
  expect(inodeOf('/proc/self/ns/net')).toBe(inodeOf(undefined))
  expect(inodeOf('nobody-made-this')).toBeUndefined()
})
