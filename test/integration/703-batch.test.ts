// `uveth -batch FILE`: many orders in one process, one after the other, as `ip -batch` takes them. The format
// of the lines is a unit test's business.

import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { expect } from 'vitest'
import { commandOf, well } from '../support/cli.js'
import { COMMAND, TestDaemon } from '../support/daemon.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')

const MIXED = `# two pairs, and what does not work
link add a0 type veth peer name a1

link add a0 \\
  type veth
fly
link set a0 mtu
link add 'b0
link add b0 type veth peer "b1"  # the last one
link show b0 -br
`

function names(daemon: TestDaemon): string[] {
  return daemon.home.links().map(({ ifname }) => ifname)
}

test('a file that is not there is refused', async () => {
  await using daemon = await TestDaemon.start()
  const { code, stdout, stderr } = await commandOf(daemon)('-batch', '/nowhere')
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(/^uveth: cannot open file "\/nowhere" for reading: ENOENT[^\n]*\n$/)
})

test('the first failure ends it, and says where', async () => {
  await using daemon = await TestDaemon.start()
  const file = daemon.folder.file('orders')
  writeFileSync(file, MIXED)
  const { code, stdout, stderr } = await commandOf(daemon)('-batch', file)
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(new RegExp(`^uveth: EEXIST: [^\\n]*\\nCommand failed ${file}:5\\n$`))
  expect(names(daemon)).toEqual(['lo', 'a0', 'a1'])
})

test('-force goes on after a failure, and does not forget it', async () => {
  await using daemon = await TestDaemon.start()
  const file = daemon.folder.file('orders')
  writeFileSync(file, MIXED)
  const { code, stdout, stderr } = await commandOf(daemon)('-force', '-batch', file)
  expect(code).toBe(1)
  expect(stdout).toMatch(/^b0@b1 +DOWN [^\n]*\n$/)
  expect(stderr.split('\n').filter((line) => line.startsWith('Command failed'))).toEqual(
    [5, 6, 7, 8].map((line) => `Command failed ${file}:${line}`),
  )
  expect(stderr).toMatch(/"fly" is no order for a batch/)
  expect(stderr).toMatch(/mtu is not complete: it takes a value/)
  expect(stderr).toMatch(/unterminated quoted string/)
  expect(names(daemon)).toEqual(['lo', 'a0', 'a1', 'b0', 'b1'])
})

test('options in front hold for every line', async () => {
  await using daemon = await TestDaemon.start()
  const file = daemon.folder.file('orders')
  writeFileSync(file, 'add a0 a1\nlink show a0\nlink show a1\nstats a0\n')
  const { code, stdout, stderr } = await commandOf(daemon)('-j', '-b', file)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const lines = stdout.trim().split('\n')
  expect(lines.map((line) => JSON.parse(line).length)).toEqual([2, 1, 1, 1])
})

/** A batch that reads what the test writes. */
function interactive(daemon: TestDaemon) {
  const child = spawn(process.execPath, [COMMAND, '-n', daemon.home.name, '-batch', '-'], {
    env: { ...process.env, UVETH_SOCKET: daemon.socket },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const stderr = text(child.stderr)
  const answer = () =>
    new Promise<string>((resolve) => child.stdout.once('data', (part) => resolve(String(part))))
  return { child, ended, stderr, answer, [Symbol.dispose]: () => void child.kill('SIGKILL') }
}

test('- reads stdin, each line as it comes', async () => {
  await using daemon = await TestDaemon.start()
  using batch = interactive(daemon)
  const { child, ended, stderr, answer } = batch
  child.stdin.write('link add a0 type veth peer name a1\nlink show a0 -br\n')
  // The answer comes while the next order has not been written.
  expect(await answer()).toMatch(/^a0@a1 /)
  child.stdin.end('link del a0\nlink del a0\n')
  expect(await ended).toBe(1)
  expect(await stderr).toMatch(/^uveth: ENODEV: no interface 'a0' in net:[^\n]*\nCommand failed -:4\n$/)
  expect(names(daemon)).toEqual(['lo'])
})

test('goes on with the next daemon where the first has ended', async () => {
  await using daemon = await TestDaemon.start()
  using batch = interactive(daemon)
  const { child, ended, stderr, answer } = batch
  child.stdin.write('add a0 a1\nlink show a0 -br\n')
  expect(await answer()).toMatch(/^a0@a1 /)
  await daemon.stop()
  await daemon.restart()
  child.stdin.end('add b0 b1\nlink show b0 -br\n')
  expect([await ended, await stderr]).toEqual([0, ''])
  expect(names(daemon)).toEqual(['lo', 'b0', 'b1'])
})

test('100 pairs', async () => {
  await using daemon = await TestDaemon.start()
  const uveth = commandOf(daemon)
  const adds = daemon.folder.file('adds')
  const each = Array.from({ length: 100 }, (_, index) => index)
  writeFileSync(adds, each.map((index) => `link add l${index} type veth peer name r${index}\n`).join(''))
  const begun = performance.now()
  expect(await uveth('-batch', adds)).toMatchObject(well) // no progress bar: stderr is no terminal
  // Less than a second on an idle machine; a process for each would take ten.
  expect(performance.now() - begun).toBeLessThan(8_000)
  expect((await uveth('-br', 'link')).stdout.trim().split('\n')).toHaveLength(200)
})
