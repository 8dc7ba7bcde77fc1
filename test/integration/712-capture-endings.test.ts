// How `uveth capture` ends when something is in the way: signals that come twice, a daemon that is busy or gone, a
// reader that does not read, a terminal that closes. What is missing from the file is said, and a file of a daemon
// that is still there has its statistics.

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { COMMAND, TestDaemon } from '../support/daemon.js'
import { numbered } from '../support/frames.js'
import { until } from '../support/netns.js'
import { readPcapng } from '../support/pcapng.js'
import { type AnyMessages, Program, uveth } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')
const onTerminal = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'script')

let daemon: TestDaemon
beforeAll(async () => {
  daemon = await TestDaemon.start()
  await daemon.lay()
})
afterAll(async () => {
  await daemon?.[Symbol.asyncDispose]()
})

const path = (name: string) => daemon.folder.file(name)
const isBegun = (name: string) => existsSync(path(name)) && statSync(path(name)).size > 0

function start(name: string, socket: string): Program {
  const env = { UVETH_SOCKET: socket }
  return uveth(['capture', 'x0', '-w', path(name)], { netns: daemon.home.name, env })
}

/** Starts `uveth capture x0 -w NAME`; frames are recorded when it resolves. */
async function capturing(name: string): Promise<Program> {
  const program = start(name, daemon.socket)
  await until('the file to begin', () => {
    if (program.hasEnded) throw new Error(program.stderr)
    return isBegun(name)
  })
  return program
}

/** Sends frames, and waits until they have arrived. */
async function send(count: number, length = 100): Promise<void> {
  for (let number = 0; number < count; number++) {
    daemon.near.send(numbered(0, number, length))
    if (number % 100 === 99) for (let frames = 0; frames < 100; frames++) await daemon.far.receive()
  }
  for (let frames = 0; frames < count % 100; frames++) expect(await daemon.far.receive()).toBeDefined()
}

/** The daemon does nothing until the scope ends. */
function busyDaemon(): Disposable {
  daemon.program.kill('SIGSTOP')
  return { [Symbol.dispose]: () => daemon.program.kill('SIGCONT') }
}

const sectionOf = (name: string) => readPcapng(readFileSync(path(name)))[0]
const well = { code: 0, signal: null, stdout: '', stderr: '' }

describe('a signal', () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s that is repeated within a second is one',
    async (signal) => {
      await using program = await capturing(`twice-${signal}`)
      await send(5)
      {
        using _ = busyDaemon()
        for (let times = 0; times < 3; times++) {
          program.kill(signal)
          await sleep(50)
        }
        expect(program.hasEnded).toBe(false)
      }
      expect(await program.end()).toEqual(well)
      expect(sectionOf(`twice-${signal}`)?.statistics).toMatchObject([{ delivered: 5 }, { delivered: 0 }])
    },
  )

  test('later than that ends the process as it is', async () => {
    await using program = await capturing('again')
    await send(5)
    using _ = busyDaemon()
    program.kill('SIGINT')
    await sleep(1_500)
    expect(await program.stop('SIGINT')).toMatchObject({ code: null, signal: 'SIGINT' }) // 130 to a shell
    expect(readPcapng(readFileSync(path('again')))).toHaveLength(1)
  })

  test('a file waits for a daemon that is busy', async () => {
    await using program = await capturing('busy')
    await send(5)
    {
      using _ = busyDaemon()
      program.kill('SIGTERM')
      await sleep(3_000)
      expect(program.hasEnded).toBe(false)
    }
    expect(await program.end()).toEqual(well)
    expect(sectionOf('busy')?.statistics).toMatchObject([{ delivered: 5 }, { delivered: 0 }])
  })

  test('a pipe does not wait for a reader that does not read', async () => {
    execFileSync('mkfifo', [path('stuck')])
    await using reader = new Program<AnyMessages>(
      ['sh', '-c', `exec 3< ${path('stuck')}; echo open; exec sleep 60`],
      {},
    )
    const env = { UVETH_SOCKET: daemon.socket }
    await using program = uveth(['capture', 'x0', '-w', path('stuck')], { netns: daemon.home.name, env })
    await reader.line(/open/)
    await sleep(500)
    await send(200, 1_500)
    expect(await program.stop('SIGINT')).toEqual(well)
    expect(reader.hasEnded).toBe(false)
  })

  onTerminal('of a terminal that closes: a complete file, status 0', async () => {
    const line = `'${process.execPath}' '${COMMAND}' --socket '${daemon.socket}' capture x0 -w '${path('hung')}'`
    // As a shell does it, which hands the signal on.
    const script = `${line} & job=$!
trap 'kill -HUP $job' HUP
wait $job; wait $job
echo $? > '${path('status')}'`
    writeFileSync(path('job.sh'), script)
    await using terminal = new Program<AnyMessages>(
      ['script', '-qec', `sh '${path('job.sh')}'`, '/dev/null'],
      {
        netns: daemon.home.name,
      },
    )
    await until('the file to begin', () => isBegun('hung'))
    await send(5)
    await terminal.stop('SIGKILL')
    await until('the job to end', () => isBegun('status'))
    expect(readFileSync(path('status'), 'utf8')).toBe('0\n')
    expect(sectionOf('hung')?.statistics).toMatchObject([{ delivered: 5 }, { delivered: 0 }])
  })
})

test('frames that were lost are told to programs too', async () => {
  await using program = await capturing('lossy')
  program.kill('SIGSTOP')
  await send(12_000, 1_500)
  program.kill('SIGCONT')
  const { code, stdout, stderr } = await program.stop('SIGINT')
  expect([code, stdout]).toEqual([0, ''])
  const dropped = sectionOf('lossy')?.statistics.reduce((sum, { dropped }) => sum + dropped, 0)
  expect(dropped).toBeGreaterThan(0)
  expect(stderr).toBe(
    `uveth: ${dropped} frames were lost: more came than could be written in time; --snaplen, --end or a match make it less\n`,
  )
})

test('a daemon that ends sends what it has', async () => {
  await using other = await TestDaemon.start()
  await other.ask('POST', '/v1/pairs', { a: { name: 'x0', up: true }, b: { name: 'x1', up: true } })
  const options = { netns: other.home.name, env: { UVETH_SOCKET: other.socket } }
  await using program = uveth(['capture', 'x0', '-w', path('ended')], options)
  await until('the file to begin', () => isBegun('ended'))
  await other.stop()
  expect(await program.end()).toEqual(well)
  expect(sectionOf('ended')?.statistics).toHaveLength(2)
})

/** Answers every request with these bytes. */
async function serve(socket: string, bytes: Buffer): Promise<Server> {
  const server = createServer((_, response) => response.end(bytes))
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(socket, resolve))
  return server
}

test('a stream that ends without statistics: the file gets some, the status is 2', async () => {
  await using whole = await capturing('whole')
  await send(5)
  await whole.stop('SIGINT')
  const bytes = readFileSync(path('whole'))
  // A block of statistics ends the file for each of its interfaces; the last word is its length.
  let end = bytes.length
  for (let blocks = 0; blocks < 2; blocks++) end -= bytes.readUInt32LE(end - 4)
  const server = await serve(path('other.sock'), bytes.subarray(0, end))
  await using program = start('short', path('other.sock'))
  const { code, stdout, stderr } = await program.end().finally(() => server.close())
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toMatch(/^uveth: the daemon ended in the middle of the capture: [^\n]+\n$/)
  expect(sectionOf('short')?.packets).toHaveLength(5)
  expect(sectionOf('short')?.statistics).toMatchObject([{ delivered: 5 }, { delivered: 0 }])
})
