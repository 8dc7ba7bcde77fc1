// A TAP belongs to the namespace in which /dev/net/tun was opened. Opened at home and moved, it dies with the
// namespace that it was moved to, as a veth does; opened inside, its descriptor keeps that namespace alive.
// Relied on by src/link/tap.ts (Tap.open works at home) and src/link/create.ts (then moves).

import { once } from 'node:events'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { expect } from 'vitest'
import { Netns, until } from '../support/netns.js'
import { EBADFD, plainFrame, RawTap, withHeader } from '../support/raw-tap.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip', 'nsenter')

it('opened at home and moved, it dies with the namespace', async () => {
  using target = Netns.create()
  using tap = RawTap.open()
  tap.moveTo(target)
  target.delete()
  await until('the device to be gone', () => tap.gone)
  expect(tap.read()).toBe(-EBADFD)
  expect(tap.write(withHeader(plainFrame()))).toBe(-EBADFD)
})

it('opened inside, it keeps the namespace and itself alive', async () => {
  using target = Netns.create()
  // Only descriptor 3 stays inside: the process itself goes back home before it makes the device.
  const script = `
    const { tunSetIff, tunGetIff } = require(${JSON.stringify(binding)})
    console.log(tunSetIff(3, 'inside', 0x1002))
    process.stdin.on('data', () => console.log(tunGetIff(3).errno))`
  const goHome = `exec nsenter --net=/proc/${process.pid}/ns/net "$@" 3<>/dev/net/tun`
  const child = target.spawn('sh', ['-c', goHome, 'sh', process.execPath, '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout! })
  expect(await once(lines, 'line')).toEqual(['0'])
  expect(target.has('inside')).toBe(true)
  target.delete()
  // Long enough for a namespace to be taken down, had nothing held it.
  await new Promise((resolve) => setTimeout(resolve, 500))
  child.stdin?.write('alive?\n')
  expect(await once(lines, 'line')).toEqual(['0'])
  child.kill('SIGKILL')
})

const binding = createRequire(import.meta.url).resolve('../../native/binding.cjs')
