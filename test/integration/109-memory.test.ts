// The process does not grow, however many frames it carries. It is measured in a process that does nothing
// but serve a pair; the frames come from this one.

import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { ETH_P, ethernet, filler } from '../support/frames.js'
import { Netns } from '../support/netns.js'
import { patient } from '../support/pace.js'
import { PacketSocket } from '../support/packet.js'
import { uveth } from '../support/program.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip')
const MEBIBYTE = 1 << 20
const WARM_UP = 200_000
const FRAMES = 1_000_000
/** Frames sent ahead of what has arrived: less than the ring holds. */
const WINDOW = 800

/** Bytes of memory that a process has in use. */
function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kilobytes) * 1_024
}

it('a million frames cost no memory: not 20 bytes for each', { timeout: patient(300_000) }, async () => {
  using left = Netns.create('left')
  using right = Netns.create('right')
  const words = ['run', 'x0', 'x1', '--netns-a', left.name, '--netns-b', right.name, '--quiet', '--json']
  await using program = uveth(words)
  await program.next('ready')
  using sender = PacketSocket.open(left, 'x0')
  using receiver = PacketSocket.open(right, 'x1')
  const frame = ethernet(ETH_P.EXPERIMENT, filler(86))

  const carry = async (count: number) => {
    for (let sent = 0, arrived = 0; arrived < count; ) {
      for (; sent < count && sent - arrived < WINDOW; sent++) sender.send(frame)
      if ((await receiver.receive()) === undefined) return arrived
      arrived++
    }
    return count
  }

  expect(await carry(WARM_UP)).toBe(WARM_UP)
  const before = residentBytes(program.pid)
  expect(await carry(FRAMES)).toBe(FRAMES)
  const grown = residentBytes(program.pid) - before
  expect(grown).toBeLessThan(20 * MEBIBYTE)
})
