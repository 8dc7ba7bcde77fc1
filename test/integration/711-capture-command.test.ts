// `uveth capture`: refusals first; then where it writes to, and every way in which it ends, each with a complete
// file. What a capture has is 511's business, and 205's; ends with obstacles are 712's.

import { execFileSync, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { commandFolder, commandOf, expectRefusal } from '../support/cli.js'
import { inside, TestDaemon } from '../support/daemon.js'
import { filler, numbered } from '../support/frames.js'
import { until } from '../support/netns.js'
import { patient } from '../support/pace.js'
import { packetsOf, readPcapng } from '../support/pcapng.js'
import { type AnyMessages, Program, uveth } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')
const onTerminal = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'script')
const withTshark = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'bash', 'tshark')

let daemon: TestDaemon
beforeAll(async () => {
  daemon = await TestDaemon.start()
  await daemon.lay()
})
afterAll(async () => {
  await daemon?.[Symbol.asyncDispose]()
})

const path = (name: string) => daemon.folder.file(name)
const options = () => ({ netns: daemon.home.name, env: { UVETH_SOCKET: daemon.socket } })

/** Starts `uveth capture x0 -w NAME …`; frames are recorded when it resolves. */
async function capturing(name: string, ...words: string[]): Promise<Program> {
  const program = uveth(['capture', 'x0', '-w', path(name), ...words], options())
  const first = words.includes('--filesize') || words.includes('--seconds') ? `${name}-00001` : name
  await until('the file to begin', () => {
    if (program.hasEnded) throw new Error(program.stderr)
    return existsSync(path(first)) && statSync(path(first)).size > 0
  })
  return program
}

/** Sends frames, and waits until they have arrived. */
async function send(count: number, length = 100): Promise<void> {
  for (let number = 0; number < count; number++) daemon.near.send(numbered(0, number, length))
  for (let number = 0; number < count; number++) expect(await daemon.far.receive()).toBeDefined()
}

/** How often the process's main thread has gone to sleep; `ip netns exec` has become it by then. */
function sleepsOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(status)?.[1])
}

const framesOf = (name: string) => packetsOf(readFileSync(path(name))).length
const ended = { code: 0, stdout: '', stderr: '' }

