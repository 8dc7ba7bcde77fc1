// What the test kit says of the frames of a test: a failing one keeps a capture and says how to repeat it, its
// seed decides what is lost, and assertions tell what was carried and what was dropped.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import {
  assertCarried,
  assertDropped,
  matchers,
  observe,
  type PairContext,
  type WithPairOptions,
  withPair,
} from 'uveth/testing'
import type {} from 'uveth/testing/vitest'
import { afterAll, describe, expect } from 'vitest'
import { run } from '../support/netns.js'
import { patient } from '../support/pace.js'
import { needs } from '../support/skip.js'
import { alive, expectGone, failureOf } from '../support/testing-kit.js'

const test = needs('root', 'tun', 'netns', 'ip', 'ping')
const withTshark = needs('root', 'tun', 'netns', 'ip', 'ping', 'tshark')
const withEthtool = needs('root', 'tun', 'netns', 'ip', 'ping', 'ethtool')
const artifacts = mkdtempSync(`${tmpdir()}/uveth-113-`)

expect.extend(matchers)
afterAll(() => rmSync(artifacts, { recursive: true }))

const ping = ['-n', '-c', '1', '-W', '2']
const echoes = { icmp: { type: 8 } }

/** What a test with this body fails with. */
const failure = (options: WithPairOptions, body: (context: PairContext) => unknown) =>
  failureOf(withPair({ artifacts, ...options }, body))

describe('a test that fails', () => {
  test('says the seed, faults, counters, programs and the capture', async () => {
    let netns = { a: '', b: '' }
    let pid = 0
    const options = { name: 'fails: on purpose', seed: 77, a: { impair: { delay: 1, corrupt: '0.1%' } } }
    const error = await failure(options, async (context) => {
      netns = context.netns
      const server = context.spawn('b', 'echo listening; exec sleep 60')
      await server.line('listening')
      pid = server.pid ?? 0
      context.a.drop({ udp: { dport: 53 }, nth: 3 })
      context.b.corrupt({ tcp: {} })
      await context.exec('a', 'ping', [...ping, context.ip.b])
      expect(1).toBe(2)
    })
    expect(error.message).toMatch(/^expected 1 to be 2/)
    for (const words of [
      'seed: 77, to repeat: UVETH_SEED=77',
      /a: uveth-a, up, mtu 1500; sent \d+ frames, of which 0 dropped; received \d+\n/,
      'impair delay 1ms corrupt 0.1% seed 77',
      /rule \d+: drop udp dport 53 nth 3 \(matched 0, acted on 0\)/,
      /rule \d+: corrupt seed 77 tcp/,
      "'echo listening; exec sleep 60' on b is running\n    listening",
      `capture: ${artifacts}/fails-on-purpose.pcapng`,
    ]) {
      expect(error.message).toMatch(words)
      expect(error.stack).toMatch(words)
    }
    expect(readFileSync(`${artifacts}/fails-on-purpose.txt`, 'utf8')).toContain('UVETH_SEED=77')
    expectGone(netns)
    expect(alive(pid)).toBe(false)
  })

  withTshark('keeps a capture from the first frame, which tshark reads', async () => {
    await failure({ name: 'captured' }, async (cable) => {
      const { exec, ip, a } = cable
      await exec('a', 'ping', [...ping, ip.b])
      a.drop(echoes)
      const fails = exec('a', 'ping', ['-n', '-c', '1', '-W', '0.1', ip.b])
      // On a busy machine it may give up before its frame has been judged.
      await Promise.allSettled([fails, assertDropped(cable, { from: 'a', within: 60_000 })])
      await fails
    })
    const fields = ['-T', 'fields', '-e', 'frame.interface_name', '-e', 'icmp.type', '-e', 'frame.comment']
    const said = run('tshark', '-r', `${artifacts}/captured.pcapng`, '-Y', 'icmp', ...fields)
    const lines = said.trim().split('\n')
    expect(lines.slice(0, 2).map((line) => line.split('\t').slice(0, 2))).toEqual([
      ['uveth-a', '8'],
      ['uveth-b', '0'],
    ])
    expect(lines.slice(2)).toEqual([expect.stringMatching(/^uveth-a\t8\tdropped: rule/)])
    expect(run('tshark', '-r', `${artifacts}/captured.pcapng`, '-Y', 'arp.opcode == 1')).not.toBe('')
  })

  test('and one of the same name do not replace each other', async () => {
    for (const number of ['', '-2', '-3']) {
      const error = await failure({ name: 'twin' }, () => Promise.reject(new Error('no')))
      expect(error.message).toMatch(new RegExp(`capture: ${artifacts}/twin${number}\\.pcapng$`))
    }
  })

  test('leaves files that others than root can read', async () => {
    await failure({ name: 'readable' }, () => Promise.reject(new Error('no')))
    const modeOf = (ending: string) => statSync(`${artifacts}/readable.${ending}`).mode & 0o777
    expect({ capture: modeOf('pcapng'), report: modeOf('txt') }).toEqual({
      capture: 0o666 & ~process.umask(),
      report: 0o666 & ~process.umask(),
    })
  })

  test('says all but the capture where that cannot be kept', async () => {
    const error = await failure({ artifacts: '/dev/null/nowhere', seed: 3 }, () =>
      Promise.reject(new Error('no')),
    )
    expect(error.message).toMatch(/^no\n\n[\s\S]*UVETH_SEED=3\n[\s\S]*capture: not kept: ENOTDIR/)
  })

  test('without a name has the place of the call', async () => {
    const error = await failure({}, () => Promise.reject(new Error('no')))
    expect(error.message).toMatch(/capture: \S+\/913-testing-kit-frames\.test\.ts-\d+\.pcapng$/)
  })
})

