// Many pairs at once: made, used and removed concurrently, some of them refused, while others change links
// all around. Descriptors and threads of the process are the same afterwards.

import { expect } from 'vitest'
import { Netns } from '../support/netns.js'
import { evaluate, launch } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip')

test('50 pairs at once: made, up, and removed; nothing leaks', async () => {
  using home = Netns.create('home')
  using left = Netns.create('left')
  const seen = await evaluate(
    async ({ atRest, createPair, links }, left) => {
      await (await createPair({ b: { netns: left } })).close() // the workshop stays
      const before = await atRest()
      const rounds = []
      for (let round = 0; round < 3; round++) {
        const wishes = Array.from({ length: 50 }, (_, n) => ({
          a: { name: `a${n}`, up: true },
          b: { name: `b${n}`, up: true, netns: n % 2 === 0 ? null : left },
          quiet: true,
        }))
        const pairs = await Promise.all(wishes.map((wish) => createPair(wish)))
        const carriers = pairs.filter((pair) => pair.carrier).length
        const ids = new Set(pairs.map(({ id }) => id)).size
        const atHome = links().length
        await Promise.all(pairs.map((pair) => pair.close()))
        rounds.push({ carriers, ids, atHome, left: links() })
      }
      return { before, rounds, after: await atRest(), left: links() }
    },
    left.name,
    { netns: home.name },
  )
  expect(seen.after).toEqual(seen.before)
  expect(seen.left).toEqual(['lo'])
  for (const round of seen.rounds) {
    expect(round).toEqual({ carriers: 50, ids: 50, atHome: 1 + 50 + 25, left: ['lo'] })
  }
  expect(left.links()).toHaveLength(1)
})

test('20 creations of which every third is refused: the others are there, and nothing else', async () => {
  using home = Netns.create('home')
  using left = Netns.create('left')
  left.ip('tuntap', 'add', 'dev', 'taken', 'mode', 'tap')
  const seen = await evaluate(
    async ({ createPair, descriptors, links }, left) => {
      await (await createPair({ b: { netns: left } })).close() // the workshop stays
      const before = descriptors()
      const results = await Promise.allSettled(
        Array.from({ length: 20 }, (_, n) =>
          createPair({
            a: { name: `a${n}` },
            b: { name: n % 3 === 2 ? 'taken' : `b${n}`, netns: left },
          }),
        ),
      )
      const made = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
      const codes = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []))
      const names = links().sort()
      const taps = descriptors().filter((target) => target === '/dev/net/tun').length
      await Promise.all(made.map((pair) => pair.close()))
      return { codes, names, taps, before, after: descriptors(), left: links() }
    },
    left.name,
    { netns: home.name },
  )
  const wanted = Array.from({ length: 20 }, (_, n) => n).filter((n) => n % 3 !== 2)
  expect(seen.codes).toEqual(Array(6).fill('EEXIST'))
  expect(seen.names).toEqual([...wanted.map((n) => `a${n}`), 'lo'].sort())
  expect(seen.taps).toBe(2 * wanted.length)
  expect(seen.after).toEqual(seen.before)
  expect(seen.left).toEqual(['lo'])
  expect(left.links().map(({ ifname }) => ifname)).toEqual(['lo', 'taken'])
})

test('orders to many pairs at once are kept apart', async () => {
  using home = Netns.create('home')
  using left = Netns.create('left')
  const names = await evaluate(
    async ({ createPair, links }, left) => {
      const pairs = await Promise.all(
        Array.from({ length: 12 }, (_, n) => createPair({ a: { name: `a${n}` }, b: { name: `b${n}` } })),
      )
      await Promise.all(
        pairs.flatMap((pair, n) => [
          pair.a.move(left, { name: `m${n}` }),
          pair.b.set({ name: `r${n}`, mtu: 1400 + n, up: n % 2 === 0 }),
          ...(n % 4 === 0 ? [pair.setCarrier('on')] : []),
        ]),
      )
      const said = pairs.map(({ a, b, carrier }) => [
        a.name,
        a.netns === left,
        b.name,
        b.mtu,
        b.isUp,
        carrier,
      ])
      const names = links()
      await Promise.all(pairs.filter((_, n) => n % 2 === 0).map((pair) => pair.close()))
      const kept = links()
      await Promise.all(pairs.map((pair) => pair.close()))
      return { said, names, kept, after: links() }
    },
    left.name,
    { netns: home.name },
  )
  const all = Array.from({ length: 12 }, (_, n) => n)
  expect(names.said).toEqual(all.map((n) => [`m${n}`, true, `r${n}`, 1400 + n, n % 2 === 0, n % 4 === 0]))
  expect(names.names.sort()).toEqual(['lo', ...all.map((n) => `r${n}`)].sort())
  expect(names.kept.sort()).toEqual(['lo', ...all.filter((n) => n % 2).map((n) => `r${n}`)].sort())
  expect(names.after).toEqual(['lo'])
  expect(left.links()).toHaveLength(1)
})

test('pairs that are deleted by others all at once: each says closed once, and the process ends', async () => {
  using home = Netns.create('home')
  using left = Netns.create('left')
  await using program = launch(
    async ({ createPair, descriptors, say }, left) => {
      await (await createPair({ b: { netns: left } })).close() // the workshop stays
      const before = descriptors()
      const pairs = await Promise.all(
        Array.from({ length: 30 }, (_, n) =>
          createPair({ a: { name: `a${n}`, up: true }, b: { name: `b${n}`, netns: left, up: true } }),
        ),
      )
      const reasons: string[] = []
      for (const pair of pairs) {
        pair.on('closed', ({ reason, end }) => {
          reasons.push(`${reason} ${end === pair.b ? 'b' : 'a'}`)
          if (reasons.length === 30) say({ event: 'all', reasons, before, after: descriptors() })
        })
      }
      say({ event: 'made' })
    },
    left.name,
    { netns: home.name },
  )
  await program.next('made')
  left.delete()
  const { reasons, before, after } = await program.next('all')
  expect(reasons).toEqual(Array(30).fill('netns-deleted b'))
  expect(after).toEqual(before)
  expect((await program.end()).code).toBe(0)
  expect(home.links()).toHaveLength(1)
})
