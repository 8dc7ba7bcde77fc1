// `uveth sandbox`: a command of an ordinary user is root of namespaces of its own. What is refused, and with which
// words; what is in there; that status, signals and terminal are the command's; that nothing stays when it ends,
// however that happens.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterAll, describe, expect } from 'vitest'
import { COMMAND } from '../support/daemon.js'
import { run, until } from '../support/netns.js'
import { ordinary } from '../support/ordinary.js'
import { childrenOf, processesWith } from '../support/processes.js'
import { type Outcome, type Program, uveth } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'unshare', 'setpriv')
const withScript = needs('root', 'tun', 'netns', 'ip', 'unshare', 'setpriv', 'script')

const folder = mkdtempSync(`${tmpdir()}/uveth-916-`)
chmodSync(folder, 0o777)
afterAll(() => rmSync(folder, { recursive: true }))

/** As an ordinary user of a machine with the usual device. */
function sandbox(words: string[], prefix = ordinary()): Program {
  return uveth(['sandbox', ...words], { prefix, env: { HOME: folder } })
}

async function outcome(words: string[], prefix?: string[]): Promise<Outcome> {
  await using program = sandbox(words, prefix)
  return await program.end()
}

describe('refused, in one sentence and before anything is made', () => {
  test.each([
    [[], 1, /^uveth: give a command: uveth sandbox npm test\n$/],
    [['--'], 1, /^uveth: give a command/],
    [['--nosuch', 'true'], 1, /^uveth: option "--nosuch" is unknown: try uveth sandbox --help\n$/],
    [['no-such-program'], 127, /^uveth: there is no program 'no-such-program'\n$/],
  ])('%j', async (words, code, sentence) => {
    expect(await outcome(words)).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(sentence) })
  })

  const RULE = 'chmod 0666 /dev/net/tun; to keep it, a udev rule: KERNEL=="tun", MODE="0666"'
  test.each([
    ['a device for root only', ordinary(0o600), `EACCES (as root: ${RULE})`],
    ['a device for a group', ordinary(0o660, 1), `EACCES (join its group, daemon, or as root: ${RULE})`],
    ['no device', ordinary('none'), 'ENOENT (as root: modprobe tun; mkdir -p /dev/net && mknod -m 0666'],
  ])('%s', async (_, prefix, words) => {
    const { code, stdout, stderr } = await outcome(['true'], prefix)
    expect({ code, stdout }).toEqual({ code: 125, stdout: '' })
    expect(stderr).toContain(`uveth: no sandbox can be made: /dev/net/tun cannot be opened: ${words}`)
    expect(stderr).not.toContain('--cap-add')
  })

  test('a machine whose users may make no namespaces: the setting is named', async () => {
    // It counts for each user namespace by itself: the machine's stays as it is.
    const set = 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$0" "$@"'
    const { code, stderr } = await outcome(['true'], ['unshare', '-U', '-r', 'sh', '-c', set])
    expect(code).toBe(125)
    expect(stderr).toBe(
      'uveth: no sandbox can be made: user.max_user_namespaces is 0: users may make no namespaces (as root: sysctl -w user.max_user_namespaces=10000)\n',
    )
  })

  test('an unshare that is too old, and none', async () => {
    const bin = mkdtempSync(`${folder}/bin-`)
    chmodSync(bin, 0o755)
    const old = '#!/bin/sh\necho "unshare: unrecognized option \'--mount-proc\'" >&2\nexit 1\n'
    writeFileSync(`${bin}/unshare`, old, { mode: 0o755 })
    const path = (value: string) => [...ordinary(), 'env', `PATH=${value}`]
    expect(await outcome(['true'], path(`${bin}:${process.env.PATH}`))).toMatchObject({
      code: 125,
      stderr: expect.stringMatching(
        /'unshare' is too old: .*--mount-proc' \(install util-linux 2.28 or newer\)/,
      ),
    })
    expect(await outcome(['/bin/true'], path(bin.replace('bin-', 'none-')))).toMatchObject({
      code: 125,
      stderr: expect.stringMatching(/there is no 'unshare' on the PATH \(install util-linux\)/),
    })
  })
})

