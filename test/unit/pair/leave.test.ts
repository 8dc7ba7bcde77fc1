// A pair that another process has, as the process before sees it: what was under way there ends, so that it can end, too.
// Over memory devices.

import { expect, test } from 'vitest'
import { leave } from '../../../dist/pair/hand-over.js'
import { Pair } from '../../../dist/pair/pair.js'
import { MemoryLink } from '../../support/memory-link.js'

test('what is replayed ends, also while more of it is waited for', async () => {
  await using memory = await MemoryLink.start()
  const pair = await memory.createPair()
  const ended = pair.a.replay(new ReadableStream<Uint8Array>()).catch((error: unknown) => error)
  await Pair.suspend(pair, { from: null, sent: {}, since: {} })
  await leave(pair)
  expect(await ended).toMatchObject({
    code: 'ESHUTDOWN',
    message: expect.stringContaining('another process'),
  })
  await pair.close()
})
