// Creates and removes many pairs through the library and prints the times as JSON. A program of its own, so that
// each sample starts from a fresh process:  node pairs.mjs COUNT [NETNS_A NETNS_B]
// The first pair, which starts the library's threads, is timed apart. It must not bring ends up: `ip link add`,
// which it is compared with, does not either.
import { execFileSync } from 'node:child_process'
import { createPair } from 'uveth'

const [count, ...namespaces] = process.argv.slice(2)
const [netnsA = null, netnsB = null] = namespaces // null: the namespace that this process runs in
const names = Array.from({ length: Number(count) }, (_, i) => i)

/** @import { Pair } from 'uveth' */

/**
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<[result: T, ms: number]>}
 */
async function timed(work) {
  const start = performance.now()
  const result = await work()
  return [result, performance.now() - start]
}

/** @param {number} i */
const create = (i) =>
  createPair({ a: { name: `uvbl${i}`, netns: netnsA }, b: { name: `uvbr${i}`, netns: netnsB } })
/** @param {Pair[]} pairs */
const closeAll = (pairs) => Promise.all(pairs.map((pair) => pair.close()))

function linkCount() {
  return [...new Set([netnsA, netnsB])].reduce((sum, netns) => {
    const where = netns === null ? [] : ['-n', netns]
    const links = JSON.parse(execFileSync('ip', [...where, '-j', 'link', 'show'], { encoding: 'utf8' }))
    return sum + links.filter((/** @type {{ ifname: string }} */ link) => link.ifname !== 'lo').length
  }, 0)
}

/**
 * @param {number} expected
 * @param {string} when
 */
function expectLinks(expected, when) {
  const found = linkCount()
  if (found !== expected) throw new Error(`${found} links instead of ${expected} ${when}`)
}

const [first, firstMs] = await timed(() => create(0))
await first.close()

const [pairs, createMs] = await timed(() => Promise.all(names.map(create)))
expectLinks(2 * names.length, 'after creating all at once')
const [, removeMs] = await timed(() => closeAll(pairs))
const leftBehind = linkCount()

const [serialPairs, serialMs] = await timed(async () => {
  const made = []
  for (const i of names) made.push(await create(i))
  return made
})
expectLinks(2 * names.length, 'after creating one after the other')
const [, removeAgainMs] = await timed(() => closeAll(serialPairs))

const result = {
  first_ms: firstMs,
  create_ms: createMs,
  create_serially_ms: serialMs,
  remove_ms: removeMs,
  remove_again_ms: removeAgainMs,
  left_behind: leftBehind + linkCount(),
}
process.stdout.write(`${JSON.stringify(result)}\n`)
