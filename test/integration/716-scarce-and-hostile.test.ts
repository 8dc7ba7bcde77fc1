// The command where there is too little (descriptors, room for its output), and where names that others have chosen hold
// what a terminal would obey: a sentence, a status, and nothing that moves a cursor.

import { spawnSync } from 'node:child_process'
import { describe, expect } from 'vitest'
import { commandOf } from '../support/cli.js'
import { COMMAND, TestDaemon } from '../support/daemon.js'
import { Netns, until } from '../support/netns.js'
import { patient } from '../support/pace.js'
import { uveth } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')

const CLEAR = '\u001b[2J'
const C1 = '\u009b31m'
const UNFIT = /[\p{Cc}\u202e]/u
/** Line ends, and the tabs between fields, are ours. */
const unfit = (text: string) => UNFIT.test(text.replaceAll(/[\n\t]/g, ''))

function shell(line: string): { code: number | null; stderr: string } {
  const words = ['-c', line, 'sh', process.execPath, COMMAND]
  const { status, stderr } = spawnSync('sh', words, { encoding: 'utf8', timeout: patient(60_000) })
  return { code: status, stderr }
}

describe('few descriptors', () => {
  test('whatever cannot be loaded for want of one is a sentence', () => {
    const said = Array.from({ length: 24 }, (_, n) => shell(`ulimit -n ${16 + n}; exec "$@" --version`))
    // With fewer, Node itself does not come as far as to run us.
    const ours = said.filter(({ code, stderr }) => code === 2 || stderr.startsWith('uveth'))
    expect(ours.length).toBeGreaterThan(0)
    for (const { code, stderr } of ours) {
      expect([code, stderr]).toEqual([
        2,
        expect.stringMatching(/^uveth: EMFILE: too many open files, open '.*'\n$/),
      ])
    }
    expect(said.at(-1)?.code).toBe(0)
  })
})

describe('no room for its output', () => {
  test.each([
    '--help',
    '--version',
    'doctor',
    'doctor -j',
    'completion bash',
    'link help',
    'run --help',
    'run full0 full1',
    'run full0 full1 --json',
  ])('%s', (words) => {
    const { code, stderr } = shell(`exec "$@" ${words} >/dev/full`)
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/^uveth: standard output: ENOSPC: no space left on device, write\n$/),
    ])
    expect(spawnSync('ip', ['link', 'show', 'full0']).status).not.toBe(0)
  })
})

describe('names that hold what a terminal obeys', () => {
  test('uveth run, as text and as JSON', async () => {
    using netns = Netns.create()
    for (const more of [[], ['--json']]) {
      await using program = uveth(['run', 'tame0', 'tame1', ...more], { netns: netns.name })
      await until('ready', () => program.stdout.includes('ready'))
      netns.ip('link', 'set', 'tame0', 'down')
      netns.ip('link', 'set', 'tame0', 'name', `x${CLEAR}${C1}`)
      await until('told', () => program.stdout.includes('\\u001b[2J\\u009b31m'))
      program.process.kill('SIGTERM')
      const { stdout } = await program.end()
      expect(unfit(stdout)).toBe(false)
    }
  })

  test('link show, its rules and impairments, stats and doctor; and the log', async () => {
    await using daemon = await TestDaemon.start()
    const command = commandOf(daemon)
    const id = `id${CLEAR}${C1}\u202e`
    const rules = [{ action: { kind: 'drop' }, match: { bytes: [[0, 255, 1]] } }]
    const impair = { delay: '1ms' }
    const wish = { id, a: { name: 'veth0', rules, impair }, b: { name: 'veth1' } }
    expect((await daemon.ask('POST', '/v1/pairs', wish)).status).toBe(201)
    daemon.home.ip('link', 'set', 'veth0', 'name', `x${CLEAR}${C1}`)
    for (const words of [
      '-d link',
      '-j link',
      'stats',
      '-j stats',
      'doctor',
      'health',
      'link set veth1 rule',
    ]) {
      const { code, stdout } = await command(...words.split(' '))
      expect([words, code, unfit(stdout)]).toEqual([words, 0, false])
    }
    expect((await command('-d', 'link')).stdout).toContain('\\u009b31m')
    const { stdout } = await daemon.stop()
    expect(unfit(stdout)).toBe(false)
    const pairs = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).pair)
    expect(pairs).toContain(id)
  })
})