describe('in it', () => {
  test('root, a network with loopback alone that is up, a /run and a /sys of its own', async () => {
    const script =
      'id -u; echo $UVETH_SANDBOX; ls /sys/class/net; ip -br link; ls /run/netns; ping -c1 127.0.0.1'
    const { code, stdout } = await outcome(['--', 'sh', '-c', script])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^0\n1\nlo\nlo +UNKNOWN .*\nPING[\s\S]* 0% packet loss/)
  })

  test('pairs that stay, namespaces by name, the daemon and captures work, and nothing of it is seen outside', async () => {
    const [left, right] = [`uvt-${process.pid}-left`, `uvt-${process.pid}-right`]
    const script = `
      uveth() { '${process.execPath}' '${COMMAND}' "$@"; }
      set -e
      ip netns add ${left}; ip netns add ${right}
      uveth link add eth0 netns ${left} up type veth peer name eth0 netns ${right} up
      ip -n ${left} addr add 10.9.8.1/24 dev eth0; ip -n ${right} addr add 10.9.8.2/24 dev eth0
      '${process.execPath}' '${COMMAND}' capture eth0@${left} -w '${folder}/sandbox.pcapng' & capture=$!
      until test -s '${folder}/sandbox.pcapng'; do sleep 0.1; done
      ip netns exec ${left} ping -c 3 -i 0.2 10.9.8.2
      kill -INT $capture; wait $capture
      uveth link show | grep -c eth0
      uveth doctor`
    const { code, stdout, stderr } = await outcome(['bash', '-c', script])
    expect({ code, stderr }, stdout).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/started the daemon/),
    })
    expect(stdout).toContain('3 received')
    expect(stdout).toMatch(/^ok +possible: making and moving pairs$/m)
    expect(readFileSync(`${folder}/sandbox.pcapng`).length).toBeGreaterThan(300)
    expect(run('ip', 'netns')).not.toContain(left)
    expect(processesWith(`${folder}/sandbox.pcapng`)).toEqual([])
  })

  test('files are the user’s, and its working folder and environment are the caller’s', async () => {
    const script = `cd ${folder} && touch mine && stat -c %u mine && echo $WORD`
    await using program = uveth(['sandbox', 'sh', '-c', script], {
      prefix: ordinary(),
      env: { WORD: 'word' },
    })
    expect((await program.end()).stdout).toBe('0\nword\n')
    expect(run('stat', '-c', '%u', `${folder}/mine`)).toBe('65534\n')
  })
})

describe('status and signals are the command’s', () => {
  test.each([0, 1, 77, 255])('exit code %d', async (code) => {
    expect(await outcome(['sh', '-c', `exit ${code}`])).toMatchObject({ code, signal: null, stderr: '' })
  })

  test('a command that a signal ends: 128 and its number', async () => {
    expect(await outcome(['sh', '-c', 'kill -SEGV $$'])).toMatchObject({
      code: 139,
      signal: null,
      stderr: '',
    })
  })

  test.each(['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGINT', 'SIGQUIT'] as const)(
    '%s is passed on',
    async (signal) => {
      const name = signal.slice('SIG'.length)
      await using program = sandbox([
        'sh',
        '-c',
        `trap 'echo got; exit 4' ${name}; echo ready; while :; do sleep 0.1; done`,
      ])
      await program.line(/ready/)
      expect(await program.stop(signal)).toMatchObject({ code: 4, stdout: 'ready\ngot\n', stderr: '' })
    },
  )

  test('a command that ends by a signal which was passed on: so does uveth', async () => {
    await using program = sandbox(['sh', '-c', 'echo ready; exec sleep 600'])
    await program.line(/ready/)
    expect(await program.stop('SIGTERM')).toMatchObject({ code: null, signal: 'SIGTERM', stderr: '' })
  })
})

