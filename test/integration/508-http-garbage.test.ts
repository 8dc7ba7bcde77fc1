// Requests that are broken at random: the daemon neither crashes nor hangs nor does what was not asked for.

import { connect } from 'node:net'
import { afterAll, beforeAll, expect } from 'vitest'
import { TestDaemon } from '../support/daemon.js'
import { until } from '../support/netns.js'
import { patient } from '../support/pace.js'
import { type Random, seeded } from '../support/random.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')

/** How many of each kind; UVETH_TEST_GARBAGE says otherwise. */
const REQUESTS = Number(process.env.UVETH_TEST_GARBAGE ?? 5_000)
const AT_ONCE = 8
/** ms within which every request is answered or cut off. */
const PATIENCE = patient(60_000)

let daemon: TestDaemon
beforeAll(async () => {
  daemon = await TestDaemon.start('--log', 'error')
})
afterAll(async () => {
  const { code, stdout, stderr } = await daemon.stop()
  await daemon[Symbol.asyncDispose]()
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: '' })
})

/** Interfaces in the daemon's namespace beside the loopback. Counted: a broken name may be any bytes. */
const links = () => (daemon.home.ip('-o', 'link').match(/^\d+: /gm) ?? []).length - 1

/** Sends bytes and the end of them; answers all that comes back until the daemon ends the connection. */
function exchange(bytes: Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect({ path: daemon.socket, allowHalfOpen: true }, () => socket.end(bytes))
    socket.setTimeout(PATIENCE, () => {
      socket.destroy()
      reject(
        new Error(`no end after ${PATIENCE} ms of ${JSON.stringify(Buffer.from(bytes).toString('latin1'))}`),
      )
    })
    socket.setEncoding('latin1').on('data', (part) => {
      answer += part
    })
    socket.on('error', () => {}) // cut off: that is an answer
    socket.on('close', () => resolve(answer))
  })
}

function requestText(method: string, path: string, body?: unknown): string {
  const text = body === undefined ? '' : JSON.stringify(body)
  const head = `${method} ${path} HTTP/1.1\r\nhost: u\r\nuveth-netns: ${daemon.home.name}`
  return text === ''
    ? `${head}\r\n\r\n`
    : `${head}\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`
}

function someRequest(random: Random): string {
  const id = `g${random.below(4)}`
  const wish = {
    a: { name: `${id}a`, mtu: 1400, up: true },
    b: { name: `${id}b`, address: '02:00:00:00:00:09', addresses: ['10.0.0.1/24'] },
    quiet: true,
  }
  return random.pick([
    () => requestText('POST', '/v1/pairs', { ...wish, id }),
    () => requestText('PUT', `/v1/pairs/${id}`, wish),
    () => requestText('PATCH', `/v1/pairs/id:${id}`, { a: { mtu: 1300 }, carrier: 'auto' }),
    () => requestText('PATCH', `/v1/ends/${id}a`, { up: false, txQueueLength: 500 }),
    () => requestText('DELETE', `/v1/pairs/${id}b`),
    () => requestText('GET', `/v1/pairs/${id}/stats`),
    () => requestText('GET', '/v1/pairs'),
    () => requestText('GET', '/v1/health'),
  ])()
}

/** One to four bytes changed, lost, doubled or put in, or a piece of it cut out or repeated. */
function mutate(text: string, random: Random): Uint8Array {
  let bytes = [...Buffer.from(text)]
  for (let left = 1 + random.below(4); left > 0; left--) {
    const at = random.below(bytes.length + 1)
    const length = random.below(12)
    switch (random.below(6)) {
      case 0:
        bytes[at] = random.below(256)
        break
      case 1:
        bytes.splice(at, 1)
        break
      case 2:
        bytes.splice(at, 0, random.pick([...Buffer.from('{}[]",:\\/\r\n 0-9e.%\0'), 0xff]))
        break
      case 3:
        bytes.splice(at, length)
        break
      case 4:
        bytes.splice(at, 0, ...bytes.slice(at, at + length))
        break
      default:
        bytes = bytes.slice(0, random.below(8) === 0 ? at : bytes.length)
    }
  }
  return Uint8Array.from(bytes.filter((byte) => byte !== undefined))
}

/** The answer's status and document; 0 for a connection that was cut off without one. */
function readAnswer(answer: string): { status: number; document: Record<string, unknown> | undefined } {
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 0)
  const body = answer.slice(answer.indexOf('\r\n\r\n') + 4)
  const json = /^content-type: application\/(problem\+)?json/im.test(answer)
  try {
    return { status, document: json ? JSON.parse(body) : undefined }
  } catch {
    return { status, document: undefined } // several answers, to what had become several requests
  }
}

