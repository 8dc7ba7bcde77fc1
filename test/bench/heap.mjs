// Drives millions of 64-byte frames through one pair of the library and prints what its memory did, as JSON:
//   node --expose-gc heap.mjs NETNS_A NETNS_B FRAMES GEN_PROGRAM
// The heap of every thread is read through the inspector, after a collection and at rest; the inspector is
// detached while frames flow. It must run the product untouched: no hook, no option that users do not have.
import { execFile } from 'node:child_process'
import { Session } from 'node:inspector/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { createPair } from 'uveth'

const [netnsA = '', netnsB = '', frames, gen = ''] = process.argv.slice(2)
const A = 'uvbheap0'
const B = 'uvbheap1'
const LENGTH = '64'
const SECONDS_AT_A_TIME = '5'
const WARM_UPS = 5
const ANSWER_MS = 5_000
const execute = promisify(execFile)

/** Bytes of live JS heap: of this thread, and of every worker, by its script's file name. */
async function readHeaps() {
  const session = new Session()
  session.connect()
  const workers = new Map()
  const waiting = new Map()
  session.on('NodeWorker.attachedToWorker', ({ params }) => {
    workers.set(params.sessionId, params.workerInfo.url.split('/').at(-1))
  })
  session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => {
    const answer = JSON.parse(params.message)
    waiting.get(`${params.sessionId}/${answer.id}`)?.(answer)
  })
  await session.post('NodeWorker.enable', { waitForDebuggerOnStart: false })
  await sleep(200) // workers attach one by one, and nothing says which was the last

  let id = 0
  /**
   * @param {string} sessionId
   * @param {string} method
   */
  const ask = async (sessionId, method) => {
    id++
    const answer = new Promise((resolve) => waiting.set(`${sessionId}/${id}`, resolve))
    await session.post('NodeWorker.sendMessageToWorker', {
      sessionId,
      message: JSON.stringify({ id, method }),
    })
    const got = await Promise.race([answer, sleep(ANSWER_MS, undefined)])
    if (!got?.result) throw new Error(`worker ${workers.get(sessionId)} did not answer ${method}`)
    return got.result
  }
  const heaps = []
  for (const [sessionId, script] of workers) {
    await ask(sessionId, 'HeapProfiler.collectGarbage')
    heaps.push({ thread: script, bytes: (await ask(sessionId, 'Runtime.getHeapUsage')).usedSize })
  }
  await session.post('NodeWorker.disable')
  session.disconnect()
  globalThis.gc?.()
  return { main: process.memoryUsage().heapUsed, workers: heaps }
}

async function read() {
  const heaps = await readHeaps()
  const workers = heaps.workers.reduce((sum, worker) => sum + worker.bytes, 0)
  return { ...heaps, workersSum: workers, rss: process.memoryUsage.rss(), arrived: await arrived() }
}

async function arrived() {
  const { stdout } = await execute('ip', ['-n', netnsB, '-s', '-j', 'link', 'show', 'dev', B])
  return JSON.parse(stdout)[0].stats64.rx.packets
}

/**
 * @param {string} mac
 * @param {string} seconds
 */
async function drive(mac, seconds) {
  await execute('ip', ['netns', 'exec', netnsA, gen, A, mac, LENGTH, seconds])
  await sleep(100)
}

const pair = await createPair({
  a: { name: A, netns: netnsA, up: true },
  b: { name: B, netns: netnsB, up: true },
  quiet: true,
})
const mac = String(pair.b.address)
// Compiled code and first-use structures, this program's own among them, are not growth.
for (let i = 0; i < WARM_UPS; i++) {
  await drive(mac, '1')
  await read()
}

const before = await read()
while ((await arrived()) - before.arrived < Number(frames)) await drive(mac, SECONDS_AT_A_TIME)
const after = await read()
await pair.close()

const millions = (after.arrived - before.arrived) / 1e6
/**
 * @param {number} from bytes
 * @param {number} to bytes
 */
const growth = (from, to) => (to - from) / 1024 / millions
const result = {
  frames: millions * 1e6,
  heap_start_kib: (before.main + before.workersSum) / 1024,
  heap_end_kib: (after.main + after.workersSum) / 1024,
  heap_kib_per_million: growth(before.main + before.workersSum, after.main + after.workersSum),
  worker_kib_per_million: growth(before.workersSum, after.workersSum),
  rss_kib_per_million: growth(before.rss, after.rss),
  threads: after.workers.map((worker, i) => ({ ...worker, bytes_before: before.workers[i]?.bytes })),
}
process.stdout.write(`${JSON.stringify(result)}\n`)
