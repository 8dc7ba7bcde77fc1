// `uveth replay`: refusals first; then what it puts on the cable, from a file, from a pipe and over HTTP, and how it is
// ended. What recordings may be, and their times, are 220's.

import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { commandFolder, commandOf, expectRefusal } from '../support/cli.js'
import { expectProblem, ROOT, TestDaemon } from '../support/daemon.js'
import { numbered, readNumbered } from '../support/frames.js'
import { until } from '../support/netns.js'
import type { PacketSocket } from '../support/packet.js'
import { uveth } from '../support/program.js'
import { pcapngOf, pcapOf } from '../support/recordings.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')
const withBash = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'bash')

const FRAMES = [...Array(6).keys()].map((n) => numbered(n % 2, n >> 1, 100 + n))
const path = (name: string) => daemon.folder.file(name)

let daemon: TestDaemon
beforeAll(async () => {
  daemon = await TestDaemon.start()
  await daemon.lay()
  writeFileSync(path('one.pcap'), pcapOf(FRAMES, 1))
  writeFileSync(path('slow.pcap'), pcapOf(FRAMES, 3_600_000))
  writeFileSync(path('cut.pcap'), pcapOf(FRAMES, 1).subarray(0, -10))
  writeFileSync(path('both.pcapng'), pcapngOf(['eth0', 'eth1'], FRAMES))
})
afterAll(async () => {
  await daemon?.[Symbol.asyncDispose]()
})

const replay = (...words: string[]) => commandOf(daemon)('replay', ...words)
const injected = async (end: 'a' | 'b') =>
  (await daemon.ask('GET', '/v1/pairs/id:cable/stats')).json[end].inspected.injected as number

/** Flow and number of the next frames that arrive there. */
async function arrived(at: PacketSocket, count: number): Promise<number[][]> {
  const found: number[][] = []
  while (found.length < count) {
    const read = readNumbered((await at.receive()) as Uint8Array)
    if (typeof read === 'object') found.push([read.flow, read.number])
  }
  return found
}

describe('refused', () => {
  test.each([
    [['one.pcap'], /give a recording and the name of an interface/],
    [['one.pcap', 'x0', 'x1'], /replay takes one name, not "x1" too/],
    [['one.pcap', 'none'], /ENODEV: no (pair or )?interface 'none'/],
    [['none.pcap', 'x0'], /ENOENT: no such file or directory, open '.*none.pcap'/],
    [['control.sock', 'x0'], /ENXIO: no such device or address, open '.*control.sock'/],
    [['one.pcap', 'x0', '--speed', '0'], /--speed must be a number above 0, or max, not "0"/],
    [['one.pcap', 'x0', '--speed', 'fast'], /--speed must be a number above 0, or max, not "fast"/],
    [['one.pcap', 'x0', '--loop', '-1'], /ambiguous|--loop must be a whole number from 0/],
    [['one.pcap', 'x0', '--loop', 'x'], /--loop must be a whole number from 0 to 1000000000, not "x"/],
    [['one.pcap', 'x0', '--from', 'eth9'], /EINVAL: .*one.pcap has no frame that 'eth9' sent/],
    [['one.pcap', 'x0', '--from', ''], /--from takes the name of an interface or a MAC address/],
    [['-', 'x0', '--loop', '2'], /standard input can be read once/],
    [['one.pcap', 'x0', '--fast'], /Unknown option '--fast'/],
  ] as [string[], RegExp][])('%j', async ([file = '', ...words], sentence) => {
    const before = await injected('a')
    expectRefusal(await replay(file === '-' ? file : path(file), ...words), 1, sentence)
    expect(await injected('a')).toBe(before)
  })

  test('what is no recording, before anything is sent; one that is cut, behind what it has', async () => {
    writeFileSync(path('text'), 'no recording')
    expectRefusal(await replay(path('text'), 'x0'), 1, /EBADMSG: .*it is neither pcap nor pcapng/)
    expect(await replay(path('cut.pcap'), 'x0')).toMatchObject({
      code: 1,
      stdout: 'x0: 5 frames\n',
      stderr: 'uveth: EBADMSG: the recording cannot be read: it ends in the middle of a packet\n',
    })
    expect(await arrived(daemon.far, 5)).toHaveLength(5)
  })
})