describe('what stays of a test that passes', () => {
  test('is nothing, not even the folder', async () => {
    const folder = `${artifacts}/of-passing`
    await withPair({ artifacts: folder }, ({ exec, ip }) => exec('a', 'ping', [...ping, ip.b]))
    expect(existsSync(folder)).toBe(false)
    const ours = readdirSync(tmpdir()).filter((name) => name.startsWith(`uveth-${process.pid}-`))
    expect(ours).toEqual([])
  })

  test("is the capture, with capture: 'always'", async () => {
    const folder = `${artifacts}/always`
    await withPair({ artifacts: folder, capture: 'always', name: 'kept' }, () => {})
    expect(readdirSync(folder)).toEqual(['kept.pcapng'])
  })
})

describe('the seed', () => {
  /** Numbers of the replies that are lost, of the first 25. */
  const lost = (seed: number, where: 'options' | 'body') =>
    withPair(
      { artifacts, seed, ...(where === 'options' && { b: { impair: { loss: '30%' } } }) },
      async ({ exec, ip, a, b }) => {
        // Questions for a neighbour are frames, too, and come again by the kernel's clock.
        await exec('a', `ip neigh add ${ip.b} lladdr ${b.address} dev ${a.name}`)
        await exec('b', `ip neigh add ${ip.a} lladdr ${a.address} dev ${b.name}`)
        if (where === 'body') await b.impair({ loss: '30%' })
        // With -w it ends with the 25th reply; without, two round trips after the last question, which a busy machine
        // exceeds: then the last replies were there and nobody to read them.
        const words = ['-n', '-c', '25', '-i', '0.01', '-w', '100', ip.b]
        const { stdout } = await exec('a', 'ping', words, { allowFailure: true })
        const received = new Set([...stdout.matchAll(/icmp_seq=(\d+)/g)].map(([, number]) => Number(number)))
        return [...Array(25).keys()].map((n) => n + 1).filter((n) => !received.has(n))
      },
    )

  test('decides which frames are lost, counted from where the test begins', {
    timeout: patient(200_000),
  }, async () => {
    const places = Array.from({ length: 12 }, (_, n) => (n % 2 === 0 ? 'options' : 'body'))
    const [one, ...others] = await Promise.all(places.map((where) => lost(17, where)))
    expect(one).not.toEqual([])
    for (const other of others) expect(other).toEqual(one)
    expect(await lost(18, 'options')).not.toEqual(one)
  })

  test('and what kernels say of fresh addresses is over by then', async () => {
    const held = { impair: { delay: 500 } }
    await withPair({ artifacts, a: held, b: held }, async ({ pair }) => {
      const sent = () => [pair.counters().a.tx_packets, pair.counters().b.tx_packets]
      const before = sent()
      await new Promise((resolve) => setTimeout(resolve, 1_500))
      expect(sent()).toEqual(before)
    })
  })
})

