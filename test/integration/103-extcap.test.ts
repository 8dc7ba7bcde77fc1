// `uveth-extcap`: what Wireshark asks of an extcap, and tshark as the judge. It takes its folder of extcaps from
// the environment only where it has no special rights, so it runs as nobody.

import { execFileSync } from 'node:child_process'
import { chmodSync, symlinkSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { Folder, ROOT, TestDaemon } from '../support/daemon.js'
import { numbered } from '../support/frames.js'
import { until } from '../support/netns.js'
import { PacketSocket } from '../support/packet.js'
import { packetsOf } from '../support/pcapng.js'
import { type AnyMessages, type Outcome, Program } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')
// The daemon looks at the namespace of whoever asks, who is not root here.
const withTshark = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'tshark', 'setpriv', 'sys-ptrace')
const EXTCAP = `${ROOT}dist/cli/extcap.js`

let daemon: TestDaemon
beforeAll(async () => {
  daemon = await TestDaemon.start()
  const wish = { id: 'cable', quiet: true, a: { name: 'x0', up: true }, b: { name: 'x1', up: true } }
  expect((await daemon.ask('POST', '/v1/pairs', wish)).status).toBe(201)
})
afterAll(async () => {
  await daemon?.[Symbol.asyncDispose]()
})

function extcap(words: string[], socket = daemon.socket): Program<AnyMessages> {
  return new Program([process.execPath, EXTCAP, ...words], { env: { UVETH_SOCKET: socket } })
}

async function once(words: string[], socket?: string): Promise<Outcome> {
  await using program = extcap(words, socket)
  return await program.end()
}

describe('refused', () => {
  test.each([
    [
      ['--capture', '--extcap-interface', 'eth0', '--fifo', '/x'],
      /--extcap-interface takes uveth:ID, not 'eth0'/,
    ],
    [['--capture', '--extcap-interface', 'uveth:cable'], /--capture needs --fifo FILE/],
    [
      ['--capture', '--extcap-interface', 'uveth:none', '--fifo', '/x'],
      /ENODEV: no pair or interface 'id:none'/,
    ],
    [
      ['--capture', '--extcap-interface', 'uveth:cable', '--fifo', '/x', '--extcap-capture-filter', 'udp'],
      /uveth takes no capture filter here/,
    ],
    [['--colour'], /Unknown option '--colour'/],
  ])('%j', async (words, sentence) => {
    const { code, stdout, stderr } = await once(words)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(sentence)
  })

  test('a capture filter, asked for: with the reason on standard output', async () => {
    const words = ['--extcap-interface', 'uveth:cable', '--extcap-capture-filter']
    expect((await once([...words, 'udp'])).stdout).toMatch(/^uveth takes no capture filter here/)
    expect(await once([...words, ''])).toMatchObject({ code: 0, stdout: '', stderr: '' })
  })
})

describe('says', () => {
  test('the pairs of the daemon; without one, none', async () => {
    const { stdout } = await once(['--extcap-interfaces', '--extcap-version=4.2'])
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(/^extcap \{version=[\d.]+\}\{help=https:/),
      'interface {value=uveth:cable}{display=uveth x0 <-> x1}',
      '',
    ])
    using folder = new Folder()
    const alone = await once(['--extcap-interfaces'], folder.file('none.sock'))
    expect(alone).toMatchObject({ code: 0, stderr: '' })
    expect(alone.stdout).toMatch(/^extcap [^\n]+\n$/)
  })

  test('Ethernet, and what may be asked', async () => {
    const at = ['--extcap-interface', 'uveth:cable']
    expect((await once(['--extcap-dlts', ...at])).stdout).toBe(
      'dlt {number=1}{name=EN10MB}{display=Ethernet}\n',
    )
    const { stdout } = await once(['--extcap-config', ...at])
    for (const line of stdout.trim().split('\n')) expect(line).toMatch(/^(arg|value) (\{[a-z]+=[^{}]+\})+$/)
    expect(stdout).toContain('{call=--snaplen}')
    expect(stdout).toContain('{call=--end}')
  })
})

test('captures into the pipe, until it is told to stop', async () => {
  using folder = new Folder()
  const fifo = folder.file('fifo')
  execFileSync('mkfifo', [fifo])
  const words = [
    '--capture',
    '--extcap-interface',
    'uveth:cable',
    '--fifo',
    fifo,
    '--end',
    'a',
    '--snaplen',
    '64',
  ]
  await using program = extcap(words)
  await using reader = new Program<AnyMessages>(['base64', '-w', '0', fifo], {})
  const near = PacketSocket.open(daemon.home, 'x0')
  const far = PacketSocket.open(daemon.home, 'x1')
  // Nothing comes before the header has been read: then it is armed.
  await until('the capture to run', async () => (await daemon.ask('GET', '/v1/health')).json.pairs === 1)
  await until('frames to be seen', () => {
    near.send(numbered(0, 0, 100))
    return reader.stdout.length > 1_000
  })
  near.close()
  far.close()
  expect(await program.stop()).toMatchObject({ code: 0, stderr: '' })
  const packets = packetsOf(Buffer.from((await reader.end()).stdout, 'base64'))
  expect(packets.length).toBeGreaterThan(3)
  expect(new Set(packets.map(({ on, frame }) => `${on} ${frame.length}`))).toEqual(new Set(['x0 64']))
})

/** Where `name` is, for a user who has no rights. */
function asNobody(folder: Folder): Record<string, string> {
  symlinkSync(EXTCAP, folder.file('uveth-extcap'))
  for (const path of [folder.path, daemon.folder.path]) chmodSync(path, 0o755)
  chmodSync(daemon.socket, 0o666)
  return { WIRESHARK_EXTCAP_DIR: folder.path, UVETH_SOCKET: daemon.socket, HOME: folder.path }
}

withTshark('tshark lists the pairs and captures from one', async () => {
  using folder = new Folder()
  const env = asNobody(folder)
  const prefix = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
  await using list = new Program<AnyMessages>(['tshark', '-D'], { prefix, env })
  expect((await list.end()).stdout).toMatch(/^\d+\. uveth:cable \(uveth x0 <-> x1\)$/m)
  const words = [
    '-l',
    '-i',
    'uveth:cable',
    '-c',
    '40',
    '-T',
    'fields',
    '-e',
    'frame.interface_name',
    '-e',
    'frame.len',
  ]
  await using program = new Program<AnyMessages>(['tshark', ...words], { prefix, env })
  const near = PacketSocket.open(daemon.home, 'x0')
  await until('tshark to have seen enough', () => {
    near.send(numbered(0, 0, 100))
    return program.hasEnded
  })
  near.close()
  const { code, stdout } = await program.end()
  expect([code, new Set(stdout.trim().split('\n'))]).toEqual([0, new Set(['x0\t100', 'x1\t100'])])
})
