// What shim/ends.sh makes of lines that may be about our ends: how it looks, what it waits for, what it shows.

import { afterAll, describe, expect, test } from 'vitest'
import { ShimScript } from '../../support/shim-script.js'

const setting = new ShimScript()
afterAll(() => setting[Symbol.dispose]())

const split = (line: string) => line.split(' ').filter((word) => word !== '')

const END =
  '7: left0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc pfifo_fast state UP\\    link/ether 02\\    '

describe('an interface that goes', () => {
  test.each(['link del left0', 'l d dev left0', '-n blue link delete left0 type veth'])('ip %s', (line) => {
    // No end of ours: one look, then the order.
    const { notes } = setting.called(split(line), { lines: `${END}alias something else\n` })
    const netns = line.startsWith('-n') ? '-n blue ' : ''
    expect(notes).toEqual([`ip ${netns}-d -o link show dev left0`, `ip ${line}`])
  })

  test('is ours, and its peer cannot be seen from here', () => {
    const { notes } = setting.called(split('link del left0'), {
      lines: `${END}alias uveth peer right0 netns blue\n`,
    })
    expect(notes.slice(0, 2)).toEqual([
      'ip -d -o link show dev left0',
      'ip -n blue -d -o link show dev right0',
    ])
    expect(notes.at(-1)).toBe(`node ${setting.main} shim ip ${setting.real} link del left0`)
  })

  test('is ours: the order, then looks until the peer is gone, which end', () => {
    // An `ip` that shows the same line for both: its peer is called as itself, and never goes.
    const { notes, code } = setting.called(split('link del left0'), {
      lines: `${END}alias uveth peer left0\n`,
    })
    expect(notes[2]).toBe('ip link del left0')
    expect(new Set(notes.slice(3))).toEqual(new Set(['ip -d -o link show dev left0']))
    expect(notes.length).toBeGreaterThan(400)
    expect(code).toBe(0)
  })
})

describe('an interface that goes up or down', () => {
  test.each([
    'link set left0 up',
    'l s dev left0 mtu 1400 down',
    'link set up left0',
    'link change up dev left0',
  ])('ip %s', (line) => {
    const { notes } = setting.called(split(line), { lines: `${END}\n` })
    expect(notes).toEqual(['ip -d -o link show dev left0', `ip ${line}`])
  })

  test('is ours, and carrier has followed', () => {
    const { notes } = setting.called(split('link set left0 up'), { lines: `${END}alias uveth peer left0\n` })
    expect(notes).toEqual([
      'ip -d -o link show dev left0',
      'ip link set left0 up',
      ...Array(2).fill('ip -d -o link show dev left0'),
    ])
  })

  test('a refusal is the last word', () => {
    const { notes, code } = setting.called(split('link set left0 up'), {
      lines: `${END}alias uveth peer left0\n`,
      code: 2,
    })
    expect([notes.length, code]).toEqual([2, 2])
  })
})

describe('show type veth', () => {
  test.each([
    'link show type veth',
    '-n blue -br l ls type veth',
    'addr show type veth',
    '-j a s up type veth',
  ])('ip %s: without an end of ours the real ip’s', (line) => {
    const netns = line.startsWith('-n') ? '-n blue ' : ''
    expect(setting.called(split(line), { lines: `${END}\n` }).notes).toEqual([
      `ip ${netns}-d -o link show type tun`,
      `ip ${line}`,
    ])
  })

  test('our ends are shown one by one', () => {
    const lines = `${END}alias uveth peer right0\n${END.replace('left0', 'left1')}alias uveth peer right1\n`
    expect(setting.called(split('-br link show type veth up'), { lines }).notes.slice(1)).toEqual([
      'ip -br link show type veth up',
      'ip -br link show up dev left0',
      'ip -br link show up dev left1',
    ])
  })

  test.each([
    ['link show dev left0 type veth', 'link show dev left0'],
    ['-n type -br l ls left0 type veth', '-n type -br l ls left0'],
    ['-j addr show type veth up -dynamic left0', '-j addr show up -dynamic left0'],
    ['a s type tun to 10.0.0.0/8 type veth dev left0', 'a s to 10.0.0.0/8 dev left0'],
  ])('ip %s names an end of ours: ip %s', (line, shown) => {
    const lines = `${END}alias uveth peer right0\n`
    const netns = line.startsWith('-n') ? '-n type ' : ''
    expect(setting.called(split(line), { lines, code: 3 })).toMatchObject({
      notes: [`ip ${netns}-d -o link show dev left0`, `ip ${shown}`],
      code: 3,
    })
  })

  test('a named one that is not ours is the real ip’s', () => {
    const line = 'link show type veth dev left0'
    expect(setting.called(split(line), { lines: `${END}\n` }).notes).toEqual([
      'ip -d -o link show dev left0',
      `ip ${line}`,
    ])
  })

  test('an order with other names in it names none', () => {
    for (const words of ['up', 'nomaster', 'master left1', 'vrf v', 'group 5', 'scope link', 'primary'])
      expect(setting.called(split(`link show ${words} type veth`)).notes[0]).toBe(
        'ip -d -o link show type tun',
      )
  })
})

test('a TAP without the alias of an end starts no Node while no daemon is there to ask', () => {
  const lines = `${END}tun type tap pi off vnet_hdr on persist off\\    alias theirs\n`
  for (const line of ['link set left0 up', 'link del left0', 'link show left0 type veth'])
    expect(setting.called(split(line), { lines }).notes).toEqual([
      'ip -d -o link show dev left0',
      `ip ${line}`,
    ])
})