test('frames of a file, in their order, some times, by one end and by both', async () => {
  const all = FRAMES.map((_, n) => [n % 2, n >> 1])
  const loops = await replay(path('one.pcap'), 'x0', '--loop', '2')
  expect(loops).toMatchObject({ code: 0, stdout: 'x0: 12 frames\n', stderr: '' })
  expect(await arrived(daemon.far, 12)).toEqual([...all, ...all])
  const both = ['x0', '--from', 'eth0', '--peer-from', 'eth1', '--speed', 'max']
  const { stdout } = await commandOf(daemon)('-j', 'replay', path('both.pcapng'), ...both)
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines).toEqual(['x0', 'x1'].map((ifname) => ({ ifname, frames: 3, unfit: 0 })))
  const of = (flow: number) => all.filter(([from]) => from === flow)
  expect(await arrived(daemon.far, 3)).toEqual(of(0))
  expect(await arrived(daemon.near, 3)).toEqual(of(1))
})

test('a signal ends it with what was sent, in a gap and in a loop; the end of the pair is told', async () => {
  const options = { netns: daemon.home.name, env: { UVETH_SOCKET: daemon.socket } }
  const before = await injected('a')
  await using waits = uveth(['replay', path('slow.pcap'), 'x0'], options)
  await until('the first', async () => (await injected('a')) === before + 1)
  expect(await waits.stop('SIGINT')).toMatchObject({ code: 130, stdout: 'x0: 1 frame\n', stderr: '' })
  await using loops = uveth(['replay', path('one.pcap'), 'x0', '--loop', '0'], options)
  await until('several rounds', async () => (await injected('a')) > before + 20)
  const ended = await loops.stop('SIGTERM')
  expect(ended).toMatchObject({ code: 0, stderr: '' })
  expect(ended.stdout).toBe(`x0: ${(await injected('a')) - before - 1} frames\n`)
  await using left = uveth(['replay', path('slow.pcap'), 'x0'], options)
  const now = await injected('a')
  await until('it to begin', async () => (await injected('a')) > now)
  daemon.deafen()
  await daemon.ask('DELETE', '/v1/pairs/id:cable')
  expect(await left.end()).toMatchObject({
    code: 1,
    stdout: '',
    stderr: 'uveth: ENODEV: the pair is closed\n',
  })
  await daemon.lay()
})

test('over HTTP, by its body', async () => {
  const url = '/v1/ends/x0/replay'
  const types = { 'content-type': 'application/vnd.tcpdump.pcap' }
  const of = (path: string, body?: Uint8Array) => daemon.ask('POST', path, body, types)
  expect((await of(`${url}?speed=Infinity`, pcapOf(FRAMES, 1_000))).json).toEqual({ frames: 6, unfit: 0 })
  expect(await arrived(daemon.far, 6)).toHaveLength(6)
  const big = Buffer.alloc(4 << 20) // far more than an order may have
  expectProblem(await of(url, big), 422, { code: 'EBADMSG', attribute: 'file' })
  expectProblem(await of(url), 422, { code: 'EBADMSG', detail: expect.stringMatching(/it is empty/) })
  // Also while the rest is still being sent: some of them did not arrive.
  for (let time = 0; time < 20; time++) {
    expectProblem(await of(`${url}?speed=fast`, big), 422, { code: 'EINVAL', attribute: 'speed' })
    expectProblem(await of('/v1/ends/none/replay', big), 404, { code: 'ENODEV' })
  }
})

withBash('the examples of README and help', async () => {
  await daemon.ask('POST', '/v1/pairs', { a: { name: 'veth0', up: true }, b: { name: 'veth1', up: true } })
  writeFileSync(path('call.pcapng'), pcapngOf(['eth0', 'eth1'], FRAMES))
  writeFileSync(path('storm.pcap'), pcapOf(FRAMES, 1))
  writeFileSync(path('old.pcap.gz'), gzipSync(pcapOf(FRAMES, 1)))
  const text = readFileSync(`${ROOT}README.md`, 'utf8')
  const block = /<!-- example: replay -->\n```console\n((?:.|\n)*?)\n```/.exec(text)?.[1] ?? ''
  const lines = block.split('\n').map((line) => line.slice(2))
  const help = (await replay('--help')).stdout.split('Examples:\n')[1]?.trim().split('\n')
  expect(lines).toEqual(help?.map((line) => line.trim()))
  const env = { ...process.env, PATH: `${commandFolder(daemon.folder)}:${process.env.PATH}` }
  const said = lines.map((line) =>
    execFileSync('ip', ['netns', 'exec', daemon.home.name, 'bash', '-o', 'pipefail', '-c', line], {
      cwd: daemon.folder.path,
      encoding: 'utf8',
      env: { ...env, UVETH_SOCKET: daemon.socket },
    }),
  )
  expect(said).toEqual([
    'veth0: 6 frames\n',
    'veth0: 3 frames\nveth1: 3 frames\n',
    'veth0: 60 frames\n',
    'veth0: 6 frames\n',
  ])
})
