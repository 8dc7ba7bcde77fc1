// The daemon that a verb starts where none runs: one for many callers at once, holding nothing of theirs. It
// stands where pid 1 does, or the topmost ancestor that can be looked at, so that no namespace of a caller is
// kept alive by it.

import {
  chmodSync,
  existsSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { describe, expect } from 'vitest'
import { ask, COMMAND, Folder, inside } from '../support/daemon.js'
import { Netns, until } from '../support/netns.js'
import { type AnyMessages, Program, uvethOnce } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')

/** Calls ensureDaemon in a process of its own, as a verb does. */
function caller(prefix: string[], socket: string): Program<AnyMessages> {
  const start = new URL('./daemon/start.js', `file://${COMMAND}`).href
  const script = `const { ensureDaemon } = await import('${start}'); await ensureDaemon('${socket}', { start: true }, () => {})`
  return new Program([process.execPath, '--input-type=module', '-e', script], { prefix })
}

/** The child that is to be the daemon; undefined while there is none. Others look where it may stand. */
function daemonOf(caller: number): number | undefined {
  const children = readFileSync(`/proc/${caller}/task/${caller}/children`, 'utf8').trim().split(' ')
  const words = (pid: string) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    } catch {
      return [] // it has ended
    }
  }
  return children.filter((pid) => pid !== '' && words(pid).includes('daemon')).map(Number)[0]
}

