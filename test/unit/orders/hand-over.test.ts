// Pairs that are stopped all at once for another process, over memory devices: what one of them meets keeps no other from
// being forwarded again. src/orders/hand-over.ts; what becomes of frames is shown by unit/pair/hand-over.

import { afterEach, expect, test, vi } from 'vitest'
import { goOnAll, handed, type Stopped, stopAll } from '../../../dist/orders/hand-over.js'
import { Registry } from '../../../dist/orders/registry.js'
import { Pair } from '../../../dist/pair/pair.js'
import { MemoryLink } from '../../support/memory-link.js'

afterEach(() => vi.restoreAllMocks())

const WISH = { wish: {}, inode: 1, since: {} }

function frame(): Uint8Array {
  const bytes = new Uint8Array(60)
  bytes[0] = 2
  bytes.set([0x88, 0xb5], 12)
  return bytes
}

async function three(memory: MemoryLink): Promise<{ registry: Registry<typeof WISH>; pairs: Pair[] }> {
  const registry = new Registry<typeof WISH>()
  const pairs: Pair[] = []
  for (const id of ['one', 'two', 'three']) {
    const pair = await memory.createPair({ id, a: { name: `${id}0` }, b: { name: `${id}1` } })
    registry.keep({ pair, wish: WISH, carrierChanges: 0 })
    pairs.push(pair)
  }
  return { registry, pairs }
}

/** A frame crosses each. */
async function expectForwarded(memory: MemoryLink, pairs: readonly Pair[]): Promise<void> {
  for (const { a, b } of pairs) {
    memory.host.named(a.name).send(frame())
    expect(await memory.host.named(b.name).take(1)).toEqual([frame()])
  }
}

test('one that cannot be stopped: the others are known, and go on', async () => {
  await using memory = await MemoryLink.start()
  const { registry, pairs } = await three(memory)
  const { suspend } = Pair
  vi.spyOn(Pair, 'suspend').mockImplementation(async (pair, wishes) => {
    if (pair.id === 'two') throw new Error('out of luck')
    return await suspend(pair, wishes)
  })
  const stopped: Stopped[] = []
  await expect(stopAll(registry as never, stopped)).rejects.toThrow('out of luck')
  expect(stopped.map(({ entry }) => entry.pair.id).sort()).toEqual(['one', 'three'])
  await goOnAll(stopped)
  await expectForwarded(memory, pairs)
  await registry.clear()
})

test('one that does not go on: the others do, and it is told when they do', async () => {
  await using memory = await MemoryLink.start()
  const { registry, pairs } = await three(memory)
  const stopped: Stopped[] = []
  await stopAll(registry as never, stopped)
  const { resume } = Pair
  vi.spyOn(Pair, 'resume').mockImplementation(async (pair, dossier) => {
    if (pair.id === 'one') throw new Error('out of luck')
    await resume(pair, dossier)
  })
  await expect(goOnAll(stopped)).rejects.toThrow('out of luck')
  await expectForwarded(memory, pairs.slice(1))
  await registry.clear()
})

test('one whose end is removed meanwhile is nothing to stop', async () => {
  await using memory = await MemoryLink.start()
  const { registry, pairs } = await three(memory)
  memory.host.named('two0').delete()
  await vi.waitFor(() => expect(pairs[1]?.closed).toBe('deleted'))
  const stopped: Stopped[] = []
  await stopAll(registry as never, stopped)
  expect(stopped.map((each) => (handed(each).dossier as { id: string }).id).sort()).toEqual(['one', 'three'])
  await goOnAll(stopped)
  await registry.clear()
})
