// What is refused has the exit code that `ip` of this machine has for the same words, about the same interface: with
// `uveth link`, and through the shim. What differs on purpose stands at the end.

import { beforeAll, describe, expect } from 'vitest'
import { commandOf } from '../support/cli.js'
import { inside, TestDaemon } from '../support/daemon.js'
import { shell, shimOf } from '../support/shim.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')

const CASES: [number, string][] = [
  // A word is missing.
  [255, 'link add type'],
  [255, 'link add name'],
  [255, 'link add dev'],
  [255, 'link del'],
  [255, 'link set'],
  [255, 'link set dev'],
  [255, 'link set veth0 mtu'],
  [255, 'link set veth0 up name'],
  [255, 'link show dev'],
  [255, 'link show veth0 type'],
  [255, '-n'],
  [1, 'link add'],
  // A word is unknown, or too many.
  [255, '-foo link'],
  [255, '-color=green link'],
  [255, 'link fly'],
  [255, 'link set veth0 foo'],
  [255, 'link set veth0 mtu 1500 foo'],
  [255, 'link set veth0 mtu 1400 mtu 1500'],
  [255, 'link show veth0 veth1'],
  [255, 'link del veth0 foo'],
  [255, 'link add v2 v3 type veth'],
  [255, 'link add v2 name v3 type veth'],
  [255, 'link add v2 type veth peer v3 v4'],
  [255, 'monitor foo'],
  [1, 'link add v2 type veth foo'],
  [1, 'fly'],
  [2, 'link add v2 type nothing'],
  // A value that cannot be read.
  [255, 'link set veth0 mtu foo'],
  [255, 'link set veth0 txqueuelen foo'],
  [255, 'link set veth0 txqueuelen 5000000000'],
  [255, 'link set veth0 name a/b'],
  [255, 'link set veth0 netns nowhere'],
  [255, 'link add v2 mtu foo type veth'],
  [255, 'link add v2 index foo type veth'],
  [255, 'link add v2 numtxqueues foo type veth'],
  [255, 'link add v2 netns nowhere type veth'],
  [255, '-n nowhere link show'],
  [255, '-n nowhere link add v2 type veth'],
  [1, 'link set veth0 address zz'],
  [1, 'link add v2 address zz type veth'],
  // One that can, and is refused.
  [2, 'link set veth0 netns 99999999'],
  [2, 'link add v2 netns 99999999 type veth'],
  [2, 'link set veth0 mtu 5'],
  [2, 'link set veth0 mtu 70000'],
  [2, 'link set veth0 address 00:00:00:00:00:00'],
  [2, 'link set veth0 name veth1'],
  [2, 'link add veth0 type veth'],
  [2, 'link add v2 address 01:00:00:00:00:01 type veth'],
  // What is not there.
  [1, 'link set veth9 up'],
  [1, 'link del veth9'],
  [1, 'link show veth9'],
]

describe('exit codes', () => {
  let daemon: TestDaemon
  /** Of ip and of the shim, line by line. */
  let theirs: string[]
  let shims: string[]
  beforeAll(async () => {
    daemon = await TestDaemon.start()
    await commandOf(daemon)('add', 'veth0', 'veth1')
    const script = CASES.map(([, line]) => `ip ${line} >&2; echo $?\n`).join('')
    theirs = (await shell({ prefix: inside(daemon.home) })(script)).stdout.split('\n')
    shims = (await shimOf(daemon)(script)).stdout.split('\n')
    return async () => await daemon[Symbol.asyncDispose]()
  })

  test.each(CASES.map(([code, line], at) => [code, line, at] as const))('%i: %s', async (code, line, at) => {
    const { code: ours, stdout, stderr } = await commandOf(daemon)(...line.split(' '))
    expect([Number(theirs[at]), Number(shims[at]), ours]).toEqual([code, code, code])
    expect(stdout).toBe('')
    expect(stderr).toMatch(/^uveth: [^\n]+\n$/)
    const names = daemon.home.links().map(({ ifname }) => ifname)
    expect(names.sort()).toEqual(['lo', 'veth0', 'veth1'])
  })

  test('nothing at all: the help, as a failure', async () => {
    const { code, stdout, stderr } = await commandOf(daemon)()
    expect({ code, stdout }).toEqual({ code: 255, stdout: '' })
    expect(stderr).toMatch(/^Usage: uveth /m)
  })

  test.each([
    ['link set veth0', 0, /nothing to set/],
    ['link set veth0 up type veth', 0, /"link set" takes no type/],
    ['link set veth0 carrier maybe', 22, /carrier must be one of on, off, auto/],
  ] as const)('%s: otherwise than ip, which says %i', async (line, theirs, sentence) => {
    const { code, stderr } = await commandOf(daemon)(...line.split(' '))
    const real = await shell({ prefix: inside(daemon.home) })(`ip ${line}`)
    expect([real.code, code]).toEqual([theirs, 255])
    expect(stderr).toMatch(sentence)
  })
})
