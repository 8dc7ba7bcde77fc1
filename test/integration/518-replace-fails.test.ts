// `uveth daemon --replace` where it goes wrong on the way: a new one that fails late, one that never begins, a signal in
// between. The other side of the conversation is the test itself where its moment counts.

import { once } from 'node:events'
import { chmodSync, constants, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer as createHttp } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { expect, onTestFinished } from 'vitest'
import { Lock } from '../../dist/daemon/lock.js'
import { ask, COMMAND, expectProblem, Folder, inside, type TestDaemon } from '../support/daemon.js'
import { Netns, run, until } from '../support/netns.js'
import { type AnyMessages, Program } from '../support/program.js'
import { lay, pidOf, replace, replacing, seen, start } from '../support/replace.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'ping')
const among = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'ping', 'setpriv', 'python3')

test('a new one that fails when it has the pairs already leaves the old one as it was', async () => {
  using far = Netns.create('far')
  const daemon = await start('--log', 'warn', '--workers', '2', '--state', 'FOLDER/state.json')
  await lay(daemon, far, {}, { queues: 2 })
  const before = seen(daemon)
  const pid = await pidOf(daemon)
  const blocked = daemon.folder.file('blocked')
  writeFileSync(blocked, '') // no socket
  const { code, stderr } = await replacing(daemon, '--metrics', blocked).ended
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: `uveth: EEXIST: '${blocked}' is there and is no socket\n`,
  })
  await until('an answer', async () => (await daemon.ask('GET', '/v1/pairs/id:cable')).status === 200)
  expect(seen(daemon)).toEqual(before)
  run('ip', 'netns', 'exec', daemon.home.name, 'ping', '-c', '1', '-W', '5', '10.9.0.2')
  for (const lock of ['control.sock.lock', 'state.json.lock'].map((name) => daemon.folder.file(name))) {
    expect(readFileSync(lock, 'utf8')).toBe(`${pid}\n`)
    expect(Lock.take(lock)).toBeUndefined()
  }
  expect(await replace(daemon)).not.toBe(pid)
})

/** Another process that asks to take over, as far as the test goes. */
async function asking(daemon: TestDaemon): Promise<Socket> {
  const path = daemon.folder.file('taker')
  rmSync(path, { force: true })
  const server = createServer()
  onTestFinished(() => void server.close())
  await new Promise<void>((listens) => server.listen(path, listens))
  const coming = once(server, 'connection') as Promise<[Socket]>
  expect((await ask(daemon.socket, 'POST', '/v1/handover', wishOf(daemon, path))).status).toBe(200)
  const [channel] = await coming
  onTestFinished(() => void channel.destroy())
  return channel
}

const wishOf = (daemon: TestDaemon, channel: string) => {
  const netns = statSync(daemon.home.path).ino
  return { format: 1, version: '1.0.0', netns, channel }
}

/** As src/channel.ts has it. */
function frameOf(word: string): Buffer {
  const text = Buffer.from(JSON.stringify({ say: word }))
  const head = Buffer.alloc(8)
  head.writeUInt32BE(text.length)
  return Buffer.concat([head, text])
}

/** Resolves when the daemon has said `word`, after the test has said its own. */
async function exchanged(channel: Socket, ours: string, word: string): Promise<void> {
  let said = ''
  const heard = new Promise<void>((resolve) => {
    channel.on('data', (data) => {
      said += data.toString('latin1')
      if (said.includes(`"${word}"`)) resolve()
    })
  })
  channel.write(frameOf(ours))
  await heard
}

/** Resolves when the daemon has lent its pairs: it takes no orders then. */
const begin = (channel: Socket) => exchanged(channel, 'begin', 'all')

