// The family `veth` as a generic-netlink server: look-ups, refusals with the original's codes,
// acknowledgements, several messages in one datagram, and who may give orders.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect } from 'vitest'
import { inside, TestDaemon } from '../support/daemon.js'
import { needs } from '../support/skip.js'
import * as veth from '../support/veth-client.js'
import { add, attribute, del, errorOf, message, VethClient } from '../support/veth-client.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')
const testAsOther = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'setpriv', 'pyroute2')

const { ADD, DEL, REQUEST, ACK, DUMP, CTRL, GETFAMILY, NLMSG_DONE, NLMSG_ERROR } = veth
const [EPERM, ENOENT, E2BIG, EEXIST, ENODEV, EINVAL, EOPNOTSUPP] = [1, 2, 7, 17, 19, 22, 95]

async function started(): Promise<{ daemon: TestDaemon; client: VethClient } & AsyncDisposable> {
  const daemon = await TestDaemon.start('--netlink', 'on')
  const client = VethClient.open(daemon.home)
  return {
    daemon,
    client,
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]()
      await daemon[Symbol.asyncDispose]()
    },
  }
}

test('every refusal has its code, and the daemon goes on', async () => {
  await using all = await started()
  const { daemon, client } = all
  daemon.home.ip('tuntap', 'add', 'dev', 'taken', 'mode', 'tap')
  expect(await client.ask(add('veth0', 'veth1'))).toBe(0)
  const sixteen = 'sixteen-bytes-ab'
  const refusals: [string, Buffer, number][] = [
    ['add without names', message(ADD, []), ENOENT],
    ['add without a peer', message(ADD, [attribute(1, 'a')]), ENOENT],
    ['add without a device', message(ADD, [attribute(2, 'b')]), ENOENT],
    ['del without a name', message(DEL, []), ENOENT],
    ['a name of 16 characters', add(sixteen, 'b'), E2BIG],
    ['a peer of 16 characters', add('a', sixteen), E2BIG],
    ['del of 16 characters', del(sixteen), E2BIG],
    ['a name of no bytes', message(ADD, [attribute(1, Buffer.alloc(0)), attribute(2, 'b')]), EINVAL],
    ['an empty name', add('', 'b'), EINVAL],
    ['del of no bytes', message(DEL, [attribute(1, Buffer.alloc(0))]), EINVAL],
    ['del of nothing', del(''), ENODEV],
    ['a name of ours that is taken', add('veth0', 'b'), EEXIST],
    ['a name of another device', add('a', 'taken'), EEXIST],
    ['the same name twice', add('same', 'same'), EEXIST],
    ['a slash', add('a/b', 'b'), EINVAL],
    ['a dot', add('.', 'b'), EINVAL],
    ['white space', add('a b', 'b'), EINVAL],
    ['two numbers', add('a%d%d', 'b'), EINVAL],
    ['no UTF-8', message(ADD, [attribute(1, Buffer.from([0xff, 0xfe, 0])), attribute(2, 'b')]), EINVAL],
    ['an unknown name', del('veth9'), ENODEV],
    ['a device that is no pair', del('taken'), ENODEV],
    ['a reference that is no name', del('id:veth0'), ENODEV],
    ['a name with a namespace', del('veth0@'), ENODEV],
    ['an unknown command', message(9, []), EOPNOTSUPP],
    ['a dump of pairs', message(ADD, [], { flags: REQUEST | ACK | DUMP }), EOPNOTSUPP],
    ['an unknown family', message(ADD, [], { type: 0x55 }), ENOENT],
    ['a message without a command', Buffer.from('10000000130005000100000000000000', 'hex'), EINVAL],
  ]
  const answers: [string, number][] = []
  for (const [what, request] of refusals) answers.push([what, await client.ask(request)])
  expect(answers).toEqual(refusals.map(([what, , errno]) => [what, errno]))
  const names = daemon.home.links().map(({ ifname }) => ifname)
  expect(names.sort()).toEqual(['lo', 'taken', 'veth0', 'veth1'])
})

test('names of 15 characters, a number by %d, names that are taken elsewhere only', async () => {
  await using all = await started()
  const { daemon, client } = all
  expect(await client.ask(add('fifteen-bytes-a', 'fifteen-bytes-b'))).toBe(0)
  expect(await client.ask(add('n%d', 'n%d'))).toBe(0)
  expect(daemon.home.has('n0') && daemon.home.has('n1')).toBe(true)
  expect(await client.ask(del('n1'))).toBe(0)
  expect(daemon.home.has('n0')).toBe(false)
})

