// Ports of the machine for containers: a free one of those that are asked for, on sockets of this machine.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readdirSync, readlinkSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { expect, test } from 'vitest'
import { choosePort, readPorts } from '../../../src/docker/ports.js'

const HOME = ['10.0.0.2/24']
/** Addresses of loopback that no other run of this test looks at meanwhile. */
const [MINE, OTHER] = [100, 101].map(
  (first) => `127.${first}.${(process.pid >> 8) & 0xff}.${process.pid & 0xff || 1}`,
) as [string, string]
const asked = (more: object = {}) => {
  const [port] = readPorts([{ Proto: 6, Port: 80, HostIP: MINE, HostPort: 0, HostPortEnd: 0, ...more }])
  return port as NonNullable<typeof port>
}

test('a port that a program listens on is none, of a range another one is taken', async () => {
  const server = createServer().listen(0, MINE)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const exactly = asked({ HostPort: port, HostPortEnd: port })
  await expect(choosePort(exactly, [], HOME)).rejects.toThrow(
    `EADDRINUSE: port ${port}/tcp of ${MINE} is taken on this machine`,
  )
  server.close()
  await once(server, 'close')
  expect((await choosePort(exactly, [], HOME)).hostPort).toBe(port)

  const socket = createSocket('udp4').bind(0, MINE)
  await once(socket, 'listening')
  const taken = asked({ Proto: 17, HostPort: socket.address().port })
  await expect(choosePort(taken, [], HOME)).rejects.toThrow(/^EADDRINUSE: port \d+\/udp/)
  socket.close()
})

test('a port that is looked at stays open to nobody, taken or not', async () => {
  const sockets = () => readdirSync('/proc/self/fd').filter((fd) => isSocket(fd)).length
  const socket = createSocket('udp4').bind(0, MINE)
  await once(socket, 'listening')
  const { port } = socket.address()
  const before = sockets()
  for (const Proto of [6, 17]) await choosePort(asked({ Proto }), [], HOME)
  for (let times = 0; times < 20; times++)
    await expect(choosePort(asked({ Proto: 17, HostPort: port }), [], HOME)).rejects.toThrow(/^EADDRINUSE/)
  await expect.poll(sockets).toBeLessThan(before + 10)
  socket.close()
})

function isSocket(fd: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:')
  } catch {
    return false // that of the folder itself
  }
}

test('a port that another container has is none, where they have an address in common', async () => {
  const first = await choosePort(asked(), [], HOME)
  expect(first).toMatchObject({ protocol: 'tcp', port: 80, hostAddress: MINE })
  expect(first.hostPort).toBeGreaterThanOrEqual(49_153)
  const second = await choosePort(asked(), [first], HOME)
  expect(second.hostPort).toBeGreaterThan(first.hostPort)
  const { hostPort } = first
  const again = (hostIp: string) => choosePort(asked({ HostIP: hostIp, HostPort: hostPort }), [first], HOME)
  for (const hostIp of ['', '0.0.0.0', MINE])
    await expect(again(hostIp)).rejects.toThrow(/^EADDRINUSE: port \d+\/tcp/)
  expect(await again(OTHER)).toMatchObject({ hostPort, hostAddress: OTHER })
  expect(await again('::')).toMatchObject({ hostPort, hostAddress: '::' })
  const range = asked({ HostPort: hostPort, HostPortEnd: hostPort + 1000 })
  expect((await choosePort(range, [first], HOME)).hostPort).toBeGreaterThan(hostPort)
})

test('an address that the machine has not is said', async () => {
  await expect(choosePort(asked({ HostIP: '203.0.113.7' }), [], HOME)).rejects.toThrow(
    /^EADDRNOTAVAIL: port 49153\/tcp of 203\.0\.113\.7 cannot be published on this machine$/,
  )
})
