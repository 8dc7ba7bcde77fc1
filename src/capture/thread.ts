// The writer thread of one capture, started by session.ts. It runs no event loop: it reads the ring,
// writes, and ends with the ring. What it has to say goes to the main thread (setup.ts).

import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { ofNode, toWire } from '../errors.js'
import { endRing, RingReader } from '../ring/ring.js'
import { CaptureFiles } from './files.js'
import { Recorder } from './recorder.js'
import type { CaptureMessage, CaptureResult, RecorderSetup } from './setup.js'
import { ReaderGone } from './sink.js'

const port = parentPort as MessagePort
const setup = workerData as RecorderSetup
const ring = new RingReader(setup.ring)

function post(message: CaptureMessage): void {
  port.postMessage(message)
}

const around = {
  ended: () => ring.ended,
  post: (bytes: Uint8Array) => port.postMessage({ event: 'chunk', bytes }, [bytes.buffer as ArrayBuffer]),
}

function record(): CaptureResult {
  const files = new CaptureFiles(setup.sink, around)
  const recorder = new Recorder(setup, files)
  try {
    recorder.begin()
    post({ event: 'ready' })
    recorder.run()
  } catch (error) {
    if (!(error instanceof ReaderGone)) throw error
  } finally {
    files.close()
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
