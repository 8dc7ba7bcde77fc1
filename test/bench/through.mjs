// A pair of the library that something looks into, as a program of its own. contenders.mjs starts it; it ends with
// SIGTERM, and a capture says then what it has recorded and lost, as one line of JSON. What is looked for never
// strikes: the way itself is measured, not what a fault does to TCP.
// Usage: through.mjs loss|rule|hook|capture|delay A NETNS-A ADDRESS-A B NETNS-B ADDRESS-B
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createPair } from '../../dist/index.js'

const RARE = 1e-7 // %: one frame of a thousand million
const DELAY = '1ms'
/** A port that nothing here uses. */
const NOBODY = { tcp: { dport: 9 } }

const [what = '', nameA, netnsA, addressA, nameB, netnsB, addressB] = process.argv.slice(2)
const pair = await createPair({
  quiet: true,
  a: { name: nameA, netns: netnsA, addresses: [addressA], up: true },
  b: { name: nameB, netns: netnsB, addresses: [addressB], up: true },
})

/** @type {Record<string, () => Promise<(() => Promise<object>) | void>>} answers what ends it, if something has to */
const LOOKS = {
  async loss() {
    for (const end of [pair.a, pair.b]) end.impair({ loss: RARE })
  },
  /** One way, so that it is the round trip, too. */
  async delay() {
    pair.a.impair({ delay: DELAY })
  },
  async rule() {
    for (const end of [pair.a, pair.b]) end.drop(NOBODY)
  },
  async hook() {
    for (const end of [pair.a, pair.b]) await end.use(new URL('./pass.mjs', import.meta.url))
  },
  async capture() {
    const folder = mkdtempSync(join(tmpdir(), 'uveth-bench-'))
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
    const path = join(folder, 'all.pcapng')
    const capture = await pair.capture(path)
    return async () => {
      const { records, lost } = await capture.stop()
      return { records, records_lost: lost, file_mb: statSync(path).size / 1e6 }
    }
  },
}

const look = LOOKS[what]
if (look === undefined) throw new Error(`through.mjs: ${what} is none of ${Object.keys(LOOKS).join(', ')}`)
const end = await look()
process.once('SIGTERM', async () => {
  if (end) console.log(JSON.stringify(await end()))
  await pair.close()
})
console.log('ready')
