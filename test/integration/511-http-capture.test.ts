// GET /v1/pairs/{ref}/capture: pcapng as the body of an answer. Armed when the headers come; complete when the
// pair ends, when the client closes its side, and when the daemon ends; nothing waits for a slow reader.

import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { expectProblem, TestDaemon } from '../support/daemon.js'
import { numbered } from '../support/frames.js'
import { until } from '../support/netns.js'
import { PacketSocket } from '../support/packet.js'
import { packetsOf, readPcapng } from '../support/pcapng.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')

let daemon: TestDaemon
beforeAll(async () => {
  daemon = await TestDaemon.start()
})
afterAll(async () => {
  await daemon?.[Symbol.asyncDispose]()
})

/** A capture whose headers have come; `query` with its question mark. */
class Stream implements Disposable {
  readonly #parts: Buffer[] = []
  readonly sent: ClientRequest
  answer!: IncomingMessage
  complete = false
  over = false

  private constructor(sent: ClientRequest) {
    this.sent = sent
    sent.on('error', () => {})
  }

  static async open(id: string, query = '', read = true): Promise<Stream> {
    const path = `/v1/pairs/${id}/capture${query}`
    const headers = { 'uveth-netns': daemon.home.name }
    const stream = new Stream(request({ socketPath: daemon.socket, path, headers, agent: false }).end())
    stream.answer = await new Promise((resolve) => stream.sent.once('response', resolve))
    const { answer } = stream
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'application/octet-stream'])
    answer.once('end', () => {
      stream.complete = answer.complete
    })
    answer.once('close', () => {
      stream.over = true
    })
    answer.on('error', () => {})
    if (read) stream.read()
    return stream
  }

  read(): void {
    this.answer.on('data', (part: Buffer) => this.#parts.push(part))
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#parts)
  }

  /** Closes this side only; everything that is left comes. */
  async end(): Promise<Buffer> {
    this.answer.socket.end()
    return await this.ended()
  }

  async ended(): Promise<Buffer> {
    await until('the stream to end', () => this.over)
    expect(this.complete).toBe(true)
    return this.bytes
  }

  [Symbol.dispose](): void {
    this.sent.destroy()
  }
}

/** A quiet pair of its own, with a packet socket on each end. */
async function wire(id: string) {
  const wish = { id, quiet: true, a: { name: `${id}0`, up: true }, b: { name: `${id}1`, up: true } }
  expect((await daemon.ask('POST', '/v1/pairs', wish)).status).toBe(201)
  const near = PacketSocket.open(daemon.home, `${id}0`)
  const far = PacketSocket.open(daemon.home, `${id}1`)
  const close = () => {
    near.close()
    far.close()
  }
  return { near, far, send: (count: number) => sendAll(near, count), [Symbol.dispose]: close }
}

function sendAll(from: PacketSocket, count: number): void {
  for (let number = 0; number < count; number++) from.send(numbered(0, number, 100))
}

describe('refused', () => {
  test.each([
    ['none', '', 404, 'ref'],
    ['ref', '?end=c', 422, 'end'],
    ['ref', '?both=1', 422, 'both'],
    ['ref', '?both=true&end=a', 422, 'both'],
    ['ref', '?snaplen=0', 422, 'snaplen'],
    ['ref', '?snaplen=many', 422, 'snaplen'],
    ['ref', '?match=udp', 422, 'match'],
    ['ref', `?match=${encodeURIComponent('{"udp":{"dport":-1}}')}`, 422, 'match.udp.dport'],
    ['ref', `?match=${encodeURIComponent('{"nth":3}')}`, 422, 'match.nth'],
    ['ref', '?colour=red', 422, 'colour'],
  ])('%s%s: %i', async (id, query, status, attribute) => {
    await daemon.ask('PUT', '/v1/pairs/ref', { a: { name: 'ref0' }, b: { name: 'ref1' } })
    expectProblem(await daemon.ask('GET', `/v1/pairs/${id}/capture${query}`), status, { attribute })
  })
})

