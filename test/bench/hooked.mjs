// A pair whose both directions go through a user's hook that lets every frame pass, each in TypeScript: the
// least that an inspected cable costs. Started by contenders.mjs; ends with SIGTERM.
// Usage: hooked.mjs A NETNS-A ADDRESS-A B NETNS-B ADDRESS-B
import { createPair } from '../../dist/index.js'

const [nameA, netnsA, addressA, nameB, netnsB, addressB] = process.argv.slice(2)
const pair = await createPair({
  quiet: true,
  a: { name: nameA, netns: netnsA, addresses: [addressA], up: true },
  b: { name: nameB, netns: netnsB, addresses: [addressB], up: true },
})
const hook = new URL('./pass.mjs', import.meta.url)
await pair.a.use(hook)
await pair.b.use(hook)
process.once('SIGTERM', () => pair.close())
console.log('ready')
