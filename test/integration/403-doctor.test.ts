// `uveth doctor`: every line ok where pairs can be made; where they cannot, the line that says why, with its
// remedy, and exit code 1.

import { readlinkSync } from 'node:fs'
import { describe, expect } from 'vitest'
import { Folder, inside, TestDaemon } from '../support/daemon.js'
import { Netns } from '../support/netns.js'
import { type ProgramOptions, uvethOnce } from '../support/program.js'
import { needs } from '../support/skip.js'
import { VethClient } from '../support/veth-client.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'setpriv', 'unshare', 'sys-ptrace', 'kernel 6.8')

/** What is not ok where all is well: this machine may be a container itself, which does not see all processes. */
const APART = readlinkSync('/proc/self/ns/pid') === 'pid:[4026531836]' ? [] : ['use.containers']

interface Finding {
  check: string
  status: 'ok' | 'warn' | 'fail'
  what: string
  remedy?: string
}

/** Runs it twice, for programs and for people, and answers the lines that are not ok. */
async function doctor(socket: string, options: ProgramOptions = {}) {
  const json = await uvethOnce(['doctor', '-j', '--socket', socket], options)
  const text = await uvethOnce(['doctor', '--socket', socket], options)
  expect([json.stderr, text.stderr]).toEqual(['', ''])
  expect(text.code).toBe(json.code)
  const findings = JSON.parse(json.stdout) as Finding[]
  const lines = text.stdout.trimEnd().split('\n')
  expect(lines).toHaveLength(findings.length)
  for (const line of lines) expect(line).toMatch(/^(ok {4}[^ ]|warn {2}.+ {2}\(.+\)$|fail {2}.+ {2}\(.+\)$)/)
  const wrong = findings.filter(({ status }) => status !== 'ok')
  expect(wrong.filter(({ remedy }) => !remedy)).toEqual([])
  const named = Object.fromEntries(wrong.map((finding) => [finding.check, finding]))
  return { code: json.code, findings, wrong: named }
}

describe('all is well', () => {
  test('without a daemon', async () => {
    using folder = new Folder()
    using home = Netns.create('home')
    const { code, findings, wrong } = await doctor(folder.file('none.sock'), { netns: home.name })
    expect({ code, wrong: Object.keys(wrong) }).toEqual({ code: 0, wrong: APART })
    expect(findings.find(({ check }) => check === 'daemon')?.what).toMatch(/no daemon on/)
    expect(findings.filter(({ check }) => check.startsWith('tunnel.')).map(({ what }) => what)).toEqual([
      "a tunnel's datagrams are cut by the kernel",
      "a tunnel's datagrams are joined by the kernel",
    ])
    expect(home.links()).toHaveLength(1)
  })

  test('with one', async () => {
    await using daemon = await TestDaemon.start('--netlink', 'on')
    const { code, findings, wrong } = await doctor(daemon.socket)
    expect({ code, wrong: Object.keys(wrong) }).toEqual({ code: 0, wrong: APART })
    const whats = findings.map(({ what }) => what)
    expect(whats).toContainEqual(expect.stringMatching(/^the daemon on .* \(pid \d+, pairs: 0\): ok$/))
    expect(whats).toContain('the netlink interface is on')
  })
})

