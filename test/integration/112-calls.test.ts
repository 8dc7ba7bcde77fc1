// A frame is one read and one write of the whole process, whatever looks into it. The process stands still while its
// queue is filled, so that how busy this machine is says nothing: then it has bursts to carry. What a burst costs beyond
// system calls is counted in unit/datapath/costs.

import { readdirSync, readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { Folder } from '../support/daemon.js'
import { ETH_P, ethernet, filler } from '../support/frames.js'
import { Netns, until } from '../support/netns.js'
import { PacketSocket } from '../support/packet.js'
import { uveth } from '../support/program.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip')
/** Fewer than the queue has places. */
const FRAMES = 8_000
/** Waking up, the file of a capture, V8's own words between threads: the slower the machine, the more. */
const OTHERS = FRAMES / 4

/** Calls of read and write, of all threads. */
function calls(pid: number): { reads: number; writes: number } {
  const counts = readFileSync(`/proc/${pid}/io`, 'utf8')
  const number = (name: string) => Number(new RegExp(`${name}: (\\d+)`).exec(counts)?.[1])
  return { reads: number('syscr'), writes: number('syscw') }
}

/** All threads stand still: a signal takes its time. */
function isStill(pid: number): boolean {
  const states = readdirSync(`/proc/${pid}/task`).map((thread) => {
    return /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8'))?.[1]
  })
  return states.every((state) => state === 'T')
}

it.each([
  ['nothing', []],
  ['a loss', ['--impair-a', 'loss 0.0000001%']],
  ['a rule', ['--rule-a', 'drop udp dport 9']],
  ['a delay', ['--impair-a', 'delay 1ms']],
  ['a capture', ['--capture', 'FILE']],
])('a read and a write a frame, through %s', async (_, options) => {
  using left = Netns.create('left')
  using right = Netns.create('right')
  using folder = new Folder()
  const words = options.map((word) => (word === 'FILE' ? folder.file('all.pcapng') : word))
  const names = ['x0', 'x1', '--netns-a', left.name, '--netns-b', right.name]
  await using program = uveth(['run', ...names, '--quiet', '--json', ...words])
  await program.next('ready')
  using sender = PacketSocket.open(left, 'x0')
  const frame = ethernet(ETH_P.EXPERIMENT, filler(86))

  program.process.kill('SIGSTOP')
  await until('it stands still', () => isStill(program.pid))
  for (let sent = 0; sent < FRAMES; sent++) expect(sender.send(frame)).toBe(true)
  const before = calls(program.pid)
  program.process.kill('SIGCONT')
  await until('all have arrived', () => right.link('x1').stats64.rx.packets === FRAMES)
  const after = calls(program.pid)

  for (const kind of ['reads', 'writes'] as const) {
    const count = after[kind] - before[kind]
    expect(count).toBeGreaterThanOrEqual(FRAMES - 1) // the last one may not have returned yet
    expect(count).toBeLessThan(FRAMES + OTHERS)
  }
})
