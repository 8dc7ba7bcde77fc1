// The routes of an end whose pair goes on in another process, over memory devices: those that its dossier tells, until the
// link thread has asked for them. What is written of it before that has not forgotten any.

import { expect, test } from 'vitest'
import { adoptPair, goOn } from '../../../dist/pair/hand-over.js'
import { Pair } from '../../../dist/pair/pair.js'
import { NOTHING } from '../../../src/link/protocol.js'
import type { MemoryDevice } from '../../support/memory-device.js'
import { MemoryLink } from '../../support/memory-link.js'

const WISHES = { from: null, sent: {}, since: {} }
const ROUTE = Uint8Array.of(2, 16, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0)

test('routes are those of the dossier until they are known, and then what was found', async () => {
  await using memory = await MemoryLink.start()
  const first = await memory.createPair()
  const [device] = memory.host.devices as [MemoryDevice]
  const routes = (pair: Pair) => Pair.dossier(pair, WISHES).a.former?.routes
  const found = (some: Uint8Array[] | undefined) => {
    device.lasting = { ...NOTHING, routes: some }
    device.set({ mtu: device.state.mtu - 1 })
  }
  found([ROUTE])
  await expect.poll(() => routes(first)).toEqual([ROUTE])
  const dossier = await Pair.suspend(first, WISHES)
  device.lasting = { ...NOTHING, routes: undefined }
  const fds = memory.host.devices.map(({ ports }) => ports.map(({ fd }) => fd))
  const second = await adoptPair({ id: 'second', queues: 1, quiet: false }, fds as never, memory.link)
  await goOn(second, { ...dossier, id: 'second' })
  expect(routes(second)).toEqual([ROUTE])
  found([])
  await expect.poll(() => routes(second)).toEqual([])
  await second.close()
})
