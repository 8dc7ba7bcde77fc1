// Numbered, checksummed frames of a flow arrive all, unchanged and in the order in which they were sent.
// Invariant 3.

import { expect } from 'vitest'
import { Cable, stream } from '../support/cable.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip')
const unhurt = { damaged: 0, disordered: 0, skipped: 0 }

it('40,000 frames of one flow arrive in order', async () => {
  await using cable = await Cable.lay()
  const ledger = await stream(cable.a, cable.b, { count: 40_000 })
  expect(ledger.summary).toEqual({ ...unhurt, received: 40_000 })
})

it('and so do 20,000 each way at once, in frames of all lengths', async () => {
  await using cable = await Cable.lay()
  const wish = { count: 20_000, length: (n: number) => 60 + ((n * 37) % 1_455) }
  const ledgers = await Promise.all([stream(cable.a, cable.b, wish), stream(cable.b, cable.a, wish)])
  for (const ledger of ledgers) expect(ledger.summary).toEqual({ ...unhurt, received: 20_000 })
})

it('and 2,000 frames each of ten flows side by side', async () => {
  await using cable = await Cable.lay()
  const flows = Array.from({ length: 10 }, (_, flow) => flow)
  const ledger = await stream(cable.a, cable.b, { count: 2_000, flows })
  expect(ledger.summary).toEqual({ ...unhurt, received: 20_000 })
})

it('big frames and small ones in turn keep their order', async () => {
  const mtu = 65_521
  await using cable = await Cable.lay({ a: { mtu }, b: { mtu } })
  const length = (n: number) => (n % 3 === 0 ? mtu + 14 : 60 + (n % 1_000))
  // 200 frames of 64 KiB and what the kernel adds are as much as a packet socket sends ahead.
  const ledger = await stream(cable.a, cable.b, { count: 1_000, length, window: 30 })
  expect(ledger.summary).toEqual({ ...unhurt, received: 1_000 })
})
