// Wrong wishes as the command is given them: from its words through its own parsers and over HTTP, or by `run`
// through createPair, up to the sentence. It is the library's, but for the attribute, which has the command's word.

import { writeFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { capture } from '../../../src/cli/capture/capture.js'
import { noGlobals } from '../../../src/cli/globals.js'
import { link } from '../../../src/cli/link/link.js'
import { run } from '../../../src/cli/run.js'
import { Session } from '../../../src/cli/session.js'
import { createPair } from '../../../src/index.js'
import { planFlap } from '../../../src/pair/options.js'
import { CAPTURE, ROTATION } from '../../../src/wishes/capture.js'
import { IMPAIR } from '../../../src/wishes/impair.js'
import { RULE } from '../../../src/wishes/rule.js'
import type { Parts } from '../../../src/wishes/shape.js'
import { Folder } from '../../support/daemon.js'
import { MadeUpDaemon, refusalOf } from '../../support/made-up-daemon.js'
import { wishWith } from '../../support/wrong-wishes.js'

let daemon: MadeUpDaemon
let session: Session
beforeAll(async () => {
  daemon = await MadeUpDaemon.start()
  session = new Session({ ...noGlobals(), socket: daemon.socket })
})
afterAll(async () => {
  await daemon.close()
})
// `run` and `capture` listen to signals.
vi.spyOn(process, 'on').mockReturnThis()
afterEach(() => vi.clearAllMocks())

const split = (line: string) => line.split(' ')
/** The library's sentence, with another name for the attribute. */
async function sentence(path: string, value: unknown, word: string): Promise<string> {
  const { message } = await refusalOf(() => createPair(wishWith(path, value) as object))
  expect(message).toContain(`EINVAL: ${path} must be `)
  return message.replace(path, word)
}

describe('of link add', () => {
  const long = 'x'.repeat(16)
  test.each([
    [`${long} type veth`, 'a.name', long, 'name'],
    ['type veth peer name a:b', 'b.name', 'a:b', 'peer name'],
    ['x address 01:00:00:00:00:00 type veth', 'a.address', '01:00:00:00:00:00', 'address'],
    ['x address 02:00 type veth', 'a.address', '02:00', 'address'],
    ['x mtu 67 type veth', 'a.mtu', 67, 'mtu'],
    ['x mtu 0x10 type veth', 'a.mtu', 16, 'mtu'],
    ['x mtu big type veth', 'a.mtu', 'big', 'mtu'],
    ['x mtu -1 type veth', 'a.mtu', '-1', 'mtu'],
    ['type veth peer qlen 0', 'b.txQueueLength', 0, 'peer txqueuelen'],
    ['txqueuelen 1e3 type veth', 'a.txQueueLength', '1e3', 'txqueuelen'],
    ['type veth peer index 0', 'b.ifindex', 0, 'peer index'],
    ['netns .. type veth', 'a.netns', '..', 'netns'],
    ['type veth queues none', 'queues', 'none', 'queues'],
    ['type veth id a/b', 'id', 'a/b', 'id'],
  ])('%s', async (line, path, value, word) => {
    const command = await refusalOf(() => link(session, ['add', ...split(line)]))
    expect([command.attribute, command.message]).toEqual([word, await sentence(path, value, word)])
  })
})

describe('of run', () => {
  test.each([
    ['x0 a:b', 'b.name', 'a:b', 'B'],
    ['x0 x1 --mtu 67', 'a.mtu', 67, '--mtu'],
    ['x0 x1 --mtu big', 'a.mtu', 'big', '--mtu'],
    ['x0 x1 --address-b 02:00', 'b.address', '02:00', '--address-b'],
    ['x0 x1 --addr-a here', 'a.addresses', ['here'], '--addr-a'],
  ])('%s', async (line, path, value, word) => {
    const command = await refusalOf(() => run(split(line)))
    expect([command.attribute, command.message]).toEqual([word, await sentence(path, value, word)])
  })
})

/** What is said, how it is read and what the words call it. */
type Said = [path: string, words: string, value: unknown, word: string]

const IMPAIRED: Said[] = [
  ['delay.time', 'delay soon', 'soon', 'delay'],
  ['delay.jitter', 'delay 1ms 1x', '1x', 'delay jitter'],
  ['delay.correlation', 'delay 1ms 1ms 101%', '101%', 'delay correlation'],
  ['delay.distribution', 'delay 1ms 1ms distribution flat', 'flat', 'distribution'],
  ['loss.random', 'loss 101', '101', 'loss'],
  ['loss.correlation', 'loss random 1% 1x', '1x', 'loss correlation'],
  ['loss.gemodel.p', 'loss gemodel all', 'all', 'loss gemodel p'],
  ['loss.gemodel.r', 'loss gemodel 1% 200%', '200%', 'loss gemodel r'],
  ['loss.gemodel.h', 'loss gemodel 1% 1% 200%', '200%', 'loss gemodel h'],
  ['loss.gemodel.k', 'loss gemodel 1% 1% 1% 2x', '2x', 'loss gemodel k'],
  ['loss.state.p13', 'loss state x', 'x', 'loss state p13'],
  ['loss.state.p31', 'loss state 1 101', '101', 'loss state p31'],
  ['loss.state.p32', 'loss state 1 1 101', '101', 'loss state p32'],
  ['loss.state.p23', 'loss state 1 1 1 101', '101', 'loss state p23'],
  ['loss.state.p14', 'loss state 1 1 1 1 101', '101', 'loss state p14'],
  ['duplicate.probability', 'duplicate 101%', '101%', 'duplicate'],
  ['duplicate.correlation', 'duplicate 1% 101%', '101%', 'duplicate correlation'],
  ['reorder.probability', 'reorder twice', 'twice', 'reorder'],
  ['reorder.correlation', 'reorder 1% 101%', '101%', 'reorder correlation'],
  ['reorder.gap', 'reorder 1% gap 0', 0, 'gap'],
  ['corrupt.probability', 'corrupt 101%', '101%', 'corrupt'],
  ['corrupt.correlation', 'corrupt 1% 101%', '101%', 'corrupt correlation'],
  ['rate.rate', 'rate fast', 'fast', 'rate'],
  ['rate.burst', 'rate 1mbit burst big', 'big', 'burst'],
  ['rate.overhead', 'rate 1mbit 0.5', '0.5', 'rate overhead'],
  ['rate.cellSize', 'rate 1mbit 0 -1', -1, 'rate cellSize'],
  ['rate.cellOverhead', 'rate 1mbit 0 0 5x', '5x', 'rate cellOverhead'],
  ['limit', 'limit 10x', '10x', 'limit'],
  ['slot.min', 'slot never', 'never', 'slot'],
  ['slot.max', 'slot 1ms 5x', '5x', 'slot max'],
  ['slot.distribution', 'slot distribution flat 1ms 1ms', 'flat', 'slot distribution'],
  ['slot.delay', 'slot distribution normal x', 'x', 'slot delay'],
  ['slot.jitter', 'slot distribution normal 1ms 1x', '1x', 'slot jitter'],
  ['slot.packets', 'slot 1ms packets -1', -1, 'packets'],
  ['slot.bytes', 'slot 1ms bytes all', 'all', 'bytes'],
  ['seed', 'seed -1', -1, 'seed'],
]

const RULED: Said[] = [
  ['action.ms', 'delay soon', 'soon', 'delay'],
  ['action.copies', 'duplicate 101', 101, 'duplicate'],
  ['action.offset', 'corrupt at -1', '-1', 'at'],
  ['action.mask', 'corrupt at 0 mask 256', 256, 'mask'],
  ['action.bits', 'corrupt bits all', 'all', 'bits'],
  ['action.seed', 'corrupt seed x', 'x', 'seed'],
  ...IMPAIRED.map(([path, words, value, word]): Said => [`action.${path}`, `impair ${words}`, value, word]),
  ['match.ethertype', 'drop ethertype 65536', 65_536, 'ethertype'],
  ['match.vlan.id', 'drop vlan all', 'all', 'vlan'],
  ['match.vlan.pcp', 'drop vlan any pcp 8', 8, 'pcp'],
  ['match.ip.proto', 'drop ip proto none', 'none', 'proto'],
  ['match.ip.src', 'drop src 02:00', '02:00', 'src'],
  ['match.ip.dst', 'drop dst here', 'here', 'dst'],
  ['match.ip.ttl', 'drop ttl 1-256', [1, 256], 'ttl'],
  ['match.ip.dscp', 'drop dscp 64', 64, 'dscp'],
  ['match.arp.op', 'drop arp op ask', 'ask', 'op'],
  ['match.tcp.sport', 'drop tcp sport -1', '-1', 'sport'],
  ['match.tcp.dport', 'drop tcp dport http', 'http', 'dport'],
  ['match.tcp.port', 'drop tcp port 2-1', [2, 1], 'port'],
  ['match.tcp.flags', 'drop tcp flags sin', 'sin', 'flags'],
  ['match.udp.sport', 'drop udp sport 65536', 65_536, 'sport'],
  ['match.udp.dport', 'drop udp dport 1-2-3', '1-2-3', 'dport'],
  ['match.udp.port', 'drop udp port 1.5', '1.5', 'port'],
  ['match.icmp.type', 'drop icmp type 300', 300, 'type'],
  ['match.icmp.code', 'drop icmp code x', 'x', 'code'],
  ['match.bytes[0]', 'drop bytes 12:ff:00', '12:ff:00', 'bytes[0]'],
  ['match.length.min', 'drop length x-9', 'x', 'length'],
  ['match.length.max', 'drop length 9-65536', 65_536, 'length'],
  ['match.nth', 'drop nth 0', 0, 'nth'],
  ['match.every', 'drop every other', 'other', 'every'],
  ['match.first', 'drop first -1', '-1', 'first'],
]

describe.each([
  ['impair', 'impair', IMPAIRED, (path: string) => path],
  ['rule', 'rule add', RULED, (path: string) => `0.${path}`],
] as const)('of %s', (kind, words, said, placed) => {
  test.each(said)('%s: %s', async (path, line, value, word) => {
    const set = await refusalOf(() => link(session, ['set', 'x', ...split(words), ...split(line)]))
    expect([set.attribute, set.message]).toEqual([
      word,
      expect.stringMatching(/^EINVAL: .* must be .*, not /),
    ])
    const option = await refusalOf(() => run(['x0', 'x1', `--${kind}-a`, line]))
    expect(option.attribute).toBe(`--${kind}-a ${word}`)
    expect(option.message).toBe(set.message.replace(word, `--${kind}-a ${word}`))
    if (kind === 'impair' || path.startsWith('match.')) {
      const key = kind === 'impair' ? 'impair' : 'rules'
      const made = path.replace(/\[0\]$/, '')
      const wish = wishWith(`a.${key}.${placed(made)}`, path === made ? value : [value])
      const library = await refusalOf(() => createPair(wish as object))
      expect(set.message).toBe(library.message.replace(`a.${key}.${placed(path)}`, word))
    }
  })

  test('each attribute has a line, unless its words cannot be wrong', () => {
    const leaves = (parts: Parts, place: string): string[] =>
      Object.entries(parts).flatMap(([key, { parts: inner }]) =>
        inner === undefined ? [`${place}${key}`] : leaves(inner, `${place}${key}.`),
      )
    const mine = said.map(([path]) => path.replace(/\[0\]$/, ''))
    // A word that is no MAC address is meant as an IP address.
    const never = ['action.kind', 'match.src', 'match.dst', 'match.ip.version', 'match.ip.fragment']
    const flags = ['ecn', 'action.ecn']
    // Of files, which are refused where they are read.
    const read = ['times', 'name'].flatMap((key) => [`rate.trace.${key}`, `action.rate.trace.${key}`])
    const all = leaves((kind === 'impair' ? IMPAIR : RULE).parts, '')
    const others = [...mine, ...never, ...flags, ...read]
    expect(all.filter((leaf) => !others.includes(leaf))).toEqual([])
  })
})

describe('of a schedule, whose words stand in a file: refused before the daemon is asked, with the line', () => {
  const step = (words: string) => `- at: 1s\n  ${words}`
  test.each([
    ['steps', 'steps: []', [], 1],
    ['steps.0.at', '- at: soon\n  impair: none', 'soon', 1],
    ['steps.0.carrier', step('carrier: gone'), 'gone', 2],
    ['steps.0.impair.loss.random', step('impair: loss 101%'), '101%', 2],
    ['steps.0.impair.delay.time', step('impair:\n    loss: 1%\n    delay: later'), 'later', 4],
    ['repeat', `repeat: 0\nperiod: 9s\nsteps:\n${step('carrier: off')}`, 0, 1],
    ['period', `repeat: 2\nperiod: long\nsteps:\n${step('carrier: off')}`, 'long', 2],
  ])('%s', async (path, text, value, line) => {
    using folder = new Folder()
    const file = folder.file('x.yaml')
    writeFileSync(file, text)
    const command = await refusalOf(() => link(session, ['set', 'x', 'schedule', file]))
    // The library names what is missing first: all that a schedule has to have.
    const rest = path.startsWith('steps') ? {} : { steps: [{ at: 1000, carrier: 'off' }] }
    const wish = { a: { schedule: { ...rest, ...(wishWith(path, value) as object) } } }
    const library = await refusalOf(() => createPair(wish as object))
    expect([command.attribute, command.message]).toEqual([
      'file',
      library.message.replace('a.schedule.', `${file}:${line}: `),
    ])
  })

  test.each([
    ['', 'schedule takes a file, "show" or "off"'],
    ['off now', '"now" is wrong: schedule takes a file, "show" or "off", and nothing behind it'],
    ['x.yaml twice', '"twice" is wrong: schedule takes a file, "show" or "off", and nothing behind it'],
    ['show all', '"all" is wrong: "show" takes no words'],
    ['/no/such.yaml', "ENOENT: no such file or directory, open '/no/such.yaml'"],
  ])('schedule %s', async (words, sentence) => {
    const given = words === '' ? [] : split(words)
    await expect(link(session, ['set', 'x', 'schedule', ...given])).rejects.toThrow(sentence)
  })
})

test.each([
  ['flap soon', 'soon', 1, 'TIME'],
  ['flap 2000000s', 2e9, 1, 'TIME'],
  ['flap 1s often', 1, 'often', 'TIMES'],
])('%s', async (line, ms, times, word) => {
  const command = await refusalOf(() => link(session, ['set', 'x', ...split(line)]))
  const library = await refusalOf(() => planFlap(ms as number, times as number))
  expect(command.message).toBe(library.message.replace(library.attribute as string, word))
})

test.each([
  ['--end c', 'end', 'c', '--end'],
  ['--snaplen 0', 'snaplen', 0, '--snaplen'],
  ['--snaplen -5', 'snaplen', '-5', '--snaplen'],
  ['udp dport dns', 'match.udp.dport', 'dns', 'dport'],
  ['nth 1', 'match.nth', 1, 'nth'],
  ['-w f --filesize big', 'bytes', 'big', '--filesize'],
  ['-w f --filesize 0', 'bytes', 0, '--filesize'],
  ['-w f --seconds 0', 'seconds', 0, '--seconds'],
  ['-w f --seconds 1 --files none', 'files', 'none', '--files'],
])('capture x %s', async (line, path, value, word) => {
  const command = await refusalOf(() => capture(session, ['x', ...split(line)]))
  const rotates = Object.hasOwn(ROTATION.parts, path)
  const shape = await refusalOf(() => (rotates ? ROTATION : CAPTURE).read(wishWith(path, value), ''))
  const way = rotates ? 'capture.rotate' : 'capture'
  const wish = { path: 'f', ...(rotates ? { rotate: wishWith(path, value) } : wishWith(path, value)) }
  const library = await refusalOf(() => createPair({ capture: wish } as object))
  expect(library.message).toBe(shape.message.replace(path, `${way}.${path}`))
  expect([command.attribute, command.message]).toEqual([word, shape.message.replace(path, word)])
})
