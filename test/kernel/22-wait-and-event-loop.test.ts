// A thread that sleeps in our own epoll set, which also holds its event loop's descriptor (uv_backend_fd),
// wakes for whatever the loop has to do: a message, terminate() of itself or of its parent, the end of the
// process. One turn of the loop then does it, and the thread sleeps again instead of spinning.
// Relied on by src/datapath/loop.ts (serve), worker.ts (turn) and native/src/poll.rs (poller_open).

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test } from 'vitest'
import { until } from '../support/netns.js'

const binding = createRequire(import.meta.url).resolve('../../native/binding.cjs')

/** Sleeps without a limit between turns, and answers each message with the number of turns so far. */
const sleeper = `
  const { parentPort } = require('node:worker_threads')
  const { pollerOpen, pollerWait } = require(${JSON.stringify(binding)})
  const poller = pollerOpen()
  const ready = new Int32Array(8)
  let turns = 0
  function turn() {
    pollerWait(poller, ready, 0, -1)
    turns++
    setImmediate(turn)
  }
  parentPort.on('message', () => parentPort.postMessage(turns))
  parentPort.postMessage('starting')
  setImmediate(turn)`

async function startSleeper(): Promise<Worker> {
  const worker = new Worker(sleeper, { eval: true })
  onTestFinished(async () => void (await worker.terminate()))
  await once(worker, 'message')
  await fallAsleep()
  return worker
}

/** Time enough for the thread to have entered its wait. */
const fallAsleep = () => new Promise((resolve) => setTimeout(resolve, 50))

test('a message wakes it, and it sleeps again', async () => {
  const worker = await startSleeper()
  const messages = 50
  let turns = 0
  for (let n = 0; n < messages; n++) {
    worker.postMessage(n)
    ;[turns] = (await once(worker, 'message')) as [number]
  }
  await fallAsleep()
  worker.postMessage('last')
  ;[turns] = (await once(worker, 'message')) as [number]
  // A thread that spins makes some 100,000 turns meanwhile.
  expect(turns).toBeLessThan(10 * messages)
})

test('terminate() ends it', async () => {
  const worker = await startSleeper()
  expect(await worker.terminate()).toBe(1)
})

test('terminate() of its parent ends it', async () => {
  const parent = new Worker(
    `const { Worker, parentPort } = require('node:worker_threads')
     const child = new Worker(${JSON.stringify(sleeper)}, { eval: true })
     child.once('message', () => parentPort.postMessage('started'))`,
    { eval: true },
  )
  await once(parent, 'message')
  await fallAsleep()
  expect(await parent.terminate()).toBe(1)
})

test('process.exit() ends it', async () => {
  const child = spawn(
    process.execPath,
    [
      '-e',
      `const { Worker } = require('node:worker_threads')
       const worker = new Worker(${JSON.stringify(sleeper)}, { eval: true })
       worker.once('message', () => setTimeout(() => process.exit(7), 50))`,
    ],
    { stdio: 'inherit' },
  )
  onTestFinished(() => void child.kill('SIGKILL'))
  await until('the process to end', () => child.exitCode !== null)
  expect(child.exitCode).toBe(7)
})
