// `uveth shell`, how it leads out: as root by forwarding, with nftables or iptables; as an ordinary user by pasta and by
// slirp4netns. Names, the loopback outside, a shell in a shell; that status and signals are the command's, that two
// shells do not meet, and that nothing stays.

import { mkdtempSync, statSync, symlinkSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { COMMAND } from '../support/daemon.js'
import { run, until } from '../support/netns.js'
import { answerOf, CONNECT, connecting, LOCAL_SERVER, Outside, SERVER, WAYS } from '../support/outside.js'
import { processesWith } from '../support/processes.js'
import { needs } from '../support/skip.js'

const COMMON = ['root', 'tun', 'netns', 'ip', 'unshare', 'setpriv', 'sysctl', 'nft'] as const
const withIptables = needs(...COMMON, 'iptables', 'ping')
const AGAIN = [process.execPath, COMMAND, 'shell']

let outside: Outside
beforeAll(async () => {
  outside = await Outside.make()
})
afterAll(() => outside[Symbol.asyncDispose]())

describe.each(['forward', 'pasta', 'slirp4netns'] as const)('by %s', (way) => {
  const test = way === 'forward' ? needs(...COMMON) : needs(...COMMON, way)
  const as = { as: WAYS[way] }
  const via = ['--via', way]
  const uid = way === 'forward' ? 0 : 65534

  test.each([SERVER, LOCAL_SERVER])('names by a server at %s; user and delay are right', async (server) => {
    const end = await outside.shell([...via, 'delay', '20ms', '--', ...connecting('any.example')], {
      ...as,
      server,
    })
    const answer = answerOf(end)
    expect(answer).toMatchObject({ answer: 'yes', address: SERVER, uid })
    expect(answer.ms).toBeGreaterThanOrEqual(40)
    expect(answer.resolv).toMatch(/^nameserver \S+\nsearch test$/m)
  })

  test('the loopback outside: where it is asked for', async () => {
    const asked = answerOf(
      await outside.shell(
        [
          ...via,
          '--host-loopback',
          '--',
          'sh',
          '-c',
          `'${process.execPath}' -e "$0" $UVETH_HOST 8000`,
          CONNECT,
        ],
        {
          ...as,
          server: LOCAL_SERVER,
        },
      ),
    )
    expect(asked).toMatchObject({ answer: 'yes' })
    expect(asked.host).toMatch(/^[\d.]+$/)
    const without = answerOf(
      await outside.shell([...via, '--', ...connecting(asked.host as string, 8000, 2_000)], as),
    )
    expect(without).toMatchObject({ answer: expect.stringMatching(/^E/) })
    expect(without.host).toBeUndefined()
  })

  test('a shell in a shell: both delays', async () => {
    const words = [
      ...via,
      'delay',
      '20ms',
      '--quiet',
      '--',
      ...AGAIN,
      ...via,
      'delay',
      '30ms',
      '--quiet',
      '--',
    ]
    const answer = answerOf(
      await outside.shell([...words, ...connecting('any.example')], { ...as, server: LOCAL_SERVER }),
    )
    expect(answer).toMatchObject({ answer: 'yes', uid })
    expect(answer.ms).toBeGreaterThanOrEqual(100)
  })

  test('status and signals are the command’s', async () => {
    expect(await outside.shell([...via, '--', 'sh', '-c', 'exit 77'], as)).toMatchObject({
      code: 77,
      signal: null,
    })
    await using program = outside.start([...via, '--', 'sh', '-c', 'echo ready; exec sleep 600'], as)
    await program.line(/ready/)
    expect(await program.stop('SIGTERM')).toMatchObject({
      code: null,
      signal: 'SIGTERM',
      stderr: expect.stringContaining('outside'),
    })
  })

  test('kill -9: nothing stays', async () => {
    const word = `${process.pid}${way.length}3.5`
    await using program = outside.start(
      [...via, '--', 'sh', '-c', `setsid sleep ${word} & echo ready; wait`],
      as,
    )
    await program.line(/ready/)
    expect(outside.forwards).toBe(way === 'forward')
    expect(processesWith(word).length).toBeGreaterThan(1)
    const [main = ''] = processesWith(word).filter((pid) => program.pid === Number(pid))
    process.kill(Number(main), 'SIGKILL')
    await until('all to end', () => processesWith(word).length === 0)
    await until('forwarding to end', () => !outside.forwards)
    expect(outside.machine.exec('nft', 'list', 'tables')).not.toContain('uveth')
    await until('the gate to go', () => outside.machine.names().join() === 'lo,up0')
  })
})

describe('the machine that forwards', () => {
  const settings = () => outside.machine.exec('iptables', '-S', 'FORWARD')

  withIptables(
    'two shells at once; a firewall that drops what is forwarded; all goes back with the last',
    async () => {
      outside.machine.exec('iptables', '-P', 'FORWARD', 'DROP')
      const before = settings()
      const words = ['--', 'sh', '-c', `ping -c1 ${SERVER} && echo ready && exec sleep 600`]
      await using first = outside.start(words)
      await using second = outside.start(words)
      await Promise.all([first.line(/ready/), second.line(/ready/)])
      expect(outside.machine.names().sort()).toEqual(['lo', 'up0', 'uvsh0', 'uvsh1'])
      await first.stop()
      expect(outside.forwards).toBe(true)
      await second.stop()
      expect(outside.forwards).toBe(false)
      expect(settings()).toBe(before)
      outside.machine.exec('iptables', '-P', 'FORWARD', 'ACCEPT')
    },
  )

  needs(...COMMON)('nobody else can have a shell wait for rules', async () => {
    const lock = 'exec 9</proc/self/ns/net && flock 9 && echo locked && exec sleep 600'
    const nobody = ['--reuid', '65534', '--regid', '65534', '--clear-groups']
    const other = outside.machine.spawn('setpriv', [...nobody, 'sh', '-c', lock])
    let said = ''
    other.stdout?.on('data', (text) => {
      said += text
    })
    await until('it to be locked', () => said.includes('locked'))
    expect(await outside.shell(['--via', 'forward', '--', 'true'])).toMatchObject({ code: 0 })
    expect(other.exitCode).toBeNull()
    other.kill()
    expect(statSync('/run/uveth-shell.lock')).toMatchObject({ uid: 0, mode: 0o100600 })
    expect(outside.forwards).toBe(false)
  })

  needs(...COMMON)('a shell that cannot be started takes away what was set up for it', async () => {
    const programs = ['sh', 'ip', 'cat', 'flock', 'grep', 'head', 'env']
    const bin = mkdtempSync(`${outside.folder}/few-`)
    for (const program of programs)
      symlinkSync(run('sh', '-c', `command -v ${program}`).trim(), `${bin}/${program}`)
    const { code, stderr } = await outside.shell(['--via', 'forward', '--', process.execPath], {
      as: ['env', `PATH=${bin}`],
    })
    expect({ code, stderr }).toEqual({ code: 2, stderr: "uveth: ENOENT: 'unshare' could not be started\n" })
    expect(outside.forwards).toBe(false)
    expect(outside.machine.exec('nft', 'list', 'tables')).not.toContain('uveth')
  })

  withIptables('without nft it is iptables', async () => {
    const env = outside.with({ nft: 'exit 1' })
    const words = [
      '--host-loopback',
      '--',
      'sh',
      '-c',
      `'${process.execPath}' -e "$0" $UVETH_HOST 8000`,
      CONNECT,
    ]
    expect(answerOf(await outside.shell(words, { env }))).toMatchObject({ answer: 'yes' })
    const far = await outside.shell(['--', ...connecting('any.example')], { env, server: LOCAL_SERVER })
    expect(answerOf(far)).toMatchObject({ answer: 'yes' })
    expect(outside.machine.exec('iptables', '-t', 'nat', '-S')).not.toContain('uveth')
    expect(outside.forwards).toBe(false)
  })
})
