// Which settings a change of an end becomes, and in what order: settingsOf() of src/link/requests.ts as a table. What
// the kernel makes of them is the business of test/kernel/12 and 19 and of the integration tests.

import { expect, test } from 'vitest'
import type { EndChange } from '../../../src/link/protocol.js'
import { settingsOf } from '../../../src/link/requests.js'

const QUIET = { addrGenMode: 1 }
const address = Uint8Array.of(2, 0, 0, 0, 0, 1)

test.each<[EndChange, boolean, object[]]>([
  [{}, false, []],
  [{}, true, []],
  [{ up: true }, true, [{ up: true }]],
  [{ up: false }, false, [{ up: false }]],
  [{ name: 'x' }, false, [{ name: 'x' }]],
  [{ mtu: 1400 }, false, [{ mtu: 1400, address: undefined, txqlen: undefined }]],
  [
    { up: true, mtu: 1400, address, txQueueLength: 7, name: 'x' },
    true,
    [{ name: 'x' }, { mtu: 1400, address, txqlen: 7 }, { up: true }],
  ],
  [{ netns: { path: '/run/netns/n' } }, false, []],
  [{ netns: { path: '/run/netns/n' } }, true, [QUIET]],
  [{ netns: null }, true, [QUIET]],
  [{ netns: { path: '/run/netns/n' }, name: 'x', up: true }, true, [QUIET, { up: true }]],
  [{ addresses: [], dad: true }, true, []],
])('%j, quiet %j', (change, quiet, settings) => {
  expect(settingsOf(change, quiet)).toEqual(settings)
})
