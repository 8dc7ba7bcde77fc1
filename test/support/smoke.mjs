// A first try of the installed package, where nothing else may be there: one pair, one broadcast datagram from
// one end to the other, counted by the pair. Run from a project that has installed it: by the test of the
// packages, and at a release on every platform. It needs root and /dev/net/tun.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createPair } from 'uveth'

const pair = await createPair({ a: { addresses: ['10.99.0.1/24'], up: true }, b: { up: true }, quiet: true })
const socket = createSocket('udp4').bind(0, '10.99.0.1')
await once(socket, 'listening')
socket.setBroadcast(true)
const deadline = performance.now() + 10_000
for (;;) {
  socket.send('hello', 9, '10.99.0.255')
  const { a, b } = await pair.stats()
  if (a.tx_packets > 0 && b.rx_packets > 0) break
  if (performance.now() > deadline) throw new Error('no frame has crossed')
  await new Promise((resolve) => setTimeout(resolve, 20))
}
socket.close()
await pair.close()
console.log('frames cross', process.arch, process.version)
