// Judgements of what /proc says.

import { describe, expect, test } from 'vitest'
import { judgeCapabilities, judgeKernel, judgeSandbox, judgeUses } from '../../../src/doctor/finding.js'

const statuses = (findings: { check: string; status: string }[]) =>
  Object.fromEntries(findings.map(({ check, status }) => [check, status]))

test.each([
  ['5.9.16', 'fail', 'warn', 'warn'],
  ['5.10.0-30-amd64', 'ok', 'warn', 'warn'],
  ['6.1.0-50-amd64', 'ok', 'warn', 'warn'],
  ['6.7.12', 'ok', 'warn', 'ok'],
  ['6.8', 'ok', 'ok', 'ok'],
  ['6.18.44-fc-v669', 'ok', 'ok', 'ok'],
  ['10.0', 'ok', 'ok', 'ok'],
])('Linux %s: %s, carrier %s, counts and renames %s', (release, kernel, nudge, of6_2) => {
  expect(statuses(judgeKernel(release))).toEqual({
    kernel,
    'kernel.nudge': nudge,
    'kernel.counts': of6_2,
    'kernel.rename': of6_2,
  })
})

describe('capabilities', () => {
  const judged = (mask: string) =>
    judgeCapabilities(`CapPrm:\t000001ffffffffff\nCapEff:\t${mask}\nCapBnd:\t0\n`)

  test('all', () => {
    expect(judged('000001ffffffffff').every(({ status, remedy }) => status === 'ok' && !remedy)).toBe(true)
  })

  test('none: without NET_ADMIN nothing works, and every line has its remedy', () => {
    expect(statuses(judged('0000000000000000'))).toEqual({
      'capability.net_admin': 'fail',
      'capability.sys_admin': 'warn',
      'capability.net_broadcast': 'warn',
      'capability.net_raw': 'warn',
      'capability.sys_ptrace': 'warn',
    })
    expect(judged('0').every(({ remedy }) => remedy?.includes('--cap-add'))).toBe(true)
  })

  const remedyOf = (status: string) =>
    judgeCapabilities(status).find(({ check }) => check === 'capability.net_admin')?.remedy

  test('an ordinary user does not get what a container was given, and is not told to give it again', () => {
    const user = 'Uid:\t1000\t1000\t1000\t1000\nCapEff:\t0\n'
    expect(remedyOf(`${user}CapBnd:\t00000000a80435fb\n`)).toBe(
      'run as root: uid 1000 has no capabilities but ambient ones',
    )
    expect(remedyOf(`${user}CapBnd:\t0\n`)).toBe(
      'run as root, not as uid 1000; in a container: --cap-add NET_ADMIN',
    )
    expect(remedyOf('Uid:\t0\t0\t0\t0\nCapEff:\t0\nCapBnd:\t0\n')).toBe(
      'root has been denied it; in a container: --cap-add NET_ADMIN',
    )
  })

  test("a container's: NET_ADMIN and Docker's default ones", () => {
    const { 'capability.net_admin': admin, 'capability.net_raw': raw } = statuses(judged('00000000a80435fb'))
    expect([admin, raw]).toEqual(['ok', 'ok'])
  })
})