/** Runs `each` REQUESTS times, some side by side, and looks after the daemon in between. */
async function manyTimes(each: () => Promise<void>): Promise<void> {
  for (let done = 0; done < REQUESTS; done += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, each))
    if (done % 512 === 0) await clear()
  }
  await clear()
}

interface PairJson {
  id: string
  a: { netns: string | null }
  b: { netns: string | null }
}

/** What the daemon has is what the kernel has; afterwards there is nothing. */
async function clear(): Promise<void> {
  expect(daemon.program.hasEnded).toBe(false)
  await until('daemon and kernel to agree', async () => {
    const { json } = await daemon.ask('GET', '/v1/pairs')
    // Where the header is broken, ends are made in the namespace of this test.
    const ends = (json as PairJson[]).flatMap(({ a, b }) => [a, b]).filter(({ netns }) => netns === null)
    return links() === ends.length
  })
  // Orders of clients that were cut off may still be carried out.
  await until('nothing is left', async () => {
    const { json } = await daemon.ask('GET', '/v1/pairs')
    for (const { id } of json as PairJson[]) {
      // 404: the last order of such a client has removed it first.
      const { status } = await daemon.ask('DELETE', `/v1/pairs/${encodeURIComponent(`id:${id}`)}`)
      expect([204, 404]).toContain(status)
    }
    return (json as PairJson[]).length === 0 && links() === 0
  })
}

test(`${REQUESTS} requests with broken bytes`, { timeout: patient(300_000) }, async () => {
  const random = seeded()
  const seen = new Map<number, number>()
  await manyTimes(async () => {
    const bytes = mutate(someRequest(random), random)
    const sent = Buffer.from(bytes).toString('latin1')
    const { status, document } = readAnswer(await exchange(bytes))
    seen.set(status, (seen.get(status) ?? 0) + 1)
    expect(
      [0, 100, 200, 201, 204, 400, 403, 404, 405, 409, 411, 413, 414, 415, 417, 422, 431, 505],
      sent,
    ).toContain(status)
    if (status >= 400 && document !== undefined)
      expect(document, sent).toMatchObject({ status, code: expect.any(String) })
    // Nothing is called what was not asked for.
    if (status === 201) {
      const { a, b } = document as { a: { name: string }; b: { name: string } }
      for (const { name } of [a, b])
        if (!/^veth\d+$/.test(name)) expect(sent).toContain(name.replaceAll('"', '\\"'))
    }
  })
  expect(seen.get(400), 'broken ones among them').toBeGreaterThan(REQUESTS / 20)
  expect([...seen.keys()], 'and whole ones').toEqual(expect.arrayContaining([200, 201, 404, 422]))
})

const WRONG: ((random: Random) => [key: string, value: unknown])[] = [
  (random) => [`x${random.below(1000)}`, random.pick([1, 'x', null, {}, []])],
  (random) => ['mtu', random.pick(['1500', 67, 65_522, -1, 1.5, null, true, 1e300, [], {}])],
  (random) => [
    'name',
    random.pick([5, null, '', '.', '..', 'a/b', 'a b', 'x'.repeat(16), '%s', 'a:b', '\0', '%d%d', []]),
  ],
  (random) => [
    'address',
    random.pick([1, '', 'x', '01:00:00:00:00:00', '00:00:00:00:00:00', '02:00:00:00:00', null]),
  ],
  (random) => ['up', random.pick([0, 1, 'true', null, [], {}])],
  (random) => [
    'addresses',
    random.pick(['10.0.0.1/24', [1], ['10.0.0.1/33'], ['x/1'], {}, null, ['::1/129']]),
  ],
  (random) => ['txQueueLength', random.pick([0, -1, '1000', 1e9, 0.5, null])],
  (random) => [
    'netns',
    random.pick([0, -1, 1.5, true, [], {}, '', '.', '..', 'uvt-none', '/none', '/etc/passwd', '\0', 2 ** 31]),
  ],
  (random) => ['dad', random.pick([0, 'no', null])],
]

test(`${REQUESTS} requests that are JSON, with something wrong in them`, {
  timeout: patient(300_000),
}, async () => {
  const random = seeded()
  let count = 0
  await manyTimes(async () => {
    const [key, value] = random.pick(WRONG)(random)
    const end = random.pick(['a', 'b'])
    const name = `w${count++}` // its own: what fails late must not be in another's way
    const wish = { a: { name: `${name}a` }, b: { name: `${name}b` } }
    const wrong = { ...wish, [end]: { ...wish[end as 'a'], [key]: value } }
    const [method, path] = random.pick([
      ['POST', '/v1/pairs'],
      ['PUT', `/v1/pairs/${name}`],
    ] as const)
    const { status, json } = await daemon.ask(method, path, wrong)
    expect(status, JSON.stringify(wrong)).toBe(422)
    expect(json.attribute ?? json.syscall, JSON.stringify([wrong, json])).toBeDefined()
  })
  expect(links()).toBe(0)
})