test('has what was sent from the headers on, with what became of it, until this side is closed', async () => {
  using wires = await wire('cap')
  await daemon.ask('POST', '/v1/ends/cap0/rules', { action: { kind: 'drop' }, match: { nth: 2 } })
  using stream = await Stream.open('cap', '?both=true')
  wires.send(3)
  for (let frames = 0; frames < 2; frames++) expect(await wires.far.receive()).toBeDefined()
  const [section, ...more] = readPcapng(await stream.end())
  expect(more).toEqual([])
  expect(section?.interfaces.map(({ name }) => name)).toEqual(['cap0', 'cap1'])
  const seen = section?.packets.map(({ on, direction, comments }) => [on, direction, comments.join()])
  expect(seen?.filter(([on]) => on === 'cap0')).toEqual([
    ['cap0', 'out', ''],
    ['cap0', 'out', expect.stringMatching(/^dropped: rule \(rule \d+\)$/)],
    ['cap0', 'out', ''],
  ])
  expect(seen?.filter(([on]) => on === 'cap1')).toEqual([
    ['cap1', 'in', ''],
    ['cap1', 'in', ''],
  ])
  expect(section?.statistics).toMatchObject([
    { delivered: 3, dropped: 0 },
    { delivered: 2, dropped: 0 },
  ])
})

test('one end, some frames, so many bytes of each', async () => {
  using wires = await wire('few')
  const match = encodeURIComponent(JSON.stringify({ length: { max: 99 } }))
  using stream = await Stream.open('few', `?end=b&snaplen=60&match=${match}`)
  wires.near.send(numbered(0, 0, 90))
  wires.send(1)
  for (let frames = 0; frames < 2; frames++) expect(await wires.far.receive()).toBeDefined()
  const [section] = readPcapng(await stream.end())
  expect(section?.interfaces.map(({ name, snaplen }) => [name, snaplen])).toEqual([['few1', 60]])
  expect(section?.packets.map(({ frame, original }) => [frame.length, original])).toEqual([[60, 90]])
})

test('is complete when the pair is removed', async () => {
  using wires = await wire('end')
  using stream = await Stream.open('end')
  wires.send(5)
  for (let frames = 0; frames < 5; frames++) expect(await wires.far.receive()).toBeDefined()
  await daemon.ask('DELETE', '/v1/pairs/id:end')
  const [section] = readPcapng(await stream.ended())
  expect(section?.packets).toHaveLength(5)
  expect(section?.statistics).toHaveLength(2)
})

test('a client that goes away ends it, and traffic goes on', async () => {
  using wires = await wire('away')
  const before = await captures()
  for (let round = 0; round < 5; round++) {
    using stream = await Stream.open('away')
    expect(await captures()).toBeGreaterThan(before)
    wires.send(1)
    await until('a frame to come', () => packetsOfWhole(stream.bytes) > 0)
  }
  await until('the captures to end', async () => (await captures()) === before)
  wires.far.drain()
  await until('a frame to cross', async () => {
    wires.send(1)
    return (await wires.far.receive(100)) !== undefined
  })
})

/** That the daemon counts. */
async function captures(): Promise<number> {
  const { text } = await daemon.ask('GET', '/metrics')
  return Number(/^uveth_limit_used\{limit="captures"\} (\d+)$/m.exec(text)?.[1])
}

function packetsOfWhole(bytes: Buffer): number {
  try {
    return packetsOf(bytes).length
  } catch {
    return 0 // not all of it is here yet
  }
}

test('a reader that does not read loses frames, which are counted; nothing waits for it', async () => {
  using wires = await wire('slow')
  using stream = await Stream.open('slow', '', false)
  const big = (number: number) => numbered(0, number, 1500)
  const rounds = 12_000
  for (let number = 0; number < rounds; number++) {
    wires.near.send(big(number))
    if (number % 100 === 99) for (let frames = 0; frames < 100; frames++) await wires.far.receive()
  }
  expect((await daemon.ask('GET', '/v1/health')).json.status).toBe('ok')
  stream.read()
  const [section] = readPcapng(await stream.end())
  const [a] = section?.statistics ?? []
  expect(a?.dropped).toBeGreaterThan(0)
  expect((a?.dropped ?? 0) + (a?.delivered ?? 0)).toBe(rounds)
})

test('is complete when the daemon ends', async () => {
  using wires = await wire('last')
  using stream = await Stream.open('last')
  wires.send(5)
  for (let frames = 0; frames < 5; frames++) expect(await wires.far.receive()).toBeDefined()
  const [{ code }, bytes] = await Promise.all([daemon.stop(), stream.ended()])
  expect(code).toBe(0)
  expect(readPcapng(bytes)[0]?.packets).toHaveLength(5)
  await daemon.restart()
})
