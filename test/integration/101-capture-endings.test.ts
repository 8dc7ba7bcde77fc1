// How `uveth capture` ends when something is in the way: signals that come twice, a terminal that closes. A file of
// a daemon that is still there has its statistics.

import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { COMMAND, TestDaemon } from '../support/daemon.js'
import { numbered } from '../support/frames.js'
import { until } from '../support/netns.js'
import { PacketSocket } from '../support/packet.js'
import { readPcapng } from '../support/pcapng.js'
import { type AnyMessages, Program, uveth } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')
const onTerminal = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'script')

let daemon: TestDaemon
let near: PacketSocket
let far: PacketSocket
beforeAll(async () => {
  daemon = await TestDaemon.start()
  const wish = { id: 'cable', quiet: true, a: { name: 'x0', up: true }, b: { name: 'x1', up: true } }
  expect((await daemon.ask('POST', '/v1/pairs', wish)).status).toBe(201)
  near = PacketSocket.open(daemon.home, 'x0')
  far = PacketSocket.open(daemon.home, 'x1')
})
afterAll(async () => {
  near?.close()
  far?.close()
  await daemon?.[Symbol.asyncDispose]()
})

const path = (name: string) => daemon.folder.file(name)
const isBegun = (name: string) => existsSync(path(name)) && statSync(path(name)).size > 0

/** Starts `uveth capture x0 -w NAME`; frames are recorded when it resolves. */
async function capturing(name: string, socket = daemon.socket): Promise<Program> {
  const env = { UVETH_SOCKET: socket }
  const program = uveth(['capture', 'x0', '-w', path(name)], { netns: daemon.home.name, env })
  await until('the file to begin', () => {
    if (program.hasEnded) throw new Error(program.stderr)
    return isBegun(name)
  })
  return program
}

/** Sends frames, and waits until they have arrived. */
async function send(count: number, length = 100): Promise<void> {
  for (let number = 0; number < count; number++) {
    near.send(numbered(0, number, length))
    if (number % 100 === 99) for (let frames = 0; frames < 100; frames++) await far.receive()
  }
  for (let frames = 0; frames < count % 100; frames++) expect(await far.receive()).toBeDefined()
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
      expect(sectionOf(`twice-${signal}`)?.statistics).toMatchObject([{ delivered: 5 }, { delivered: 5 }])
    },
  )

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
    expect(sectionOf('hung')?.statistics).toMatchObject([{ delivered: 5 }, { delivered: 5 }])
  })
})