describe('uses of a container', () => {
  const bits = { NET_BROADCAST: 11n, NET_ADMIN: 12n, NET_RAW: 13n, SYS_PTRACE: 19n, SYS_ADMIN: 21n }
  const with_ = (...names: (keyof typeof bits)[]) => {
    const mask = names.reduce((sum, name) => sum | (1n << bits[name]), 0n)
    return `CapEff:\t${mask.toString(16).padStart(16, '0')}\n`
  }
  const here = { device: true, tap: true, allProcesses: true, confined: true }
  const uses = (findings: ReturnType<typeof judgeUses>) => Object.values(statuses(findings))

  test.each([
    [with_(), here, ['fail', 'warn', 'warn', 'warn', 'warn']],
    [with_('NET_ADMIN'), here, ['ok', 'warn', 'warn', 'warn', 'warn']],
    [with_('NET_ADMIN'), { ...here, device: false, tap: false }, ['fail', 'warn', 'warn', 'warn', 'warn']],
    [with_('SYS_ADMIN', 'SYS_PTRACE'), here, ['fail', 'warn', 'warn', 'warn', 'warn']],
    [with_('NET_ADMIN', 'SYS_ADMIN'), here, ['ok', 'ok', 'warn', 'warn', 'warn']],
    [with_('NET_ADMIN', 'SYS_ADMIN', 'SYS_PTRACE'), here, ['ok', 'ok', 'ok', 'warn', 'warn']],
    [
      with_('NET_ADMIN', 'SYS_ADMIN', 'SYS_PTRACE'),
      { ...here, allProcesses: false },
      ['ok', 'ok', 'warn', 'warn', 'warn'],
    ],
    [with_('NET_RAW'), here, ['fail', 'warn', 'warn', 'ok', 'warn']],
    [with_('NET_BROADCAST'), here, ['fail', 'warn', 'warn', 'warn', 'ok']],
  ])('%s %o', (status, surroundings, wanted) => {
    expect(uses(judgeUses(status, surroundings))).toEqual(wanted)
  })

  test('the remedy is what is missing, and no more', () => {
    const remedies = judgeUses(with_('NET_ADMIN', 'SYS_PTRACE'), { ...here, allProcesses: false }).map(
      ({ check, remedy }) => [check, remedy],
    )
    expect(Object.fromEntries(remedies)).toEqual({
      'use.pairs': undefined,
      'use.netns': 'a container needs --cap-add SYS_ADMIN',
      'use.containers': 'a container needs --cap-add SYS_ADMIN --pid host',
      'use.raw': 'a container needs --cap-add NET_RAW',
      'use.events': 'a container needs --cap-add NET_BROADCAST',
    })
  })
})

describe('the remedy of a container without pairs', () => {
  const remedy = (status: string, surroundings: Parameters<typeof judgeUses>[1]) =>
    judgeUses(status, surroundings).find(({ check }) => check === 'use.pairs')?.remedy
  const device = { device: true, tap: false, allProcesses: false, confined: true }
  const user = 'Uid:\t1000\t1000\t1000\t1000\nCapEff:\t0\n'

  test.each([
    [
      'nothing was given',
      'CapEff:\t0\n',
      { ...device, device: false },
      '--cap-add NET_ADMIN --device /dev/net/tun',
    ],
    ['the device is there', 'CapEff:\t0\n', device, '--cap-add NET_ADMIN'],
    ['all is there, but not for this user', `${user}CapBnd:\t1000\n`, device, '--user 0'],
    ['the device is there, for another user', `${user}CapBnd:\t0\n`, device, '--user 0 --cap-add NET_ADMIN'],
  ])('%s', (_, status, surroundings, flags) => {
    expect(remedy(status, surroundings)).toBe(`a container needs ${flags}`)
  })

  test('nobody is in a container: an ordinary user is to be root, and is told of no flags', () => {
    expect(remedy(`${user}CapBnd:\t000001ffffffffff\n`, { ...device, confined: false })).toBe(
      'run as root; in a container: --user 0',
    )
  })

  test('all is there, and the kernel refuses nevertheless', () => {
    expect(remedy('CapEff:\t1000\n', device)).toBe('see why no interface can be made, above')
  })
})

describe('the sandbox is told, and never a failure', () => {
  test.each([
    ['0', '0 0 4294967295', '0', /initial.*no seccomp.*is available/],
    ['0', '0 0 4294967295', undefined, /is available/],
    ['2', '0 0 4294967295', '0', /seccomp filter is active.*may be blocked/],
    ['2', '0 1000 1', '2', /uid 0 is uid 1000 outside.*io_uring_disabled = 2/],
  ])('seccomp %s, uid map %s, sysctl %s', (seccomp, map, sysctl, words) => {
    const findings = judgeSandbox(`Seccomp:\t${seccomp}\n`, `  ${map}\n`, sysctl)
    expect(findings.map(({ what }) => what).join('; ')).toMatch(words)
    expect(findings.every(({ status }) => status === 'ok')).toBe(true)
  })
})
