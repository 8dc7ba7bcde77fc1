// Kernels and containers that lack something newer than the floor: each fall-back, forced by UVETH_FALLBACK
// in a process of its own, keeps what users rely on: usable at creation, carrier, moves, death. And a process
// that has no capability but CAP_NET_ADMIN.

import { describe, expect } from 'vitest'
import { Netns, until } from '../support/netns.js'
import { evaluate, type Kit, type ProgramOptions } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'ping')
/** There is something to be left on. */
const ethtool = needs('root', 'tun', 'netns', 'ip', 'ethtool', 'kernel 6.2')
const FALLBACKS = ['no-carrier', 'uso', 'nudge', 'all-nsid', 'workshop']
const ALL = FALLBACKS.join(',')

/** Makes three namespaces and runs `body` with their names, in a process that has the fall-backs. */
async function inThree<T>(
  fallbacks: string,
  body: (kit: Kit, names: { left: string; right: string; other: string }) => Promise<T>,
): Promise<T> {
  using left = Netns.create('left')
  using right = Netns.create('right')
  using other = Netns.create('other')
  const names = { left: left.name, right: right.name, other: other.name }
  return await evaluate(body, names, { env: { UVETH_FALLBACK: fallbacks } })
}

describe.each([...FALLBACKS, ALL])('without %s', (fallbacks) => {
  test('a pair is usable when it is made, and carrier follows orders', async () => {
    const seen = await inThree(fallbacks, async ({ createPair, childProcess }, { left, right }) => {
      const ip = (...words: string[]) => childProcess.execFileSync('ip', words, { encoding: 'utf8' })
      const state = (netns: string, name: string) =>
        JSON.parse(ip('-n', netns, '-json', 'link', 'show', 'dev', name))[0].operstate
      const states = () => `${state(left, 'veth0')} ${state(right, 'veth1')}`
      const a = { name: 'veth0', netns: left, up: true, addresses: ['10.0.0.1/24'] }
      const b = { name: 'veth1', netns: right, up: true, addresses: ['10.0.0.2/24'] }
      const pair = await createPair({ a, b, quiet: true })
      const seen = [states()]
      ip('netns', 'exec', left, 'ping', '-q', '-c', '3', '-i', '0.1', '10.0.0.2')
      await pair.b.down()
      seen.push(states())
      await pair.b.up()
      seen.push(states())
      await pair.setCarrier('off')
      seen.push(states())
      await pair.setCarrier('auto')
      seen.push(states())
      ip('netns', 'exec', right, 'ping', '-q', '-c', '3', '-i', '0.1', '10.0.0.1')
      await pair.close()
      return seen
    })
    expect(seen).toEqual(['UP UP', 'DOWN DOWN', 'UP UP', 'DOWN DOWN', 'UP UP'])
  })

  test('what others do is followed: down, up, move, rename, carrier', async () => {
    const events = await inThree(fallbacks, async (kit, { left, right, other }) => {
      const ip = (...words: string[]) => kit.childProcess.execFileSync('ip', words)
      const a = { name: 'veth0', netns: left, up: true }
      const pair = await kit.createPair({ a, b: { name: 'veth1', netns: right, up: true }, quiet: true })
      ip('-n', right, 'link', 'set', 'veth1', 'down')
      await kit.until('carrier off', () => !pair.carrier)
      ip('-n', right, 'link', 'set', 'veth1', 'up')
      await kit.until('carrier on', () => pair.carrier)
      ip('-n', left, 'link', 'set', 'veth0', 'netns', other)
      await kit.until('the new place', () => pair.a.netns === other && !pair.carrier)
      ip('-n', other, 'link', 'set', 'veth0', 'name', 'eth0') // down, as it arrives: before Linux 6.2 only then
      await kit.until('the new name', () => pair.a.name === 'eth0')
      ip('-n', other, 'link', 'set', 'eth0', 'up')
      await kit.until('carrier in the new place', () => pair.carrier)
      ip('-n', right, 'link', 'set', 'veth1', 'carrier', 'off')
      await kit.until('carrier taken away', () => !pair.carrier)
      await pair.close()
      return [pair.a.name, pair.b.name, pair.a.netns === other]
    })
    expect(events).toEqual(['eth0', 'veth1', true])
  })

  test('the death of an end ends the pair, and the process', async () => {
    const ends = await inThree(fallbacks, async (kit, { left, right, other }) => {
      const ip = (...words: string[]) => kit.childProcess.execFileSync('ip', words)
      const a = { name: 'veth0', netns: left, up: true }
      const wired = (b: { netns: string | null; up: boolean }) => kit.createPair({ a, b, quiet: true })
      const ends = []
      for (const [b, deadly] of [
        [{ netns: right, up: true }, ['-n', left, 'link', 'del', 'veth0']],
        [{ netns: right, up: false }, ['-n', right, 'link', 'del', 'veth0']],
        [{ netns: other, up: true }, ['-n', left, 'link', 'del', 'veth0']],
      ] as const) {
        const pair = await wired(b)
        const closed = kit.events.once(pair, 'closed')
        ip(...deadly)
        const [{ reason, end }] = await closed
        ends.push([reason, end === pair.a ? 'a' : 'b'])
      }
      return ends
    })
    expect(ends).toEqual([
      ['deleted', 'a'],
      ['deleted', 'b'],
      ['deleted', 'a'],
    ])
  })

  test('the death of a namespace ends the pair', async () => {
    using left = Netns.create('left')
    using right = Netns.create('right')
    const options: ProgramOptions = { env: { UVETH_FALLBACK: fallbacks } }
    const reason = evaluate(
      async (kit, { left, right }) => {
        const a = { netns: left, up: true }
        const pair = await kit.createPair({ a, b: { netns: right, up: true }, quiet: true })
        const [{ reason, end }] = await kit.events.once(pair, 'closed')
        return [reason, end === pair.a]
      },
      { left: left.name, right: right.name },
      options,
    )
    reason.catch(() => {}) // told below
    await until('the pair', () => left.has('veth0') && left.link('veth0').operstate === 'UP')
    left.delete()
    expect(await reason).toEqual(['netns-deleted', true])
    expect(right.links()).toHaveLength(1)
  })
})

