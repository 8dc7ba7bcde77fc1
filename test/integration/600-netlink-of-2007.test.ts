// The client of 2007, the `ip` utility with the veth patch, against a real daemon: its bytes as it sent
// them. It asks for no acknowledgement and awaits none, numbers nothing, leaves port id and version
// uninitialised, and its attributes count one byte past the text, where garbage stands.

import { expect } from 'vitest'
import { TestDaemon } from '../support/daemon.js'
import { until } from '../support/netns.js'
import { needs } from '../support/skip.js'
import { add, del, VethClient } from '../support/veth-client.js'
import { hex } from '../unit/netlink/bytes.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')

const ADD_V0_V1 = [
  '24 00 00 00', // nlmsg_len: 16 + 4 + 8 + 8
  '13 00', // nlmsg_type: what the look-up answered
  '01 00', // nlmsg_flags: NLM_F_REQUEST
  '00 00 00 00', // nlmsg_seq
  'c0 5f 8e b7', // nlmsg_pid: whatever the stack held
  '01', // cmd: VETH_CMD_ADD
  'b7', // version: uninitialised
  '08 04', // reserved: uninitialised
  '07 00', // nla_len: 4 + 3
  '01 00', // VETH_ATTR_DEVNAME
  '76 30 6f', // "v0" and garbage
  '00', // padding
  '07 00', // nla_len
  '02 00', // VETH_ATTR_PEERNAME
  '76 31 bf', // "v1" and garbage
  '00', // padding
]

/** `name` with the byte past its text. */
function delOf(name: string): Uint8Array {
  const text = Buffer.from(name).toString('hex')
  return hex(
    '1c 00 00 00',
    '13 00',
    '01 00',
    '00 00 00 00',
    'c0 5f 8e b7',
    '02 b7 08 04',
    '07 00 01 00',
    text,
    '6f 00',
  )
}

test('ip veth add v0 v1: two interfaces, down, and no answer; ip veth del v1: both are gone', async () => {
  await using daemon = await TestDaemon.start('--netlink', 'on')
  const { home } = daemon
  using client = VethClient.open(home)
  await client.send(hex(...ADD_V0_V1))
  await until('v0 and v1', () => home.has('v0') && home.has('v1'))
  for (const name of ['v0', 'v1']) {
    expect(home.link(name).flags).not.toContain('UP')
    expect(home.link(name).mtu).toBe(1500)
  }
  await client.send(delOf('v1'))
  await until('nothing', () => home.links().length === 1)
  expect(client.receiveNow()).toBeUndefined()
})

test('what it has made is a pair like any other, and the other way round', async () => {
  await using daemon = await TestDaemon.start('--netlink', 'on')
  using client = VethClient.open(daemon.home)
  await client.send(hex(...ADD_V0_V1))
  expect(await client.ask(add('x0', 'x1'))).toBe(0) // in order: v0 is there as well now
  expect((await daemon.ask('GET', '/v1/pairs/v1')).json).toMatchObject({
    id: 'v0',
    carrier: false,
    a: { name: 'v0', up: false, netns: null },
    b: { name: 'v1', up: false, netns: null },
  })
  expect((await daemon.ask('POST', '/v1/pairs', { a: { name: 'y0' }, b: { name: 'y1' } })).status).toBe(201)
  expect(await client.ask(del('y1'))).toBe(0)
  expect((await daemon.ask('GET', '/v1/pairs')).json).toHaveLength(2)
})

test('an error is answered, although it asked for nothing', async () => {
  await using daemon = await TestDaemon.start('--netlink', 'on')
  using client = VethClient.open(daemon.home)
  await client.send(delOf('v9'))
  const reply = await client.receive()
  expect(reply?.type).toBe(2)
  expect(reply?.payload.readInt32LE(0)).toBe(-19) // ENODEV
  expect(reply?.seq).toBe(0)
  expect(reply?.payload.subarray(4).equals(delOf('v9'))).toBe(true)
})
