// A meeting point on the internet: tells two peers from which address and port the other one is seen.
// `node meeting.mjs ADDRESS PORT`

import { createSocket } from 'node:dgram'

const [address, port] = process.argv.slice(2)
const seen = new Map()
const socket = createSocket('udp4')

socket.on('message', (message, { address, port }) => {
  seen.set(String(message), { address, port })
  if (seen.size < 2) return
  const [one, other] = seen.values()
  socket.send(`${other.address} ${other.port}`, one.port, one.address)
  socket.send(`${one.address} ${one.port}`, other.port, other.address)
})
socket.bind(Number(port), address, () => console.log('ready'))