ethtool.each([
  ['', 'on'],
  ['uso', 'off'],
])('the fall-backs "%s" leave UDP segmentation %s', async (fallbacks, wanted) => {
  using home = Netns.create('home')
  const features = await evaluate(
    async ({ createPair, childProcess }) => {
      const pair = await createPair({ a: { name: 'veth0' } })
      const text = childProcess.execFileSync('ethtool', ['-k', 'veth0'], { encoding: 'utf8' })
      await pair.close()
      return text
    },
    null,
    { netns: home.name, env: { UVETH_FALLBACK: fallbacks } },
  )
  expect(features).toMatch(/tcp-segmentation-offload: on/)
  expect(features).toMatch(new RegExp(`tx-udp-segmentation: ${wanted}`))
})

test('with no capability but CAP_NET_ADMIN, a pair at home works and follows what others do', async () => {
  using home = Netns.create('home')
  const prefix = ['setpriv', '--bounding-set', '-all,+net_admin', '--inh-caps', '-all']
  const seen = await evaluate(
    async ({ createPair, childProcess, fs, links, until }) => {
      const capabilities = /^CapEff:\s*0*(\w+)/m.exec(fs.readFileSync('/proc/self/status', 'utf8'))?.[1]
      const pair = await createPair({ a: { name: 'veth0', up: true }, b: { name: 'veth1', up: true } })
      childProcess.execFileSync('ip', ['link', 'set', 'veth1', 'down'])
      await until('carrier off', () => !pair.carrier)
      childProcess.execFileSync('ip', ['link', 'del', 'veth0'])
      await until('the end', () => pair.closed)
      return { capabilities, closed: pair.closed, links: links() }
    },
    null,
    { netns: home.name, prefix },
  )
  expect(seen).toEqual({ capabilities: '1000', closed: 'deleted', links: ['lo'] })
})
