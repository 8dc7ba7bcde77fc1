// The port id of the netlink interface, which any user may take: the daemon starts without it, says so, and
// listens as soon as it is free. And what happens when more comes than is read.

import { performance } from 'node:perf_hooks'
import { expect } from 'vitest'
import { inside, TestDaemon } from '../support/daemon.js'
import { Netns, until } from '../support/netns.js'
import { patient } from '../support/pace.js'
import { type AnyMessages, Program } from '../support/program.js'
import { needs } from '../support/skip.js'
import { ADD, add, attribute, del, errorOf, message, PORT, VethClient } from '../support/veth-client.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')
const testAsOther = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'setpriv', 'pyroute2')

const [EEXIST, EMSGSIZE, ESHUTDOWN] = [17, 90, 108]

/** As user 65534: has the port until it is killed. */
const SQUATTER = `
import socket, time
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 2)
s.bind((0x76657468, 0))
print('squats', flush=True)
time.sleep(600)
`

testAsOther(
  'a port that another user has: the daemon starts, says so in health, and takes over',
  async () => {
    await using daemon = await TestDaemon.start('--netlink', 'on')
    await daemon.stop()
    const words = ['setpriv', '--reuid', '65534', '--clear-groups', '/usr/bin/python3', '-c', SQUATTER]
    await using squatter = new Program<AnyMessages>([...inside(daemon.home), ...words], {})
    await squatter.line(/squats/)
    await daemon.restart()
    const health = async () => (await daemon.ask('GET', '/v1/health')).json
    expect(await health()).toMatchObject({
      status: 'degraded',
      netlink: { state: 'waiting', port: PORT, reason: expect.stringMatching(/^EADDRINUSE/) },
    })
    expect(daemon.program.stdout).toMatch(/"reason":"EADDRINUSE.*not listening/)
    expect((await daemon.ask('POST', '/v1/pairs', { a: { name: 'x0' }, b: { name: 'x1' } })).status).toBe(201)
    await squatter.stop('SIGKILL')
    await until('listening', async () => (await health()).netlink.state === 'on')
    expect(await health()).toMatchObject({ status: 'ok', netlink: { reason: null } })
    using client = VethClient.open(daemon.home)
    expect(await client.ask(del('x0'))).toBe(0)
  },
)

test('on another port id; off', async () => {
  await using daemon = await TestDaemon.start('--netlink', '0x1234567')
  using client = VethClient.open(daemon.home, { to: 0x1234567 })
  expect(await client.ask(add('x0', 'x1'))).toBe(0)
  await using other = await TestDaemon.start() // off with a socket of one's own
  using refused = VethClient.open(other.home)
  await expect(refused.send(add('x0', 'x1'))).rejects.toThrow('-111') // ECONNREFUSED
  expect((await other.ask('GET', '/v1/health')).json.netlink.state).toBe('off')
})

test('each network namespace has its own: orders from another one do not arrive', async () => {
  await using daemon = await TestDaemon.start('--netlink', 'on')
  using elsewhere = Netns.create('elsewhere')
  using client = VethClient.open(elsewhere)
  await expect(client.send(add('x0', 'x1'))).rejects.toThrow('-111')
  expect(daemon.home.links()).toHaveLength(1)
})

test('a client that sends 3,000 orders before it reads: its sends are taken, every answer comes, in order', async () => {
  await using daemon = await TestDaemon.start('--netlink', 'on')
  using client = VethClient.open(daemon.home)
  const count = 3000
  for (let seq = 1; seq <= count; seq++) await client.send(del('nobody', seq))
  const seqs: number[] = []
  while (seqs.length < count) {
    const reply = await client.receive()
    if (reply === undefined) break
    seqs.push(reply.seq)
  }
  expect(seqs).toEqual(Array.from({ length: count }, (_, index) => index + 1))
})

test('a client that never reads does not keep others waiting', async () => {
  await using daemon = await TestDaemon.start('--netlink', 'on')
  using deaf = VethClient.open(daemon.home)
  for (let seq = 1; seq <= 2000; seq++) await deaf.send(del('nobody', seq))
  using client = VethClient.open(daemon.home)
  expect(await client.ask(add('x0', 'x1'))).toBe(0)
  expect(await client.ask(del('x0'))).toBe(0)
})

test('long messages: 200,000 bytes are read, a refusal of them echoes the header, longer ones are too long', async () => {
  await using daemon = await TestDaemon.start('--netlink', 'on')
  using client = VethClient.open(daemon.home)
  client.enlarge(1 << 20)
  const filler = attribute(9, new Uint8Array(50_000 - 4))
  const request = (count: number, name: string) =>
    message(ADD, [...Array<Buffer>(count).fill(filler), attribute(1, name), attribute(2, 'x1')])
  expect(await client.ask(request(4, 'x0'))).toBe(0)
  await client.send(request(4, 'x0'))
  const refused = await client.receive()
  expect([refused && errorOf(refused), refused?.flags, refused?.payload.length]).toEqual([EEXIST, 0x100, 20])
  expect(await client.ask(request(6, 'x2'))).toBe(EMSGSIZE)
  expect(await client.ask(del('x0'))).toBe(0)
})

/** As user 65534: sends without end, and reads no answer. */
const FLOOD = `
import socket, struct
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 2)
print('floods', flush=True)
while True:
    try: s.sendto(struct.pack('IHHII', 20, 0x13, 5, 1, 0) + b'\\1\\1\\0\\0', (0x76657468, 0))
    except OSError: pass
`

testAsOther('a flood of messages of another user: orders of root are carried out all the same', async () => {
  await using daemon = await TestDaemon.start('--netlink', 'on')
  const words = ['setpriv', '--reuid', '65534', '--clear-groups', '/usr/bin/python3', '-c', FLOOD]
  await using flooder = new Program<AnyMessages>([...inside(daemon.home), ...words], {})
  await flooder.line(/floods/)
  using client = VethClient.open(daemon.home)
  for (let round = 0; round < 3; round++) {
    expect(await client.ask(add('x0', 'x1'))).toBe(0)
    expect(await client.ask(del('x0'))).toBe(0)
  }
  expect((await daemon.ask('GET', '/v1/health')).json.status).toBe('ok')
  await flooder.stop('SIGKILL')
})

test('200 pairs made and removed by one client that does not wait between orders', async () => {
  await using daemon = await TestDaemon.start('--netlink', 'on')
  using client = VethClient.open(daemon.home)
  const count = 200
  const answers = async () => {
    const errors: (number | undefined)[] = []
    while (errors.length < count) {
      const reply = await client.receive(patient(30_000))
      errors.push(reply && errorOf(reply))
    }
    return errors
  }
  const started = performance.now()
  for (let n = 0; n < count; n++) await client.send(add(`a${n}`, `b${n}`))
  expect(await answers()).toEqual(Array(count).fill(0))
  expect(daemon.home.links()).toHaveLength(1 + 2 * count)
  const made = performance.now()
  for (let n = 0; n < count; n++) await client.send(del(`${n % 2 ? 'a' : 'b'}${n}`))
  expect(await answers()).toEqual(Array(count).fill(0))
  expect(daemon.home.links()).toHaveLength(1)
  const each = (ms: number) => `${(ms / count).toFixed(1)} ms`
  console.log(`ADD ${each(made - started)}, DEL ${each(performance.now() - made)} each`)
})

test('orders that wait when the daemon ends are answered ESHUTDOWN or carried out, never forgotten', async () => {
  await using daemon = await TestDaemon.start('--netlink', 'on')
  using client = VethClient.open(daemon.home)
  const count = 100
  for (let n = 0; n < count; n++) await client.send(add(`a${n}`, `b${n}`))
  expect((await client.receive())?.type).toBe(2)
  expect((await daemon.stop()).code).toBe(0)
  const errors: number[] = []
  for (let n = 1; n < count; n++) {
    const reply = await client.receive(1_000)
    if (reply) errors.push(errorOf(reply))
  }
  expect(errors).toHaveLength(count - 1)
  expect(errors.filter((error) => error !== 0 && error !== ESHUTDOWN)).toEqual([])
  expect(daemon.home.links()).toHaveLength(1)
})
