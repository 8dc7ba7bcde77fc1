// A process that stands still (a stopped or frozen container, a machine that sleeps) has not failed: whatever it was
// about goes on where it was, and so do all its pairs. That a worker which does not answer for long is not held for
// dead is shown without chance in test/unit/pair/pair.test.ts.

import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { A, B } from '../support/cable.js'
import { Netns } from '../support/netns.js'
import { patient } from '../support/pace.js'
import { launch } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'ping')

/** ms. A worker that did not answer for 5 s was once held for dead, and every pair ended. */
const STILL = 6_000
test('stopped for 6 s while an end flaps, the process goes on, and so do its pairs', {
  timeout: patient(120_000),
}, async () => {
  using left = Netns.create('left')
  using right = Netns.create('right')
  await using program = launch(
    async (kit, { left, right, addressOfA, addressOfB }) => {
      const well = await kit.createPair({
        a: { name: 'veth0', netns: left, up: true, addresses: [addressOfA] },
        b: { name: 'veth1', netns: right, up: true, addresses: [addressOfB] },
      })
      const flapping = await kit.createPair({
        a: { name: 'flap0', netns: left, up: true },
        b: { name: 'flap1', netns: right, up: true },
      })
      kit.say({ event: 'ready' })
      await new Promise((ended) => {
        for (const pair of [well, flapping]) pair.once('closed', ended)
      })
      return [well.closed, flapping.closed]
    },
    { left: left.name, right: right.name, addressOfA: `${A}/24`, addressOfB: `${B}/24` },
  )
  await program.next('ready')
  // As fast as it goes, so that it is likely to be stopped in the middle of one.
  const flaps = 'while :; do echo link set flap0 down; echo link set flap0 up; done | ip -batch -'
  const flapper = left.spawn('sh', ['-c', flaps])
  for (let time = 0; time < 3; time++) {
    await sleep(100 + 37 * time)
    program.process.kill('SIGSTOP')
    await sleep(STILL)
    program.process.kill('SIGCONT')
    await sleep(300)
  }
  flapper.kill()
  expect(program.hasEnded).toBe(false)
  expect(left.exec('ping', '-n', '-c', '3', '-i', '0.2', '-W', '5', B)).toContain(' 3 received')
  expect([left.link('veth0').operstate, right.link('veth1').operstate]).toEqual(['UP', 'UP'])
})
