// The example of a user's hook, examples/user-hook/servfail.mjs, in a real exchange: every third DNS answer
// is a SERVFAIL, and nothing else is touched.

import { fileURLToPath } from 'node:url'
import { type PairContext, withPair } from 'uveth/testing'
import { expect } from 'vitest'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip')
const withIpv6 = needs('root', 'tun', 'netns', 'ip', 'ipv6')
const HOOK = new URL('../../examples/user-hook/servfail.mjs', import.meta.url)
const DNS = fileURLToPath(new URL('fixtures/dns.mjs', import.meta.url))
const OK = 0
const SERVFAIL = 2

/** Response codes of so many questions, asked on a of a server on b. */
async function ask({ exec, spawn }: PairContext, address: string, count: number): Promise<(number | null)[]> {
  const server = spawn('b', process.execPath, [DNS, 'serve', address])
  await server.line('listening')
  const { stdout } = await exec('a', process.execPath, [DNS, 'ask', address, String(count)])
  await server.stop('SIGKILL')
  return JSON.parse(stdout)
}

test('every third answer over IPv4 is a SERVFAIL, until the hook goes', async () => {
  await withPair(async (cable) => {
    const { b, ip, pair } = cable
    const failed: string[] = []
    pair.on('hookFailed', ({ message }) => failed.push(message))
    const hook = await b.use(HOOK, { every: 3 })
    expect(await ask(cable, ip.b, 7)).toEqual([OK, OK, SERVFAIL, OK, OK, SERVFAIL, OK])
    await hook.remove()
    expect(await ask(cable, ip.b, 4)).toEqual([OK, OK, OK, OK])
    expect(failed).toEqual([])
  })
})

withIpv6('answers over IPv6, questions and frames that are no DNS pass as they are', async () => {
  await withPair(async (cable) => {
    const { a, b, ip, ip6, exec } = cable
    await b.use(HOOK, { every: 1 })
    await a.use(HOOK, { every: 1 })
    expect(await ask(cable, ip6.b, 2)).toEqual([OK, OK])
    await exec('a', 'ping', ['-c', '2', '-i', '0.1', ip.b])
    expect(await ask(cable, ip.b, 2)).toEqual([SERVFAIL, SERVFAIL])
  })
})
