// A TCP service and its client. `node download.mjs serve ADDRESS PORT BYTES`, `node download.mjs get ADDRESS PORT`:
// says how much it got.

import { connect, createServer } from 'node:net'

const [verb, address, port, bytes] = process.argv.slice(2)

if (verb === 'serve') {
  const server = createServer((socket) => socket.end(Buffer.alloc(Number(bytes))))
  server.listen(Number(port), address, () => console.log('ready'))
} else {
  let got = 0
  connect(Number(port), address)
    .on('data', (part) => {
      got += part.length
    })
    .on('end', () => console.log(`got ${got} bytes`))
}
