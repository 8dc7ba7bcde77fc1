// A peer behind a NAT: asks the meeting point for the other one, and sends to that until it hears from it.
// `node peer.mjs NAME MEETING PORT`

import { createSocket } from 'node:dgram'

const [name, meeting, port] = process.argv.slice(2)
const socket = createSocket('udp4')
let other

socket.on('message', (message, from) => {
  if (from.address === meeting) {
    const [address, port] = String(message).split(' ')
    other = { address, port: Number(port) }
  } else if (other?.heard !== true) {
    other = { ...from, heard: true }
    console.log(`heard ${message} from ${from.address}`)
  }
})
setInterval(() => {
  if (other === undefined) socket.send(name, Number(port), meeting)
  else socket.send(name, other.port, other.address)
}, 50)