describe('the terminal is the command’s', () => {
  /** A terminal with `command`, and somebody who types when the screen shows what he waits for. */
  async function typing(command: string, keys: [after: RegExp, key: string][]): Promise<string> {
    const [file = '', ...args] = [...ordinary(), 'script', '-qec', command, '/dev/null']
    // A shell that gets ^C with all around it, and goes on with the status of what it started: others end with it.
    const env = { ...process.env, TERM: 'dumb', HOME: folder, SHELL: '/bin/bash' }
    const terminal = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'], env })
    let screen = ''
    terminal.stdout.setEncoding('utf8').on('data', (text: string) => {
      screen += text.replaceAll('\r', '')
    })
    const ended = once(terminal, 'close')
    for (const [after, key] of keys) {
      await until(`${after} on the screen: ${screen}`, () => after.test(screen))
      terminal.stdin.write(key)
    }
    await ended
    return screen
  }
  const PROMPT = /bash-\S+[#$] /
  const words = `'${process.execPath}' '${COMMAND}' sandbox`

  withScript('it is one, and ^C reaches the command once', async () => {
    const inner =
      'trap "echo got; n=1\\$n" INT; test -t 0 && test -t 1 && echo ready; until [ "$n" ]; do sleep 0.1; done; sleep 0.3; exit $n'
    const said = await typing(`${words} sh -c '${inner}'; echo status $?`, [[/ready/, '\u0003']])
    expect(said).toMatch(/^ready\n(?:\^C)?got\nstatus 1\n$/)
  })

  withScript('^Z stops it with all around it, and fg brings it back', async () => {
    const inner = `${words} sh -c 'echo ready; sleep 1; echo done'`
    const said = await typing('bash --norc -i', [
      [PROMPT, `${inner}; echo\n`],
      [/\nready\n/, '\u001a'],
      [/Stopped/, 'fg >/dev/null; echo status $?; exit\n'],
    ])
    expect(said).toMatch(/Stopped[\s\S]*\ndone\n[\s\S]*status 0\n/)
  })

  withScript('a shell in it has jobs of its own', async () => {
    const said = await typing(`${words} bash --norc -i`, [
      [PROMPT, 'sleep 600\n'],
      [/sleep 600\n/, '\u001a'],
      [/Stopped/, 'jobs -p | grep -c . ; fg\n'],
      [/\n1\nsleep 600\n/, '\u0003'],
      [/\^C\n/, 'echo status $?; exit\n'],
    ])
    expect(said).not.toContain('job control')
    expect(said).toMatch(/\nstatus 130\n/)
  })
})

describe('nothing stays', () => {
  const script = (word: string) => `setsid sleep ${word} & sleep ${word} & echo ready; wait`

  test('what the command has left running ends with it', async () => {
    const word = `${process.pid}1.5`
    await outcome(['sh', '-c', `setsid sleep ${word} & exit 0`])
    expect(processesWith(word)).toEqual([])
  })

  test.each(['uveth', 'unshare', 'the shell in it', 'the command'])('after kill -9 of %s', async (whom) => {
    const word = `${process.pid}2.5`
    await using program = sandbox(['sh', '-c', script(word)])
    await program.line(/ready/)
    const [child = ''] = childrenOf(program.pid)
    const [init = ''] = childrenOf(child)
    const [, command = ''] = childrenOf(init)
    const victims = { uveth: program.pid, unshare: child, 'the shell in it': init, 'the command': command }
    expect(processesWith(word).length).toBeGreaterThanOrEqual(3)
    process.kill(Number(victims[whom as keyof typeof victims]), 'SIGKILL')
    await program.end()
    await until('all to end', () => processesWith(word).length === 0)
  })
})