describe('refused', () => {
  test.each([
    [[], /give the name of an interface/],
    [['none'], /ENODEV: no pair or interface 'none'/],
    [
      ['x0', '--end', 'a', '--both'],
      /EINVAL: --both does not go with one end: a has what it sends and what it is given/,
    ],
    [['x0', '--end', 'c'], /--end must be one of a, b, not "c"/],
    [['x0', '--snaplen', '0'], /--snaplen must be a number of bytes from 1 to \d+, not 0/],
    [['x0', '--snaplen', '-5'], /--snaplen must be a number of bytes from 1 to \d+, not "-5"/],
    [['x0', 'udp', 'dport', 'high'], / dport must be .*, not "high"/],
    [['x0', 'nth', '3'], /EINVAL: nth counts frames: here stands which of them are meant/],
    [['x0', '--files', '3'], /--files needs --filesize or --seconds/],
    [['x0', '--filesize', '1mb'], /a ring of files needs a name: -w FILE/],
    [['x0', '-w', 'f', '--filesize', 'big'], /--filesize must be a whole number from 1 to \d+, not "big"/],
    [['x0', '-w', 'f', '--seconds', '0'], /--seconds must be a number above 0, not 0/],
    [['x0', '-w', '/none/such/f'], /ENOENT: no such file or directory, open '\/none\/such\/f'/, 2],
    [['x0', '--colour'], /Unknown option '--colour'/],
  ] as [string[], RegExp, number?][])('%j', async (words, sentence, code = 1) => {
    expectRefusal(await commandOf(daemon)('capture', ...words), code, sentence)
  })

  onTerminal('on a terminal it says what to do', () => {
    const line = `${process.execPath} dist/cli/main.js --socket ${daemon.socket} capture x0`
    const script = ['-qec', line, '/dev/null']
    let said = ''
    try {
      execFileSync('script', script, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
    } catch (error) {
      said = (error as { stdout: string }).stdout
      expect((error as { status: number }).status).toBe(1)
    }
    expect(said).toContain(
      'a capture is no text: write it to a file (-w FILE) or into a pipe (| tshark -i -)',
    )
  })
})

describe('ends with a complete file and status 0', () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('at %s', async (signal) => {
    await using program = await capturing(`${signal}.pcapng`)
    await send(5)
    expect(await program.stop(signal)).toMatchObject(ended)
    const [section] = readPcapng(readFileSync(path(`${signal}.pcapng`)))
    expect(section?.packets).toHaveLength(5)
    expect(section?.statistics).toMatchObject([{ delivered: 5 }, { delivered: 0 }])
    // What crossed a network is not for everybody.
    expect(statSync(path(`${signal}.pcapng`)).mode & 0o777).toBe(0o600)
  })

  test('when the pair ends', async () => {
    await using program = await capturing('pair.pcapng')
    await send(5)
    daemon.deafen()
    await daemon.ask('DELETE', '/v1/pairs/id:cable')
    expect(await program.end()).toMatchObject(ended)
    expect(framesOf('pair.pcapng')).toBe(5)
    await daemon.lay()
  })

  test('when the reader of its pipe has gone', async () => {
    const reader = spawn('head', ['-c', '400'], { stdio: ['pipe', 'ignore', 'ignore'] })
    const [file = '', ...words] = [...inside(daemon.home), process.execPath, 'dist/cli/main.js']
    const capture = spawn(file, [...words, 'capture', 'x0'], {
      env: { ...process.env, UVETH_SOCKET: daemon.socket },
      stdio: ['ignore', reader.stdin, 'pipe'],
    })
    let stderr = ''
    capture.stderr?.on('data', (text: Buffer) => {
      stderr += text.toString()
    })
    const code = new Promise((resolve) => capture.once('exit', resolve))
    reader.stdin?.destroy()
    await until('the command to end', async () => {
      daemon.near.send(numbered(0, 0, 100))
      return capture.exitCode !== null
    })
    expect([await code, stderr]).toEqual([0, ''])
  })
})

test('when the daemon is killed it says so: whole blocks, statistics of what has come, status 2', async () => {
  await using program = await capturing('killed.pcapng')
  await send(5)
  await until('the frames to be written', () => framesOf('killed.pcapng') === 5)
  daemon.deafen()
  await daemon.kill()
  const { code, stderr } = await program.end()
  expect(code).toBe(2)
  expect(stderr).toMatch(/^uveth: the daemon ended in the middle of the capture: [^\n]+\n$/)
  const [section] = readPcapng(readFileSync(path('killed.pcapng')))
  expect(section?.packets).toHaveLength(5)
  expect(section?.statistics).toMatchObject([{ delivered: 5 }, { delivered: 0 }])
  await daemon.restart()
  await daemon.lay()
})

describe('on a quiet cable ends at once when its reader has gone', () => {
  const command = () => [...inside(daemon.home), process.execPath, 'dist/cli/main.js', 'capture', 'x0']
  const env = () => ({ ...process.env, UVETH_SOCKET: daemon.socket })

  test('a pipe', () => {
    const script = `set -o pipefail; ${command().join(' ')} | head -c 20 > ${path('beginning')}`
    execFileSync('bash', ['-c', script], { env: env(), timeout: patient(10_000) }) // throws for another status than 0
    expect(statSync(path('beginning')).size).toBe(20)
  })

  test('a socket', async () => {
    const [file = '', ...words] = command()
    const capture = spawn(file, words, { env: env(), stdio: ['ignore', 'pipe', 'inherit'] })
    const code = new Promise((resolve) => capture.once('exit', resolve))
    capture.stdout?.once('data', () => capture.stdout?.destroy())
    expect(await code).toBe(0)
  })
})

