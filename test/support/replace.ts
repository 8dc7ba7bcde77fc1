// A daemon that others replace (`uveth daemon --replace`), and its cable: for the integration tests of that.

import { expect, onTestFinished } from 'vitest'
import { COMMAND, inside, TestDaemon } from './daemon.js'
import { type Netns, run, until } from './netns.js'
import { type AnyMessages, Program } from './program.js'

/** A daemon that is replaced by others, of which the last one ends with the test. */
export async function start(...words: string[]): Promise<TestDaemon> {
  const daemon = await TestDaemon.start(...words)
  onTestFinished(async () => {
    await stop(daemon)
    await daemon[Symbol.asyncDispose]()
  })
  return daemon
}

export async function stop(daemon: TestDaemon): Promise<void> {
  const pid = await pidOf(daemon).catch(() => undefined)
  if (pid !== undefined) process.kill(pid, 'SIGKILL')
}

export async function pidOf(daemon: TestDaemon): Promise<number> {
  return (await daemon.ask('GET', '/v1/version')).json.pid
}

export function replacing(daemon: TestDaemon, ...words: string[]): Program<AnyMessages> {
  const command = [process.execPath, COMMAND, 'daemon', '--replace', '--socket', daemon.socket, ...words]
  return new Program<AnyMessages>(command, { prefix: inside(daemon.home) })
}

/** ms that nobody forwarded, as each hand-over has said. */
export const pauses: number[] = []

/** Resolves when it has been replaced; the pid of the new one. */
export async function replace(daemon: TestDaemon, ...words: string[]): Promise<number> {
  const { code, stderr } = await replacing(daemon, ...words).ended
  const told = /^uveth: replaced the daemon \(pid (\d+)\): \d+ pairs?, forwarding paused for ([\d.]+) ms\n$/
  const [, pid, paused] = told.exec(stderr) ?? []
  pauses.push(Number(paused))
  expect({ code, stderr, pid }).toMatchObject({ code: 0, pid: expect.any(String) })
  await until('the new one to answer', async () => (await pidOf(daemon).catch(() => 0)) === Number(pid))
  return Number(pid)
}

/** x0 at home and x1 elsewhere, with addresses and a route that nobody but ip knows of. */
export async function lay(
  daemon: TestDaemon,
  far: Netns,
  near: object = {},
  both: object = {},
): Promise<void> {
  const ends = { a: { name: 'x0', up: true, ...near }, b: { name: 'x1', netns: far.name, up: true } }
  expect((await daemon.ask('POST', '/v1/pairs', { id: 'cable', quiet: true, ...both, ...ends })).status).toBe(
    201,
  )
  run('ip', '-n', daemon.home.name, 'addr', 'add', '10.9.0.1/24', 'dev', 'x0')
  run('ip', '-n', far.name, 'addr', 'add', '10.9.0.2/24', 'dev', 'x1')
  run('ip', '-n', daemon.home.name, 'route', 'add', '10.8.0.0/16', 'via', '10.9.0.2')
}

export const seen = (daemon: TestDaemon) => [
  run('ip', '-n', daemon.home.name, '-o', 'addr', 'show', 'dev', 'x0'),
  run('ip', '-n', daemon.home.name, '-o', 'link', 'show', 'dev', 'x0'),
  run('ip', '-n', daemon.home.name, 'route'),
]
