// What a capture shows of one frame: by default it is there once, at its sender, with its fate; so that Wireshark finds
// nothing wrong with a link that has no fault. With `both`, or at one end, what is delivered is there, too.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect } from 'vitest'
import { addressed, Cable } from '../support/cable.js'
import { marked, marksAtB, sendMarks } from '../support/hooks.js'
import { iperf3 } from '../support/iperf.js'
import { run, until } from '../support/netns.js'
import { packetsOf, readPcapng } from '../support/pcapng.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip')
const withTshark = needs('root', 'tun', 'netns', 'ip', 'iperf3', 'tshark')

let folder = ''
let path = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'uveth-215-'))
  path = join(folder, 'x.pcapng')
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Where each frame of the file is, which way it went, its mark, and its comments. */
function seenIn(file: string) {
  return packetsOf(readFileSync(file)).map(({ on, direction, frame, comments }) => [
    on,
    direction,
    frame[14],
    ...comments,
  ])
}

it('both and one end are refused together, before anything is made', async () => {
  await using cable = await Cable.lay()
  await expect(cable.pair.capture({ path, end: 'b', both: true })).rejects.toMatchObject({
    code: 'EINVAL',
    attribute: 'both',
    message: 'EINVAL: both does not go with one end: b has what it sends and what it is given',
  })
})

describe('each frame once, at its sender', () => {
  it('with what became of it: dropped, delayed, duplicated', async () => {
    await using cable = await Cable.lay()
    const rule = cable.pair.a.drop({ bytes: [[14, 0xff, 1]] })
    cable.pair.a.delay({ bytes: [[14, 0xff, 2]] }, 30)
    cable.pair.a.duplicate({ bytes: [[14, 0xff, 3]] })
    await using capture = await cable.pair.capture(path)
    sendMarks(cable, 1, 2, 3, 4)
    expect(await marksAtB(cable, 4)).toEqual([3, 3, 4, 2])
    cable.b.send(marked(5))
    await cable.a.receive()
    expect(await capture.stop()).toMatchObject({ records: 5, lost: 0 })
    expect(seenIn(path)).toEqual([
      ['x0', 'out', 1, `dropped: rule (rule ${rule.id})`],
      ['x0', 'out', 2, 'delayed: 30.000 ms'],
      ['x0', 'out', 3, 'duplicated: 1 more'],
      ['x0', 'out', 4],
      ['x1', 'out', 5],
    ])
  })

  it('held, and dropped as the pair ends: once more, since the first record has been read', async () => {
    await using cable = await Cable.lay({ a: { impair: { delay: 10_000, seed: 1 } }, capture: path })
    sendMarks(cable, 1)
    await until('held', () => cable.pair.counters().a.inspected.held === 1)
    await cable.pair.close()
    expect(seenIn(path)).toEqual([
      ['x0', 'out', 1, 'delayed: 10000.000 ms'],
      ['x0', 'out', 1, 'dropped: carrier'],
    ])
  })

  it('sightings have both', async () => {
    await using cable = await Cable.lay()
    await using seen = cable.pair.sightings()
    sendMarks(cable, 1)
    const both = [await seen.next(), await seen.next()].map(({ value }) => [value?.end, value?.sent])
    expect(both).toEqual([
      ['a', true],
      ['b', false],
    ])
  })
})

it('ends of one name are told apart by their namespaces', async () => {
  await using cable = await Cable.lay({ a: { name: 'eth0' }, b: { name: 'eth0' } })
  await (await cable.pair.capture(path)).stop()
  const [section] = readPcapng(readFileSync(path))
  expect(section?.interfaces.map(({ name }) => name)).toEqual([
    `eth0@${cable.left.name}`,
    `eth0@${cable.right.name}`,
  ])
})

withTshark('tshark sees a TCP stream over a link without a fault as it is', async () => {
  const faults = ['retransmission', 'fast_retransmission', 'spurious_retransmission', 'duplicate_ack']
  const filter = [...faults, 'out_of_order', 'lost_segment', 'ack_lost_segment']
    .map((name) => `tcp.analysis.${name}`)
    .join(' or ')
  const found: Record<string, number> = {}
  for (const both of [false, true]) {
    await using cable = await Cable.lay(addressed())
    const capture = await cable.pair.capture({ path, both, ringBytes: 64 << 20 })
    const { end } = await iperf3(cable.left, cable.right, '10.77.0.2', '--bytes', '1M')
    expect(await capture.stop()).toMatchObject({ lost: 0 })
    // A stream of a busy machine may repeat a segment by itself.
    found[`${both}`] = run('tshark', '-r', path, '-Y', filter).split('\n').length - 1
    if (!both) expect(found.false).toBeLessThanOrEqual(end.sum_sent.retransmits ?? 0)
  }
  expect(found.true).toBeGreaterThan(100)
})