test('one that ends before it begins, or cannot be reached, has changed nothing', async () => {
  const daemon = await start('--log', 'warn', '--netlink', '7517')
  const channel = await asking(daemon)
  channel.destroy()
  const said = () => daemon.program.stdout.split('not replaced').length - 1
  await until('it to notice', () => said() === 1)
  const nowhere = wishOf(daemon, daemon.folder.file('nowhere'))
  const answer = await ask(daemon.socket, 'POST', '/v1/handover', nowhere)
  expectProblem(answer, 422, { code: 'ENOENT' })
  expect(said()).toBe(2)
  expect((await daemon.ask('GET', '/v1/health')).json).toMatchObject({
    status: 'ok',
    netlink: { state: 'on' },
  })
})

test('SIGTERM while the pairs are on their way: whoever has them afterwards ends', async () => {
  using far = Netns.create('far')
  const daemon = await start('--log', 'info', '--netlink', '7517')
  await lay(daemon, far)
  const channel = await asking(daemon)
  await begin(channel)
  daemon.program.kill('SIGTERM')
  await until('the signal', () => daemon.program.stdout.includes('"signal":"SIGTERM"'))
  expect(daemon.program.hasEnded).toBe(false)
  expect(daemon.home.names()).toContain('x0')
  channel.destroy()
  expect((await daemon.program.ended).code).toBe(0)
  expect(daemon.home.names()).not.toContain('x0')
})

test('SIGTERM in front of the last word is passed on to the one that has the pairs', async () => {
  using far = Netns.create('far')
  const daemon = await start('--log', 'info', '--netlink', '7517')
  await lay(daemon, far)
  const channel = await asking(daemon)
  await begin(channel)
  await exchanged(channel, 'adopted', 'stopped')
  await exchanged(channel, 'ready', 'go')
  daemon.program.kill('SIGTERM')
  await until('the signal', () => daemon.program.stdout.includes('"signal":"SIGTERM"'))
  const passedOn = once(process, 'SIGTERM') // the one that has the pairs is this process
  channel.write(frameOf('taken'))
  await passedOn
  expect((await daemon.program.ended).code).toBe(0)
})

among('who is neither root nor the user of the command is not taken for the daemon', async () => {
  using folder = new Folder()
  using home = Netns.create('home')
  chmodSync(folder.path, 0o755)
  const socket = folder.file('s')
  let stranger = ''
  let channel: Socket | undefined
  const daemon = createHttp(async (request, response) => {
    const { channel: path } = JSON.parse(Buffer.concat(await request.toArray()).toString())
    chmodSync(path, 0o666) // otherwise nobody else could connect at all
    const words = `import socket; s = socket.socket(socket.AF_UNIX); s.connect("${path}"); print(s.recv(1))`
    const user = ['--reuid', '65534', '--regid', '65534', '--clear-groups', '/usr/bin/python3', '-c', words]
    stranger = (await new Program<AnyMessages>(['setpriv', ...user], {}).ended).stdout
    channel = connect(path)
    const options = { socket, netlink: 'off', log: 'warn' }
    response.end(JSON.stringify({ format: 1, version: '0.0.1', pid: process.pid, options }))
  })
  onTestFinished(() => void daemon.close())
  await new Promise<void>((listens) => daemon.listen(socket, listens))
  const command = [process.execPath, COMMAND, 'daemon', '--replace', '--socket', socket]
  const program = new Program<AnyMessages>(command, { prefix: inside(home) })
  const word = await until('the first word', () => channel?.read() as Buffer | null)
  expect([stranger, word.toString('latin1')]).toEqual(["b''\n", expect.stringContaining('"begin"')])
  channel?.destroy()
  const { code, stderr } = await program.ended
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^uveth: ECONNRESET: the daemon has ended/)])
})

test('a log that nobody reads does not stop the new one', async () => {
  const daemon = await start('--log', 'trace')
  const pid = await replace(daemon)
  const flags = () => /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/1`, 'utf8'))?.[1] ?? ''
  const { process: old } = daemon.program
  await until('the old one to end', () => old.exitCode !== null)
  expect(Number.parseInt(flags(), 8) & constants.O_NONBLOCK).toBe(constants.O_NONBLOCK)
})
