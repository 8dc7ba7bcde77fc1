// The writer thread of one capture, started by session.ts. It runs no event loop: it reads the ring,
// writes, and ends with the ring. What it has to say goes to the main thread (setup.ts).

import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { ofNode, toWire } from '../errors.js'
import { endRing, RingReader } from '../ring/ring.js'
import { Recorder } from './recorder.js'
import type { CaptureMessage, CaptureResult, RecorderSetup } from './setup.js'
import { openSink, ReaderGone } from './sink.js'

const port = parentPort as MessagePort
const setup = workerData as RecorderSetup
const ring = new RingReader(setup.ring)

function post(message: CaptureMessage): void {
  if (message.event === 'chunk') port.postMessage(message, [message.bytes.buffer as ArrayBuffer])
  else port.postMessage(message)
}

function record(): CaptureResult {
  const sink = openSink(setup.sink, { ended: () => ring.ended, post })
  const recorder = new Recorder(setup, sink)
  try {
    recorder.begin()
    post({ event: 'ready' })
    recorder.run()
  } catch (error) {
    if (!(error instanceof ReaderGone)) throw error
  } finally {
    sink.close()
  }
  return recorder.result()
}

try {
  post({ event: 'finished', result: record() })
} catch (error) {
  post({ event: 'failed', error: toWire(ofNode(error)) })
} finally {
  endRing(setup.ring) // no worker records for nobody
}