describe('assertions', () => {
  test('count from where the body begins', async () => {
    for (const capture of ['on-failure', false] as const) {
      await withPair({ artifacts, capture }, async ({ pair }) => {
        expect(pair.counters().a.tx_packets).toBeGreaterThan(0)
        await expect(pair).not.toHaveCarried()
        await expect(assertCarried(pair, undefined, { from: 'a', within: 0 })).rejects.toThrow(
          /it has carried 0 frames\n {2}a has sent 0 frames: 0 delivered, 0 dropped$/,
        )
      })
    }
  })

  test('say what was carried and what was dropped', async () => {
    await withPair(async ({ pair, a, b, exec, ip }) => {
      await exec('a', 'ping', [...ping, ip.b])
      await expect(pair).toHaveCarried(echoes, { from: 'a', times: 1 })
      await expect(pair).toHaveCarried({ icmp: { type: 0 } }, { from: 'b', times: 1 })
      await expect(pair).not.toHaveCarried(echoes, { from: 'b' })
      await expect(pair).not.toHaveDropped()
      b.drop({ icmp: { type: 0 }, nth: 1 })
      await exec('a', 'ping', ['-n', '-c', '2', '-i', '0.1', '-W', '1', ip.b])
      await expect(pair).toHaveDropped({ cause: 'rule', match: { icmp: {} }, from: 'b', times: 1 })
      await a.set({ mtu: 1600 })
      await exec('a', 'ping', ['-n', '-c', '1', '-W', '0.1', '-s', '1560', ip.b], { allowFailure: true })
      await assertDropped(pair, { cause: 'mtu', match: echoes, times: 1 })
      await assertCarried(pair, echoes, { times: 3 })
      await assertCarried(pair, undefined, { from: 'a' })
    })
  })

  test('count for rules at creation from where the body begins', async () => {
    const rules = [{ action: { kind: 'drop' as const }, match: { icmp: {}, nth: 1 } }]
    await withPair({ b: { rules } }, async ({ pair, b, exec, ip }) => {
      expect(b.rules()).toMatchObject([{ id: 1, matched: 0, hits: 0 }])
      await exec('a', 'ping', ['-n', '-c', '3', '-i', '0.1', '-W', '1', ip.b])
      await expect(pair).toHaveDropped({ cause: 'rule', from: 'b', times: 1 })
    })
  })

  test('still answer when the pair has ended', async () => {
    const pair = await withPair(
      async ({ pair, exec, ip }) => (await exec('a', 'ping', [...ping, ip.b])) && pair,
    )
    await expect(pair).toHaveCarried(echoes, { times: 1 })
  })

  withEthtool('at full speed frames are not looked at: counters answer, or who observes later', async () => {
    await withPair({ capture: false }, async ({ pair, a, exec, ip }) => {
      const { stdout } = await exec('a', 'ethtool', ['-k', a.name])
      expect(stdout).toMatch(/tcp-segmentation-offload: on/)
      await exec('a', 'ping', [...ping, ip.b])
      await expect(pair).toHaveCarried(undefined, { from: 'a' })
      await expect(assertCarried(pair, echoes)).rejects.toThrow(/^EINVAL: nobody has looked at the frames/)
      await using _ = observe(pair)
      await pair.a.settled()
      await exec('a', 'ping', [...ping, ip.b])
      await expect(pair).toHaveCarried(echoes, { times: 1 })
    })
    const error = await failure({ capture: false, name: 'fast' }, () => Promise.reject(new Error('no')))
    expect(error.message).toMatch(/capture: none \(capture: false\)$/)
  })
})