describe('writes', () => {
  test('at once, what matches, of the end that is wanted', async () => {
    await using program = await capturing('some.pcapng', '--end', 'b', '--snaplen', '64', 'length', '100')
    daemon.near.send(numbered(0, 0, 99))
    await send(2)
    await until('the frames to be written', () => framesOf('some.pcapng') === 2)
    const packets = packetsOf(readFileSync(path('some.pcapng')))
    expect(packets.map(({ on, direction, frame }) => [on, direction, frame.length])).toEqual([
      ['x1', 'in', 64],
      ['x1', 'in', 64],
    ])
    expect(await program.stop()).toMatchObject(ended)
  })

  test('a ring of files by size, each with its header', async () => {
    await using program = await capturing('ring', '--filesize', '10kb', '--files', '3', '--end', 'a')
    daemon.far.drain()
    for (let number = 0; number < 60; number++) daemon.near.send(numbered(0, number, 1000))
    await until('the last frame to be written', () => existsSync(path('ring-00007')))
    expect(await program.stop()).toMatchObject(ended)
    const files = readdirSync(daemon.folder.path)
      .filter((name) => name.startsWith('ring-'))
      .sort()
    expect(files).toHaveLength(3)
    for (const name of files) {
      expect(statSync(path(name)).size).toBeLessThanOrEqual(10 * 1024)
      const [section] = readPcapng(readFileSync(path(name)))
      expect(section?.interfaces.map(({ name }) => name)).toEqual(['x0'])
      expect(section?.packets.length).toBeGreaterThan(0)
      expect(section?.statistics).toMatchObject([{ interface: 0, dropped: 0 }])
    }
  })

  test('a ring of files by time', async () => {
    await using program = await capturing('clock', '--seconds', '1')
    await until('the second file', async () => {
      daemon.near.send(filler(100))
      return existsSync(path('clock-00002'))
    })
    expect(await program.stop()).toMatchObject(ended)
    expect(framesOf('clock-00001')).toBeGreaterThan(0)
    expect(framesOf('clock-00002')).toBeGreaterThan(0)
  })

  test('into a named pipe, also when its reader comes late', async () => {
    execFileSync('mkfifo', [path('pipe')])
    await using program = uveth(['capture', 'x0', '-w', path('pipe')], options())
    await using reader = new Program<AnyMessages>(
      ['bash', '-c', `cat ${path('pipe')} > ${path('piped')}`],
      {},
    )
    await until('the header to come', () => existsSync(path('piped')) && statSync(path('piped')).size > 0)
    daemon.far.drain()
    await send(3)
    expect(await program.stop()).toMatchObject(ended)
    expect((await reader.end()).code).toBe(0)
    expect(framesOf('piped')).toBe(3)
  })

  test('a named pipe without a reader keeps nobody, and costs little', async () => {
    execFileSync('mkfifo', [path('lonely')])
    await using program = uveth(['capture', 'x0', '-w', path('lonely')], options())
    await sleep(1_000)
    const before = sleepsOf(program.pid)
    await sleep(1_000)
    expect(sleepsOf(program.pid) - before).toBeLessThan(60) // it looks 20 times a second
    expect(program.hasEnded).toBe(false)
    expect(await program.stop()).toMatchObject(ended)
  })

  withTshark('into tshark', async () => {
    const line =
      'uveth capture x0 --both -w - | tshark -l -i - -c 40 -T fields -e frame.interface_name -e frame.len 2>&1'
    await using shell = new Program<AnyMessages>(['bash', '-o', 'pipefail', '-c', line], {
      netns: daemon.home.name,
      env: { UVETH_SOCKET: daemon.socket, PATH: `${commandFolder(daemon.folder)}:${process.env.PATH}` },
    })
    await until('tshark to have seen enough', () => {
      daemon.near.send(numbered(0, 0, 100))
      return shell.hasEnded
    })
    const { code, stdout } = await shell.end()
    expect(code).toBe(0)
    const lines = stdout.split('\n').filter((text) => /^x[01]\t/.test(text))
    expect(lines).toHaveLength(40)
    expect(new Set(lines)).toEqual(new Set(['x0\t100', 'x1\t100']))
  })
})
