// What `uveth shell` makes of its words, and of the name servers of a machine.

import { describe, expect, test } from 'vitest'
import { namesBehind } from '../../../src/cli/shell/names.js'
import { readShell, type ShellPlan } from '../../../src/cli/shell/words.js'
import { PROFILE_NAMES } from '../../../src/faults/profiles.js'

const plan = (line: string) => readShell(line.split(' ')) as ShellPlan

describe('words', () => {
  test('for both ways; a command stands behind --, with options of its own', () => {
    expect(plan('delay 5ms loss 1% --seed 7 -- run --seed 8 -- x')).toMatchObject({
      up: { delay: { time: 5 }, loss: { random: 1 }, seed: 7 },
      down: { delay: { time: 5 }, loss: { random: 1 }, seed: 7 },
      command: ['run', '--seed', '8', '--', 'x'],
    })
  })

  test('up and down go over what is said of both, and that over the profile', () => {
    const { up, down } = plan('--profile 3g loss 1% up delay 5ms down loss 2% rate 1mbit -14 --seed 7')
    expect(up).toEqual({ delay: { time: 5 }, rate: { rate: 768_000 }, loss: { random: 1 }, seed: 7 })
    expect(down).toEqual({
      delay: { time: 150 },
      rate: { rate: 1_000_000, overhead: -14 },
      loss: { random: 2 },
      seed: 7,
    })
  })

  test.each([
    ['up', 'up'],
    ['delay 5ms up down loss 1%', 'up'],
    ['up loss 1% down -- true', 'down'],
  ])('a way without words is refused: %s', (line, way) => {
    expect(() => plan(line)).toThrow(`give words behind ${way}: ${way} delay 50ms`)
  })

  test('a seed among the words is that way’s own; nothing is no impairment', () => {
    expect(plan('--seed 7 up loss 1% seed 9')).toMatchObject({ up: { seed: 9 }, down: {}, seed: 7 })
    expect(plan('-- true')).toMatchObject({ up: {}, down: {}, command: ['true'] })
  })

  test.each(PROFILE_NAMES)('the profile %s', (name) => {
    const { up, down } = plan(`--profile ${name}`)
    expect(Object.keys(up).sort()).toEqual(Object.keys(down).sort())
    expect(up).toMatchObject({ delay: {}, rate: {} })
  })
})

describe('name servers', () => {
  const machine = (own: string | undefined, systemd?: string) => (path: string) =>
    path === '/etc/resolv.conf' ? own : systemd

  test.each([
    ['none', undefined, undefined],
    ['one that can be reached', 'nameserver 192.0.2.1\n', undefined],
    ['one of several that can be', 'nameserver ::1\nnameserver 127.0.0.1\nnameserver 192.0.2.1\n', undefined],
  ])('%s: as it is', (_, own, systemd) => {
    expect(namesBehind('10.0.0.1', machine(own, systemd))).toEqual({ resolv: undefined, server: undefined })
  })

  test('those behind systemd-resolved', () => {
    const behind = 'nameserver 192.0.2.1\n'
    expect(namesBehind('10.0.0.1', machine('nameserver 127.0.0.53\n', behind))).toEqual({
      resolv: behind,
      server: undefined,
    })
  })

  test.each([
    ['127.0.0.11', 'Docker’s'],
    ['2001:db8::1', 'one that IPv4 does not reach'],
  ])('relayed: %s, %s; the other lines stay', (server) => {
    const own = `search a b\nnameserver ${server}\noptions ndots:2\n`
    expect(namesBehind('10.0.0.1', machine(own, 'nameserver 127.0.0.1\n'))).toEqual({
      resolv: 'nameserver 10.0.0.1\nsearch a b\noptions ndots:2\n',
      server,
    })
  })
})