describe('pairs cannot be made: exit code 1', () => {
  test('without capabilities', async () => {
    using folder = new Folder()
    const prefix = ['setpriv', '--bounding-set', '-all', '--inh-caps', '-all']
    const { code, wrong } = await doctor(folder.file('none.sock'), { prefix })
    expect(code).toBe(1)
    expect(wrong['capability.net_admin']).toMatchObject({
      status: 'fail',
      remedy: expect.stringMatching(/--cap-add NET_ADMIN/),
    })
    expect(wrong.tap).toMatchObject({
      status: 'fail',
      what: expect.stringMatching(/EPERM/),
      remedy: expect.stringMatching(/--cap-add NET_ADMIN/),
    })
    expect(wrong['capability.sys_admin']?.status).toBe('warn')
    expect(wrong.all_nsid?.status).toBe('warn')
  })

  test('without /dev/net/tun', async () => {
    using folder = new Folder()
    const hidden = 'mount -t tmpfs none /dev/net && exec "$0" "$@"'
    const prefix = ['unshare', '-m', '--propagation', 'slave', 'sh', '-c', hidden]
    const { code, wrong } = await doctor(folder.file('none.sock'), { prefix })
    expect(code).toBe(1)
    expect(Object.keys(wrong).sort()).toEqual(['tun', 'use.containers', 'use.netns', 'use.pairs'])
    expect(wrong['use.pairs']?.remedy).toMatch(/--device \/dev\/net\/tun/)
    expect(wrong.tun).toMatchObject({
      status: 'fail',
      what: expect.stringMatching(/ENOENT/),
      remedy: expect.stringMatching(/mknod -m 0666 \/dev\/net\/tun c 10 200/),
    })
  })

  test('as an ordinary user, of a device that only root may open', async () => {
    using folder = new Folder()
    const hidden =
      'mount -t tmpfs none /dev/net && mknod -m 600 /dev/net/tun c 10 200 && exec setpriv --reuid 65534 --clear-groups "$0" "$@"'
    const prefix = ['unshare', '-m', '--propagation', 'slave', 'sh', '-c', hidden]
    const { code, wrong } = await doctor(folder.file('none.sock'), { prefix })
    expect(code).toBe(1)
    expect(wrong.tun).toMatchObject({
      status: 'fail',
      what: expect.stringMatching(/EACCES/),
      remedy: expect.stringMatching(/chmod 0666/),
    })
    expect(wrong['use.pairs']?.remedy).toBe('run as root; in a container: --user 0')
    expect(wrong['use.sandbox']).toMatchObject({
      status: 'warn',
      what: expect.stringMatching(/uveth sandbox.*EACCES/),
      remedy: expect.stringMatching(/chmod 0666 .*udev rule/),
    })
  })
})

describe('something is missing, but pairs can be made: exit code 0', () => {
  test("with a container's capabilities: NET_ADMIN alone", async () => {
    using folder = new Folder()
    const prefix = ['setpriv', '--bounding-set', '-all,+net_admin', '--inh-caps', '-all']
    const { code, wrong } = await doctor(folder.file('none.sock'), { prefix })
    expect(code).toBe(0)
    expect(Object.keys(wrong).sort()).toEqual([
      'all_nsid',
      'capability.net_broadcast',
      'capability.net_raw',
      'capability.sys_admin',
      'capability.sys_ptrace',
      'use.containers',
      'use.events',
      'use.netns',
      'use.raw',
      'workshop',
    ])
    expect(wrong.workshop).toMatchObject({
      status: 'warn',
      what: expect.stringMatching(/_uvethN: EPERM/),
      remedy: expect.stringMatching(/--cap-add SYS_ADMIN/),
    })
  })

  test('where no further network namespace may be made', async () => {
    using folder = new Folder()
    const none = 'echo 0 > /proc/sys/user/max_net_namespaces && exec "$0" "$@"'
    const { code, wrong } = await doctor(folder.file('none.sock'), {
      prefix: ['unshare', '-Urn', 'sh', '-c', none],
    })
    expect(code).toBe(0)
    expect(wrong.workshop).toMatchObject({
      status: 'warn',
      what: expect.stringMatching(/_uvethN: ENOSPC/),
      remedy: expect.stringMatching(/user\.max_net_namespaces/),
    })
  })

  test('while another has the netlink port', async () => {
    using folder = new Folder()
    using home = Netns.create('home')
    using _squatter = VethClient.open(home, { own: 0x76657468 })
    const options = { prefix: inside(home) }
    const { code, wrong } = await doctor(folder.file('none.sock'), options)
    expect(code).toBe(0)
    expect(Object.keys(wrong)).toEqual([...APART, 'netlink'])
    expect(wrong.netlink?.status).toBe('warn')
    expect(wrong.netlink?.what).toMatch(/EADDRINUSE/)
  })
})
