// A pair of the library whose other end is a tunnel, as a program of its own: its home is the namespace that it is started
// in. contenders.mjs starts it, and gives its interface an address; it ends with SIGTERM.
// Usage: tunnel.mjs NAME MTU ID REMOTE
import { createPair } from '../../dist/index.js'

const [name, mtu, id, remote = ''] = process.argv.slice(2)
const pair = await createPair({
  quiet: true,
  a: { name, mtu: Number(mtu) },
  b: { vxlan: { id: Number(id), remote } },
})
process.once('SIGTERM', () => pair.close())
console.log('ready')
