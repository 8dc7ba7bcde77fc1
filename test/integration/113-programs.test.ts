// XDP: while a program looks at what an end receives, the peer's kernel cuts what it sends, as with kernel veth: the
// program sees wire frames. What the user wants of offloads (`ethtool -K`) is kept meanwhile, and afterwards super-frames
// cross again.

import type { Readable } from 'node:stream'
import { expect } from 'vitest'
import { atRest, B, Cable } from '../support/cable.js'
import { iperf3, says } from '../support/iperf.js'
import { until } from '../support/netns.js'
import { needs } from '../support/skip.js'
import { detachXdp, XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE, XdpCounter } from '../support/xdp.js'

const it = needs('root', 'tun', 'netns', 'ip', 'iperf3', 'ethtool', 'ping', 'python3', 'bpf', 'kernel 6.2')
/** The longest frame that MTU 1,500 allows. */
const FULL_FRAME = 1_514

type Attached = { detach: () => void }

const WAYS: [string, (program: XdpCounter, cable: Cable) => Attached][] = [
  ['ip link set … xdp', (program, cable) => byRtnetlink(program, cable, XDP_FLAGS_DRV_MODE)],
  ['ip link set … xdpgeneric', (program, cable) => byRtnetlink(program, cable, XDP_FLAGS_SKB_MODE)],
  [
    'a BPF link',
    (program, cable) => {
      const link = program.link(placeOfB(cable))
      return { detach: () => link[Symbol.dispose]() }
    },
  ],
]

function byRtnetlink(program: XdpCounter, cable: Cable, mode: number): Attached {
  program.attach(placeOfB(cable), mode)
  return { detach: () => detachXdp(placeOfB(cable), mode) }
}

function placeOfB({ right, pair }: Cable): { path: string; ifindex: number } {
  return { path: right.path, ifindex: right.link(pair.b.name).ifindex }
}

/** What `ethtool -k` says of it on the sending end: `on`, `off`, `off [requested on]`. */
function feature(cable: Cable, name: string): string | undefined {
  return new RegExp(`^\\s*${name}: (.*)$`, 'm').exec(cable.left.exec('ethtool', '-k', 'x0'))?.[1]
}

/** A BPF link is noticed when frames cross. */
async function segmentation(cable: Cable, wanted: string): Promise<void> {
  await until(`TCP segmentation: ${wanted}`, () => {
    cable.left.exec('ping', '-c', '1', B)
    return feature(cable, 'tx-tcp-segmentation') === wanted
  })
}

/** Ten datagrams that a program sends as one: as how many do they arrive? */
async function tenAtOnce(cable: Cable): Promise<string> {
  const receiver = cable.right.spawn('python3', ['-uc', RECEIVE])
  await says(receiver.stdout as Readable, 'bound')
  const heard = says(receiver.stdout as Readable, '\n')
  cable.left.exec('python3', '-c', SEND)
  return (await heard).trim()
}

const RECEIVE = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', 7777)); print('bound', end='')
print([len(s.recv(20000)) for n in range(10)])
`
const SEND = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(17, 103, 1000)
s.sendto(bytes(10000), ('${B}', 7777))
`
const TEN = `[${Array(10).fill(1000).join(', ')}]`

it.each(WAYS)(
  '%s: the program sees wire frames of UDP and TCP, and afterwards super-frames cross',
  async (_, attach) => {
    await using cable = await Cable.addressed()
    using program = XdpCounter.load()
    expect(feature(cable, 'tx-tcp-segmentation')).toBe('on')
    const { detach } = attach(program, cable)
    await segmentation(cable, 'off [requested on]')
    expect(feature(cable, 'tx-udp-segmentation')).toBe('off [requested on]')
    expect(feature(cable, 'tx-checksum-ip-generic')).toBe('on')
    const before = program.seen.frames
    expect(await tenAtOnce(cable)).toBe(TEN)
    expect(program.seen.frames - before).toBeGreaterThanOrEqual(10)
    await iperf3(cable.left, cable.right, B, '--time', '1')
    const { frames, longest } = program.seen
    expect(longest).toBe(FULL_FRAME)
    expect(frames).toBeGreaterThan(100)
    detach()
    await segmentation(cable, 'on')
    expect(feature(cable, 'tx-udp-segmentation')).toBe('on')
    const sent = (await atRest(cable.pair)).a.tx_packets
    expect(await tenAtOnce(cable)).toBe(TEN)
    expect((await atRest(cable.pair)).a.tx_packets - sent).toBeLessThan(10)
    expect(program.seen.frames).toBeLessThan(frames + 100)
  },
)

it('the other direction is as fast as it was', async () => {
  await using cable = await Cable.addressed()
  using program = XdpCounter.load()
  program.attach(placeOfB(cable))
  await segmentation(cable, 'off [requested on]')
  expect(cable.right.exec('ethtool', '-k', 'x1')).toMatch(/^\ttx-tcp-segmentation: on$/m)
})

it('what the user switches off stays off, before and meanwhile', async () => {
  await using cable = await Cable.addressed()
  using program = XdpCounter.load()
  cable.left.exec('ethtool', '-K', 'x0', 'tx-udp-segmentation', 'off')
  program.attach(placeOfB(cable))
  await segmentation(cable, 'off [requested on]')
  expect(feature(cable, 'tx-udp-segmentation')).toBe('off')
  cable.left.exec('ethtool', '-K', 'x0', 'tx-tcp6-segmentation', 'off')
  detachXdp(placeOfB(cable))
  await segmentation(cable, 'on')
  expect(feature(cable, 'tx-udp-segmentation')).toBe('off')
  expect(feature(cable, 'tx-tcp6-segmentation')).toBe('off')
})

it('what he wishes for meanwhile comes afterwards', async () => {
  await using cable = await Cable.addressed()
  using program = XdpCounter.load()
  cable.left.exec('ethtool', '-K', 'x0', 'tx-udp-segmentation', 'off')
  program.attach(placeOfB(cable))
  await segmentation(cable, 'off [requested on]')
  // As on kernel veth it says that it could change nothing.
  expect(() => cable.left.exec('ethtool', '-K', 'x0', 'tx-udp-segmentation', 'on')).toThrow(
    /Could not change/,
  )
  expect(feature(cable, 'tx-udp-segmentation')).toBe('off [requested on]')
  detachXdp(placeOfB(cable))
  await segmentation(cable, 'on')
  expect(feature(cable, 'tx-udp-segmentation')).toBe('on')
})