describe('where others may have been at work: no daemon, and no file of root is touched', () => {
  const verb = async (socket: string) =>
    await uvethOnce(['add', 'x0', 'x1'], { env: { UVETH_SOCKET: socket } })

  test.each(['.lock', '.start', '.log'])('a link in the place of control.sock%s', async (suffix) => {
    using folder = new Folder()
    const socket = folder.file('control.sock')
    writeFileSync(folder.file('victim'), 'old\n')
    symlinkSync(folder.file('victim'), `${socket}${suffix}`)
    const { code, stderr } = await verb(socket)
    expect(code).not.toBe(0)
    expect(stderr).toMatch(/^uveth: .*EPERM: .*control\.sock\S+' is a symbolic link/)
    expect(readFileSync(folder.file('victim'), 'utf8')).toBe('old\n')
    expect(existsSync(socket)).toBe(false)
  })

  test.each([0o777, 0o1777])('a folder of mode %o', async (mode) => {
    using folder = new Folder()
    chmodSync(folder.path, mode)
    const { code, stderr } = await verb(folder.file('control.sock'))
    expect(code).not.toBe(0)
    expect(stderr).toMatch(/^uveth: EPERM: others may write to the folder/)
    const foreground = await uvethOnce(['daemon', '--socket', folder.file('control.sock')])
    expect(foreground.stderr).toMatch(/^uveth: EPERM: others may write to the folder/)
  })
})

describe('started by a verb', () => {
  test('once for 20 callers at the same time, in a session of its own, holding nothing of theirs', async () => {
    using home = Netns.create('home')
    using folder = new Folder()
    const socket = folder.file('run/control.sock')
    const callers = Array.from({ length: 20 }, () => caller(inside(home), socket))
    const outcomes = await Promise.all(callers.map((program) => program.end()))
    expect(outcomes.map(({ code }) => code)).toEqual(Array(20).fill(0))
    const told = outcomes.map(({ stderr }) => stderr).filter((text) => text !== '')
    expect(told).toHaveLength(1)
    const pid = Number(/^uveth: started the daemon \(pid (\d+)\)\n$/.exec(told[0] ?? '')?.[1])
    expect((await ask(socket, 'GET', '/v1/health')).json.pid).toBe(pid)
    expect(statSync(folder.file('run')).mode & 0o777).toBe(0o750)
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    expect(Number(stat[3])).toBe(pid) // session
    expect((await uvethOnce(['daemon', '--stop', '--socket', socket])).code).toBe(0)
    expect(readFileSync(`${socket}.log`, 'utf8')).toContain('"msg":"listening"')
  })

  test('slowly: it is waited for as long as it lives, and the caller is told so', async () => {
    using home = Netns.create('home')
    using folder = new Folder()
    const socket = folder.file('control.sock')
    await using slow = caller(inside(home), socket)
    const pid = await until('the daemon', () => daemonOf(slow.pid))
    process.kill(pid, 'SIGSTOP')
    await until('a word', () =>
      slow.stderr.includes(`uveth: still waiting for the daemon (pid ${pid}) to listen`),
    )
    process.kill(pid, 'SIGCONT')
    expect((await slow.end()).code).toBe(0)
    expect((await uvethOnce(['daemon', '--stop', '--socket', socket])).code).toBe(0)
  })

  test('in the namespaces of pid 1, wherever the caller stands', async () => {
    using home = Netns.create('home')
    using blue = Netns.create('blue')
    using folder = new Folder()
    const socket = folder.file('control.sock')
    const start = new URL('./daemon/start.js', `file://${COMMAND}`).href
    const node = `"${process.execPath}" --input-type=module -e "const { ensureDaemon } = await import('${start}'); await ensureDaemon('${socket}', { start: true }, () => {})"`
    const script = `ip netns exec ${blue.name} ${node} && readlink /proc/$(cat ${socket}.lock)/ns/net`
    // A pid namespace, whose pid 1 is the shell; the daemon ends with it.
    const command = [
      'unshare',
      '--pid',
      '--fork',
      '--mount-proc',
      ...inside(home),
      'sh',
      '-c',
      `${script}; exit $?`,
    ]
    await using program = new Program(command, {})
    expect(await program.end()).toMatchObject({ code: 0, stdout: `net:[${home.inode}]\n` })
  })

  const unshared = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'unshare')

  unshared.each([
    ['ip netns exec', (netns: Netns) => ['ip', 'netns', 'exec', netns.name]],
    ['unshare -n', () => ['unshare', '-n']],
  ] as const)('%s: the pair ends with that namespace, and the daemon can idle out', async (_, prefixOf) => {
    using blue = Netns.create('blue')
    using green = Netns.create('green')
    using folder = new Folder()
    const socket = folder.file('control.sock')
    const words = ['link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1', 'netns', green.name]
    const script = '"$@" && readlink /proc/self/ns/net /proc/self/ns/mnt; ip -o link show v0'
    const prefix = [...prefixOf(blue), 'sh', '-c', script, 'sh']
    const health = async () => (await ask(socket, 'GET', '/v1/health')).json
    try {
      const { code, stdout } = await uvethOnce(words, { prefix, env: { UVETH_SOCKET: socket } })
      const [net, mounts, v0] = stdout.split('\n')
      expect(code).toBe(0)
      expect(v0).toMatch(/: v0[:@]/)
      const pid = Number(readFileSync(`${socket}.lock`, 'utf8'))
      expect(readlinkSync(`/proc/${pid}/ns/net`)).not.toBe(net)
      // An unshared mount namespace keeps whatever is mounted under /run/netns.
      if (mounts !== readlinkSync('/proc/self/ns/mnt'))
        expect(readlinkSync(`/proc/${pid}/ns/mnt`)).not.toBe(mounts)
      blue.delete()
      await until('the end of the pair', () => !green.has('v1'))
      await until('nothing to stay for', async () => (await health()).pairs === 0)
      expect((await health()).pid).toBe(pid)
      expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')).toContain('--idle-exit')
      expect(readlinkSync(`/proc/${pid}/cwd`)).toBe('/')
    } finally {
      await uvethOnce(['daemon', '--stop', '--socket', socket])
    }
  })

  unshared(
    'with mounts of the caller’s that hide the socket from the others: those stay its own',
    async () => {
      using folder = new Folder()
      const socket = folder.file('control.sock')
      const script = `mount -t tmpfs -o mode=750 none ${folder.path} && "$@" || exit 1
      pid=$(cat ${socket}.lock)
      [ "$(readlink /proc/$pid/ns/mnt)" = "$(readlink /proc/self/ns/mnt)" ] && echo our mounts
      [ "$(readlink /proc/$pid/ns/net)" = "$(readlink /proc/self/ns/net)" ] || echo another network
      "${process.execPath}" ${COMMAND} daemon --stop`
      const prefix = ['unshare', '-m', '-n', 'sh', '-c', script, 'sh']
      expect(await uvethOnce(['add', 'v0', 'v1'], { prefix, env: { UVETH_SOCKET: socket } })).toMatchObject({
        code: 0,
        stdout: 'our mounts\nanother network\n',
      })
    },
  )

  unshared('beside the caller, where there is no nsenter', async () => {
    using blue = Netns.create('blue')
    using folder = new Folder()
    const socket = folder.file('control.sock')
    const options = { netns: blue.name, prefix: ['env', 'PATH=/'], env: { UVETH_SOCKET: socket } }
    try {
      expect(await uvethOnce(['add', 'v0', 'v1'], options)).toMatchObject({ code: 0 })
      expect(blue.has('v1')).toBe(true)
      const pid = readFileSync(`${socket}.lock`, 'utf8').trim()
      expect(readlinkSync(`/proc/${pid}/ns/net`)).toBe(`net:[${blue.inode}]`)
    } finally {
      await uvethOnce(['daemon', '--stop', '--socket', socket])
    }
  })

  needs(
    'root',
    'tun',
    'netns',
    'ip',
    'nsenter',
    'unshare',
    'setpriv',
    'sys-ptrace',
  )('nowhere, when those may not be entered: the command to run is told', async () => {
    using home = Netns.create('home')
    using blue = Netns.create('blue')
    using folder = new Folder()
    const start = new URL('./daemon/start.js', `file://${COMMAND}`).href
    const node = `"${process.execPath}" --input-type=module -e "const { ensureDaemon } = await import('${start}'); await ensureDaemon('${folder.file('s')}', { start: true }, () => {})"`
    const script = `${inside(blue).join(' ')} setpriv --bounding-set=-sys_admin ${node}; exit $?`
    const command = ['unshare', '--pid', '--fork', '--mount-proc', ...inside(home), 'sh', '-c', script]
    await using program = new Program(command, {})
    const { code, stderr } = await program.end()
    expect(code).toBe(1)
    expect(stderr).toMatch(/EPERM: .*run, where it may: nsenter -t 1 -n \S+ \S+ daemon --socket \S+\/s'?$/m)
  })

  test('by nobody without the right to: the file at fault is told', async () => {
    using folder = new Folder()
    const socket = folder.file('deep/control.sock')
    const words = ['daemon', '--socket', socket]
    const outcome = await uvethOnce(words, { prefix: ['setpriv', '--reuid=65534', '--clear-groups'] })
    expect(outcome).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /^uveth: EACCES: .*deep' \(run as root or in a sandbox \(uveth sandbox\), or name a socket .*\)\n$/,
      ),
    })
  })

  test('not with a file in its way: the reason is told', async () => {
    using home = Netns.create('home')
    using folder = new Folder()
    writeFileSync(folder.file('text'), '')
    await using program = caller(inside(home), folder.file('text'))
    const { code, stderr } = await program.end()
    expect(code).toBe(1)
    expect(stderr).toMatch(/did not start: it ended with 1 .*is no socket/)
  })
})
