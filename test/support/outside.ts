// An outer world for tests of `uveth shell`: a machine whose only way out leads to a server, which answers HTTP on port
// 80 and every question for a name with its own address. On the machine's loopback there is a name server, too, and HTTP
// on port 8000. No network of the real machine is touched.

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { createPair, type Pair } from 'uveth'
import { expect } from 'vitest'
import { Netns } from './netns.js'
import { ordinary } from './ordinary.js'
import { type AnyMessages, type Kit, launch, type Outcome, type Program, uveth } from './program.js'

export const SERVER = '203.0.113.1'
/** Where systemd-resolved listens. */
export const LOCAL_SERVER = '127.0.0.53'

interface Wanted {
  readonly http: readonly [address: string, port: number]
  readonly names: string
  readonly answer: string
}

/** Runs in a process of its own. */
async function serve({ say, net, events, dgram }: Kit, { http: [host, port], names, answer }: Wanted) {
  const web = net.createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end('HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\nyes'))
  })
  web.listen(port, host)
  await events.once(web, 'listening')
  const socket = dgram.createSocket('udp4', (question, { address, port: back }) => {
    const end = question.indexOf(0, 12) + 5
    const isIpv4 = question.readUInt16BE(end - 4) === 1
    const head = Buffer.from([...question.subarray(0, 2), 0x81, 0x80, 0, 1, 0, isIpv4 ? 1 : 0, 0, 0, 0, 0])
    const found = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...answer.split('.').map(Number)])
    socket.send(Buffer.concat([head, question.subarray(12, end), ...(isIpv4 ? [found] : [])]), back, address)
  })
  socket.bind(53, names)
  await events.once(socket, 'listening')
  say({ event: 'serving' })
}

export const WAYS = {
  forward: [],
  pasta: ordinary(),
  slirp4netns: ordinary(),
} satisfies Record<string, string[]>

interface As {
  /** In resolv.conf. */
  server?: string
  /** Words in front. */
  as?: string[]
  env?: Record<string, string>
}

export class Outside implements AsyncDisposable {
  readonly machine = Netns.create('machine')
  readonly folder = mkdtempSync(`${tmpdir()}/uveth-outside-`)
  readonly #server = Netns.create('server')
  readonly #servers: Program<AnyMessages>[] = []
  #pair: Pair | undefined

  static async make(): Promise<Outside> {
    const outside = new Outside()
    try {
      await outside.#lay()
      return outside
    } catch (error) {
      await outside[Symbol.asyncDispose]()
      throw error
    }
  }

  async #lay(): Promise<void> {
    const { machine, folder } = this
    chmodSync(folder, 0o777)
    for (const netns of [machine, this.#server]) netns.ip('link', 'set', 'lo', 'up')
    this.#pair = await createPair({
      a: { name: 'up0', netns: machine.name, addresses: ['203.0.113.2/24'], up: true },
      b: { name: 'up0', netns: this.#server.name, addresses: [`${SERVER}/24`], up: true },
      quiet: true,
    })
    machine.ip('route', 'add', 'default', 'via', SERVER)
    // Whoever makes a namespace may forward.
    machine.exec('sh', '-c', 'echo 0 >/proc/sys/net/ipv4/ip_forward')
    await this.#start(this.#server, { http: [SERVER, 80], names: SERVER, answer: SERVER })
    await this.#start(machine, { http: ['127.0.0.1', 8000], names: LOCAL_SERVER, answer: SERVER })
  }

  async #start(netns: Netns, wanted: Wanted): Promise<void> {
    const program = launch(serve, wanted, { netns: netns.name })
    this.#servers.push(program)
    await program.next('serving')
  }

  /** Does the machine forward? */
  get forwards(): boolean {
    return this.machine.exec('cat', '/proc/sys/net/ipv4/ip_forward') === '1\n'
  }

  /** `uveth shell WORDS…` on the machine. */
  start(words: string[], { server = SERVER, as = [], env = {} }: As = {}): Program {
    const file = `${mkdtempSync(`${this.folder}/names-`)}/resolv.conf`
    writeFileSync(file, `nameserver ${server}\nsearch test\n`)
    const mount = `mount --bind '${file}' /etc/resolv.conf && exec "$0" "$@"`
    const prefix = ['unshare', '-m', '--propagation', 'slave', 'sh', '-c', mount, ...as]
    const options = { netns: this.machine.name, prefix, env: { SHELL: '/bin/sh', ...env } }
    return uveth(['shell', ...words], options)
  }

  /** The same, to its end. */
  async shell(words: string[], as: As = {}): Promise<Outcome> {
    await using program = this.start(words, as)
    return await program.end()
  }

  /** An environment whose PATH begins with programs that are not the real ones. */
  with(programs: Record<string, string>): Record<string, string> {
    const bin = mkdtempSync(`${this.folder}/bin-`)
    chmodSync(bin, 0o755)
    for (const [name, script] of Object.entries(programs))
      writeFileSync(`${bin}/${name}`, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    return { PATH: `${bin}:${process.env.PATH}` }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#servers) await program[Symbol.asyncDispose]()
    await this.#pair?.close()
    this.machine[Symbol.dispose]()
    this.#server[Symbol.dispose]()
    rmSync(this.folder, { recursive: true })
  }
}

/** Connects, and says how long that took and who answered. */
export const CONNECT = `
const [host, port, limit] = process.argv.slice(1)
const { lookup } = require('node:dns')
lookup(host, (error, address) => {
  const start = performance.now()
  const socket = require('node:net').connect(Number(port), address ?? '0.0.0.0')
  const say = (answer) => console.log(JSON.stringify({
    address, answer, uid: process.getuid(), host: process.env.UVETH_HOST, resolv: require('node:fs').readFileSync('/etc/resolv.conf', 'utf8'),
  }))
  let ms
  if (limit) socket.setTimeout(Number(limit), () => { say('ETIMEDOUT'); process.exit() })
  socket.on('error', ({ code }) => { say(code); process.exit() })
  socket.on('connect', () => { ms = performance.now() - start; socket.write('GET / HTTP/1.0\\r\\n\\r\\n') })
  socket.once('data', (text) => { console.log(Math.floor(ms)); say(String(text).slice(-3)) })
})`

interface Answer {
  ms: number
  address: string
  answer: string
  uid: number
  host?: string
  resolv: string
}

/** `limit`: ms that an answer which is not to come is waited for. */
export function connecting(host: string, port = 80, limit?: number): string[] {
  const last = limit === undefined ? [] : [String(limit)]
  return [process.execPath, '-e', CONNECT, host, String(port), ...last]
}

export function answerOf({ stdout, stderr, code }: Outcome): Answer {
  expect(code, stderr).toBe(0)
  const lines = stdout.trim().split('\n')
  return { ms: lines.length > 1 ? Number(lines[0]) : -1, ...JSON.parse(lines.at(-1) ?? '') }
}

/** Columns of the statistics, by end. */
export function statistics(stderr: string): Record<string, Record<string, string>> {
  const table = stderr.split('\n').filter((line) => /^(end|inside|outside) /.test(line))
  const [names = [], ...rows] = table.map((line) => line.split(/ {2,}/))
  return Object.fromEntries(
    rows.map((row) => [row[0], Object.fromEntries(names.map((name, at) => [name, row[at] ?? '']))]),
  )
}
