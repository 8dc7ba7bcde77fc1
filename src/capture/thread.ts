// The writer thread of a process, started by writer.ts. Each capture has a Recorder of its own, which reads its ring and
// writes to its sink; none of them ever waits but for its own ring, sink or reader, so that no capture delays another.
// What there is to say goes to the main thread (setup.ts).

import { type MessagePort, parentPort } from 'node:worker_threads'
import { ofNode, toWire } from '../errors.js'
import { endRing, RingReader, recordsOf } from '../ring/ring.js'
import { CaptureFiles } from './files.js'
import { Recorder } from './recorder.js'
import type { CaptureMessage, CaptureResult, RecorderSetup } from './setup.js'
import { ReaderGone } from './sink.js'

const port = parentPort as MessagePort

type Say = (message: CaptureMessage, transfer?: ArrayBuffer[]) => void

async function record(setup: RecorderSetup, say: Say): Promise<CaptureResult> {
  const ring = new RingReader(setup.ring)
  const files = await CaptureFiles.open(setup.sink, {
    ended: () => ring.ended,
    post: (bytes) => say({ event: 'chunk', bytes }, [bytes.buffer as ArrayBuffer]),
  })
  const recorder = new Recorder(setup, files)
  try {
    await recorder.begin()
    say({ event: 'ready' })
    await recorder.run()
  } catch (error) {
    if (!(error instanceof ReaderGone)) throw error
  } finally {
    await files.close()
  }
  return recorder.result()
}

port.on('message', ({ id, setup }: { id: number; setup: RecorderSetup }) => {
  const say: Say = (message, transfer) => port.postMessage({ id, ...message }, transfer)
  record(setup, say)
    .then(
      (result) => say({ event: 'finished', result }),
      (error) => say({ event: 'failed', error: toWire(ofNode(error)) }),
    )
    .finally(() => endRing(setup.ring)) // no worker records for nobody
    .finally(() => giveBack(setup.ring))
})

/**
 * Gives the pages of a ring back that nobody needs any more: its memory is freed when the last thread that knows it
 * collects garbage, and a worker that allocates nothing never does (16 captures left 70 MB behind).
 */
async function giveBack(ring: SharedArrayBuffer): Promise<void> {
  try {
    const { releasePages } = await import('../native.js')
    releasePages(recordsOf(ring))
  } catch {} // it costs what it costs
}