test('acknowledged means in force: both ends are there, or gone and their names free', async () => {
  await using all = await started()
  const { daemon, client } = all
  for (let round = 0; round < 5; round++) {
    expect(await client.ask(add('veth0', 'veth1'))).toBe(0)
    expect(daemon.home.has('veth0') && daemon.home.has('veth1')).toBe(true)
    expect(await client.ask(del('veth1'))).toBe(0)
    expect(daemon.home.links()).toHaveLength(1)
  }
})

test('several messages in one datagram: each in its turn, answered in order with its own number', async () => {
  await using all = await started()
  const { client } = all
  await client.send(Buffer.concat([add('a', 'b', 7), add('a', 'c', 8), del('b', 9), del('a', 10)]))
  const answers: [number, number][] = []
  for (let count = 0; count < 4; count++) {
    const reply = await client.receive()
    if (reply) answers.push([reply.seq, errorOf(reply)])
  }
  expect(answers).toEqual([
    [7, 0],
    [8, EEXIST],
    [9, 0],
    [10, ENODEV],
  ])
})

test('what is no request is skipped; success is told only to those who ask, an error always', async () => {
  await using all = await started()
  const { daemon, client } = all
  const names = [attribute(1, 'a'), attribute(2, 'b')]
  await client.send(message(ADD, names, { flags: ACK, seq: 1 })) // no NLM_F_REQUEST
  await client.send(message(ADD, names, { type: 1, seq: 2 })) // NLMSG_NOOP
  await client.send(message(ADD, names, { flags: REQUEST, seq: 3 }))
  await client.send(message(ADD, names, { flags: REQUEST, seq: 4 }))
  const reply = await client.receive()
  expect([reply?.seq, reply && errorOf(reply)]).toEqual([4, EEXIST])
  expect(daemon.home.has('a')).toBe(true)
})

describe('CTRL_CMD_GETFAMILY', () => {
  test('by name, by id, and the whole list', async () => {
    await using all = await started()
    const { client } = all
    const lookUp = async (attributes: Buffer[], flags: number) => {
      await client.send(message(GETFAMILY, attributes, { type: CTRL, flags, seq: 5 }))
      return await client.receive()
    }
    const byName = await lookUp([attribute(2, 'veth')], REQUEST)
    const byId = await lookUp([attribute(1, Buffer.from([veth.FAMILY, 0]))], REQUEST)
    expect(byName).toMatchObject({ type: CTRL, flags: 0, seq: 5 })
    expect(byId).toEqual(byName)
    const unknown = await lookUp([attribute(2, 'etun')], REQUEST)
    expect([unknown?.type, unknown && errorOf(unknown)]).toEqual([NLMSG_ERROR, ENOENT])
    const nothing = await lookUp([], REQUEST)
    expect([nothing?.type, nothing && errorOf(nothing)]).toEqual([NLMSG_ERROR, EINVAL])
    const first = await lookUp([], REQUEST | DUMP)
    const second = await client.receive()
    const last = await client.receive()
    expect([first?.type, second?.type, last?.type]).toEqual([CTRL, CTRL, NLMSG_DONE])
    expect(second?.payload).toEqual(byName?.payload)
  })
})

/** As user 65534: what a look-up, an ADD and a DEL with forged port id 0 in the header are answered. */
const STRANGER = `
import socket, struct, sys
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 2)
s.settimeout(10)
def attr(t, b): return struct.pack('HH', 4 + len(b), t) + b + bytes(-len(b) % 4)
def ask(t, cmd, attrs):
    body = bytes([cmd, 1, 0, 0]) + attrs
    s.sendto(struct.pack('IHHII', 16 + len(body), t, 5, 1, 0) + body, (0x76657468, 0))
    d = s.recv(65536)
    kind = struct.unpack_from('H', d, 4)[0]
    return (kind, struct.unpack_from('i', d, 16)[0] if kind == 2 else 0)
print(ask(0x13, 1, attr(1, b'x0\\0') + attr(2, b'x1\\0')))
print(ask(0x13, 2, attr(1, b'veth0\\0')))
print(ask(0x10, 3, attr(2, b'veth\\0')))
`

testAsOther('orders of another user are answered EPERM; looking up is free', async () => {
  await using all = await started()
  const { daemon, client } = all
  expect(await client.ask(add('veth0', 'veth1'))).toBe(0)
  const [file = '', ...words] = [...inside(daemon.home), 'setpriv', '--reuid', '65534', '--clear-groups']
  const { stdout } = await promisify(execFile)(file, [...words, '/usr/bin/python3', '-c', STRANGER])
  expect(stdout.trim().split('\n')).toEqual([`(2, ${-EPERM})`, `(2, ${-EPERM})`, '(16, 0)'])
  expect(daemon.home.links()).toHaveLength(3)
})