describe('--memory', () => {
  test.each(['', 'much', '-1', '1.5', '0x10', '9eb'])('of %j there is none', (size) => {
    for (const verb of ['daemon', 'run m0 m1']) {
      const { code, stderr } = shell(`exec "$@" ${verb} --memory '${size}'`)
      expect([code, stderr]).toEqual([1, expect.stringMatching(/^uveth: .*--memory.*\n$/)])
    }
  })

  test('is what frames that wait may have, as health and metrics say', async () => {
    await using daemon = await TestDaemon.start('--memory', '70mb')
    const { json } = await daemon.ask('GET', '/v1/health')
    expect(json.memory).toEqual({ used: 0, bound: 70 * 2 ** 20, refused: 0 })
    expect((await daemon.ask('GET', '/metrics')).text).toContain(
      `uveth_memory_bound_bytes ${json.memory.bound}\n`,
    )
    expect((await commandOf(daemon)('health')).stdout).toContain('frames wait in 0 of 70 MiB')
  })
})

describe('a namespace whose name is as long as a file name may be', () => {
  const named = () => {
    using short = Netns.create('')
    return Netns.create('n'.repeat(255 - short.name.length))
  }

  test('does in every form', async () => {
    using here = named()
    using there = named()
    await using daemon = await TestDaemon.start()
    const command = commandOf(daemon)
    const shown = async (place: Netns) => JSON.parse((await command('-j', '-n', place.name, 'link')).stdout)
    for (const line of [
      `link add long0 netns ${here.name} type veth peer name long1 netns ${there.name}`,
      `link set long0@${here.name} up`,
      `-n ${there.name} link set long1 mtu 1400`,
      `link set long1@${there.name} netns ${here.name}`,
    ]) {
      expect([line, (await command(...line.split(' '))).stderr]).toEqual([line, ''])
    }
    expect(await shown(here)).toMatchObject([{ ifname: 'long0' }, { ifname: 'long1', mtu: 1400 }])
    expect((await daemon.ask('PATCH', `/v1/ends/long1@${here.name}`, { mtu: 1300 })).json).toMatchObject({
      netns: here.name,
      mtu: 1300,
    })
    const headers = { 'uveth-netns': here.name }
    expect((await daemon.ask('PATCH', '/v1/ends/long1', { mtu: 1280 }, headers)).json.mtu).toBe(1280)
    expect((await command('link', 'del', `long0@${here.name}`)).stderr).toBe('')
  })

  test('one that is longer is refused by a sentence, before anything is made', async () => {
    await using daemon = await TestDaemon.start()
    const command = commandOf(daemon)
    expect((await command('link', 'add', 'long0', 'type', 'veth')).stderr).toBe('')
    const longer = 'x'.repeat(256)
    // Where an engine of containers runs it is asked for such a name, too, and has none.
    for (const [line, sentence] of [
      [`link add long2 netns ${longer} type veth`, /ENAMETOOLONG|ENOENT/],
      [`link set long0 netns ${longer}`, /ENAMETOOLONG|ENOENT/],
      [`link set long0@${longer} up`, /ENODEV/],
      [`-n ${longer} link`, /ENOENT/],
    ] as const) {
      const { code, stderr } = await command(...line.split(' '))
      expect(code).not.toBe(0)
      expect(stderr).toMatch(/^uveth: [^\n]+\n$/)
      expect(stderr).toMatch(sentence)
    }
    expect(daemon.home.links().map(({ ifname }) => ifname)).toEqual(['lo', 'long0', 'veth0'])
  })
})
