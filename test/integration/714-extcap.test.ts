// `uveth-extcap`: what Wireshark asks of an extcap, and tshark as the judge. It takes its folder of extcaps from
// the environment only where it has no special rights, so it runs as nobody.

import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { Folder, ROOT, TestDaemon } from '../support/daemon.js'
import { numbered } from '../support/frames.js'
import { until } from '../support/netns.js'
import { packetsOf, readPcapng } from '../support/pcapng.js'
import { type AnyMessages, type Outcome, Program } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')
// The daemon looks at the namespace of whoever asks, who is not root here.
const withTshark = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'bash', 'tshark', 'setpriv', 'sys-ptrace')
const EXTCAP = `${ROOT}dist/cli/extcap.js`

let daemon: TestDaemon
beforeAll(async () => {
  daemon = await TestDaemon.start()
  await daemon.lay()
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
    [
      ['--capture', '--extcap-interface', 'uveth:cable', '--fifo', '/x', '--snaplen', '-5'],
      /--snaplen must be a number of bytes from 1 to \d+, not "-5"/,
    ],
    [
      ['--capture', '--extcap-interface', 'uveth:cable', '--fifo', '/x', '--end', 'a', '--both'],
      /--both does not go with one end: a has what it sends and what it is given/,
    ],
    [['--colour'], /Unknown option '--colour': try uveth-extcap --help/],
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

describe('refused, it leaves nobody waiting at the pipe', () => {
  const capture = ['--capture', '--extcap-interface']
  test.each([
    ['a capture filter', [...capture, 'uveth:cable', '--extcap-capture-filter', 'udp']],
    ['an unknown option', [...capture, 'uveth:cable', '--colour']],
    ['a pair that has vanished', [...capture, 'uveth:none']],
    ['no daemon', [...capture, 'uveth:cable'], '/none/such.sock'],
  ] as [string, string[], string?][])('%s', async (_, words, socket) => {
    using folder = new Folder()
    const fifo = folder.file('fifo')
    execFileSync('mkfifo', [fifo])
    await using program = extcap([...words, '--fifo', fifo], socket)
    // Also when it comes later than the refusal.
    await new Promise((resolve) => setTimeout(resolve, 500))
    await using reader = new Program<AnyMessages>(['cat', fifo], {})
    expect(await reader.end()).toMatchObject({ code: 0, stdout: '' })
    const { code, stderr } = await program.end()
    expect(code).toBe(1)
    expect(stderr).toMatch(/^uveth: [^\n]+\n$/)
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

  test('names with braces, which neither end a value nor begin one', async () => {
    const wish = { a: { name: 'q}{z=w', up: true }, b: { name: '50%d{', up: true } }
    expect((await daemon.ask('POST', '/v1/pairs', wish)).status).toBe(201)
    const { stdout } = await once(['--extcap-interfaces'])
    const value = 'uveth:q%7D%7Bz=w'
    expect(stdout.split('\n')).toContain(`interface {value=${value}}{display=uveth q)(z=w <-> 500(}`)
    using folder = new Folder()
    const file = folder.file('file')
    await using program = extcap(['--capture', '--extcap-interface', value, '--fifo', file])
    await until('the file to begin', () => program.hasEnded || existsSync(file))
    expect(await program.stop()).toMatchObject({ code: 0, stderr: '' })
    expect(readPcapng(readFileSync(file))[0]?.interfaces.map(({ name }) => name)).toEqual(['q}{z=w', '500{'])
    await daemon.ask('DELETE', `/v1/pairs/${encodeURIComponent('id:q}{z=w')}`)
  })

  test('names with control characters, which reach no terminal', async () => {
    const wish = { a: { name: 'r\u001b[31m', up: true }, b: { name: 'peer', up: true } }
    expect((await daemon.ask('POST', '/v1/pairs', wish)).status).toBe(201)
    const { stdout } = await once(['--extcap-interfaces'])
    const value = 'uveth:r%1B[31m'
    expect(stdout.split('\n')).toContain(`interface {value=${value}}{display=uveth r\\u001b[31m <-> peer}`)
    using folder = new Folder()
    const file = folder.file('file')
    await using program = extcap(['--capture', '--extcap-interface', value, '--fifo', file])
    await until('the file to begin', () => program.hasEnded || existsSync(file))
    expect(await program.stop()).toMatchObject({ code: 0, stderr: '' })
    await daemon.ask('DELETE', `/v1/pairs/${encodeURIComponent('id:r\u001b[31m')}`)
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
    expect(stdout).toMatch(/^value {arg=0}{value=sender}{[^}]+}{default=true}$/m)
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
    'both',
    '--snaplen',
    '64',
  ]
  await using program = extcap(words)
  await using reader = new Program<AnyMessages>(['base64', '-w', '0', fifo], {})
  // Nothing comes before the header has been read: then it is armed.
  await until('the capture to run', async () => (await daemon.ask('GET', '/v1/health')).json.pairs === 1)
  await until('frames to be seen', () => {
    daemon.near.send(numbered(0, 0, 100))
    return reader.stdout.length > 1_000
  })
  expect(await program.stop()).toMatchObject({ code: 0, stderr: '' })
  const packets = packetsOf(Buffer.from((await reader.end()).stdout, 'base64'))
  expect(packets.length).toBeGreaterThan(3)
  expect(new Set(packets.map(({ on, frame }) => `${on} ${frame.length}`))).toEqual(
    new Set(['x0 64', 'x1 64']),
  )
})

const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']

/** What tshark needs of the environment, and a folder for its extcaps, for a user who has no rights. */
function asNobody(folder: Folder): Record<string, string> {
  const [bin, extcaps] = [folder.file('bin'), folder.file('extcaps')]
  for (const path of [bin, extcaps]) mkdirSync(path)
  symlinkSync(EXTCAP, `${bin}/uveth-extcap`)
  for (const path of [folder.path, daemon.folder.path]) chmodSync(path, 0o755)
  chmodSync(extcaps, 0o777)
  chmodSync(daemon.socket, 0o666)
  return {
    WIRESHARK_EXTCAP_DIR: extcaps,
    UVETH_SOCKET: daemon.socket,
    HOME: folder.path,
    PATH: `${bin}:${process.env.PATH}`,
  }
}

/** The README's line, which puts uveth-extcap into the folder. */
async function install(env: Record<string, string>): Promise<void> {
  const line = /<!-- example: extcap -->\n```console\n# (.*)\n/.exec(
    readFileSync(`${ROOT}README.md`, 'utf8'),
  )?.[1]
  await using shell = new Program<AnyMessages>(['bash', '-c', line ?? 'false'], { prefix: NOBODY, env })
  expect(await shell.end()).toMatchObject({ code: 0, stdout: '', stderr: '' })
}

withTshark('tshark is told of a refusal, and ends', async () => {
  using folder = new Folder()
  const env = asNobody(folder)
  await install(env)
  const words = ['tshark', '-i', 'uveth:cable', '-f', 'udp']
  await using program = new Program<AnyMessages>(words, { prefix: NOBODY, env })
  const { code, stderr } = await program.end()
  expect(code).not.toBe(0)
  expect(stderr).toContain('uveth takes no capture filter here')
})

withTshark('tshark lists the pairs and captures from one', async () => {
  using folder = new Folder()
  const env = asNobody(folder)
  await install(env)
  await using list = new Program<AnyMessages>(['tshark', '-D'], { prefix: NOBODY, env })
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
  await using program = new Program<AnyMessages>(['tshark', ...words], { prefix: NOBODY, env })
  await until('tshark to have seen enough', () => {
    daemon.near.send(numbered(0, 0, 100))
    return program.hasEnded
  })

  const { code, stdout } = await program.end()
  expect([code, new Set(stdout.trim().split('\n'))]).toEqual([0, new Set(['x0\t100'])])
})
