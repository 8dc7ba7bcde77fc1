// Answers each datagram with the same text in capitals: `node src/server.mjs ADDRESS PORT`.

import { createSocket } from 'node:dgram'

const [address, port] = process.argv.slice(2)
const socket = createSocket('udp4')
socket.on('message', (message, from) => {
  const { id, text } = JSON.parse(message.toString())
  socket.send(JSON.stringify({ id, text: text.toUpperCase() }), from.port, from.address)
})
socket.bind(Number(port), address, () => console.log(`listening on ${address} port ${port}`))
