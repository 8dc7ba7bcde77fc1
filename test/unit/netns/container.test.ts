// Containers named as network namespaces: src/netns/container.ts and names.ts, against an engine that is a
// folder of answers behind a Unix socket.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { UvethError } from '../../../src/errors.js'
import { containerPid, isProcessOf } from '../../../src/netns/container.js'
import { findNetns, findRef, inodeOfNetns, locate, readNetns } from '../../../src/netns/names.js'

/** Whether this process is to be one that sees all processes of the machine. */
const machine = vi.hoisted(() => ({ whole: true }))
vi.mock('../../../src/netns/processes.js', () => ({ seesAllProcesses: () => machine.whole }))

const folder = mkdtempSync(join(tmpdir(), 'uvt-engine-'))
const socket = join(folder, 'engine.sock')
const CONTAINERS: Record<string, object> = {
  web: { State: { Status: 'running', Pid: 4242 } },
  'a_b.c-1': { State: { Status: 'running', Pid: 7 } },
  '77': { State: { Status: 'running', Pid: 78 } },
  ended: { State: { Status: 'exited', Pid: 0 } },
  odd: {},
  own: { State: { Status: 'running', Pid: process.pid } },
}
/** Answers that are no container. */
const ODD: Record<string, string> = {
  null: 'null',
  number: '7',
  text: '"x"',
  cutoff: '{"State":',
  nothing: '',
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
    if (name === 'slow') {
      const trickle = setInterval(() => answer.write(' '), 5)
      return void answer.once('close', () => clearInterval(trickle))
    }
    if (name === 'endless') {
      const more = () => {
        while (!answer.destroyed && answer.write(' '.repeat(1 << 16)));
      }
      answer.on('drain', more)
      return more()
    }
    const odd = ODD[name]
    if (odd !== undefined) return answer.end(odd)
    const found = CONTAINERS[decodeURIComponent(name)]
    answer.writeHead(found === undefined ? 404 : 200, { 'content-type': 'application/json' })
    answer.end(JSON.stringify(found ?? { message: `No such container: ${name}` }))
  })
  await new Promise<void>((resolve) => engine.listen(socket, resolve))
})

beforeEach(() => {
  asked = []
  machine.whole = true
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
  test('no socket: a bare name is the daemon to judge, an explicit one is refused', async () => {
    process.env.DOCKER_HOST = `unix://${folder}/none.sock`
    expect(await findNetns('web')).toBe('web')
    const error = await refusal('container:web')
    expect(error.code).toBe('ENOENT')
    expect(error.message).toMatch(/no container engine has a socket at '.*none\.sock'/)
  })

  test('an engine elsewhere is not asked, and that is said', async () => {
    process.env.DOCKER_HOST = 'tcp://192.0.2.1:2375'
    const none =
      /no engine was asked, since DOCKER_HOST=tcp:\S+ is no Unix socket of this machine: set DOCKER_HOST/
    for (const name of ['web', 'container:web']) {
      const error = await refusal(name)
      expect(error.code).toBe('ENOENT')
      expect(error.message).toMatch(none)
    }
    expect((await refusal('web')).message).toMatch(
      /^ENOENT: 'web' is no network namespace under \/run\/netns, and/,
    )
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

describe('in another pid namespace than the engine the number may be that of another process', () => {
  test('one that cannot be told to be the container is refused', async () => {
    machine.whole = false
    for (const name of ['web', 'own']) {
      const error = await refusal(name)
      expect(error.code).toBe('ESRCH')
      expect(error.message).toMatch(new RegExp(`the container '${name}' .* --pid host`))
    }
  })

  test("it is told by the container's id in its control group", () => {
    const id = '9a6e62a69e06'.padEnd(64, '1')
    const proc = join(folder, 'proc')
    mkdirSync(join(proc, '7'), { recursive: true })
    for (const path of [`/docker/${id}`, `/../${id}`, `/system.slice/docker-${id}.scope/init`]) {
      writeFileSync(join(proc, '7/cgroup'), `9:pids:/other\n0::${path}\n`)
      expect(isProcessOf(7, id, proc)).toBe(true)
      expect(isProcessOf(7, id.replace('9', '8'), proc)).toBe(false)
    }
    expect(isProcessOf(8, id, proc)).toBe(false)
    expect(isProcessOf(7, undefined, proc)).toBe(false)
    expect(isProcessOf(7, '', proc)).toBe(false)
  })
})

describe('a reference: NAME@NS', () => {
  const here = `net:[${inodeOfNetns(undefined)}]`

  test.each([
    ['eth0@own', `eth0@${here}`],
    ['eth0@container:own', `eth0@${here}`],
    ['eth0@/proc/self/ns/net', `eth0@${here}`],
    [`eth0@/proc/${process.pid}/ns/net`, `eth0@${here}`],
    [`a@b@${process.pid}`, `a@b@${here}`],
  ])('%s is an interface there', async (text, ref) => {
    expect(await findRef(text)).toBe(ref)
  })

  test.each(['eth0', 'eth0@', '@own', 'eth0@net:[1]', 'id:x@own'])('%s needs no engine', async (text) => {
    expect(await findRef(text)).toBe(text)
    expect(asked).toEqual([])
  })

  test.each(['eth0@nobody', 'eth0@a b'])('%s is for the daemon to judge: it may be a name', async (text) => {
    expect(await findRef(text)).toBe(text)
  })

  test('a container that does not run is refused', async () => {
    await expect(findRef('eth0@ended')).rejects.toThrow(/'ended' does not run/)
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
  expect(inodeOfNetns(process.pid)).toBe(inodeOfNetns(undefined))
  expect(inodeOfNetns('/proc/self/ns/net')).toBe(inodeOfNetns(undefined))
  expect(inodeOfNetns('nobody-made-this')).toBeUndefined()
})

describe('an engine that is none', () => {
  test.each(Object.keys(ODD))('answers %s', async (name) => {
    await expect(containerPid(name, true)).rejects.toMatchObject({ code: 'ECONNREFUSED', attribute: 'netns' })
  })

  test('trickles', async () => {
    const message = expect.stringMatching(/no whole answer within 0.1 s$/)
    await expect(containerPid('slow', true, 100)).rejects.toMatchObject({ code: 'ECONNREFUSED', message })
  })

  test('has no end', async () => {
    const message = expect.stringMatching(/its answer is longer than 4194304 bytes$/)
    await expect(containerPid('endless', true)).rejects.toMatchObject({ code: 'ECONNREFUSED', message })
  })
})
