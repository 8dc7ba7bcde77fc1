// The test kit as any runner has it: withPair, exec and spawn on real interfaces; and that nothing is left
// behind, whatever happens.

import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { createPair } from 'uveth'
import { available, type PairContext, type WithPairOptions, withPair } from 'uveth/testing'
import { afterAll, describe, expect, vi } from 'vitest'
import { run, until } from '../support/netns.js'
import { Program } from '../support/program.js'
import { needs } from '../support/skip.js'
import { alive, expectGone, failureOf } from '../support/testing-kit.js'

const test = needs('root', 'tun', 'netns', 'ip', 'ping')
const unprivileged = needs('root', 'tun', 'setpriv', 'other users')
const FIXTURES = fileURLToPath(new URL('fixtures/testing-kit', import.meta.url))
const artifacts = mkdtempSync(`${tmpdir()}/uveth-110-`)

afterAll(() => rmSync(artifacts, { recursive: true }))

const ping = ['-n', '-c', '1', '-W', '2']

/** What a test with this body fails with. */
const failure = (options: WithPairOptions, body: (context: PairContext) => unknown) =>
  failureOf(withPair({ artifacts, ...options }, body))

describe('without what it needs', () => {
  unprivileged('it says what is missing, before anything is made', async () => {
    const prefix = [
      'setpriv',
      '--reuid',
      '65534',
      '--clear-groups',
      '--inh-caps',
      '-all',
      '--bounding-set',
      '-all',
    ]
    await using program = new Program([process.execPath, `${FIXTURES}/available.mjs`], { prefix })
    const { stdout, stderr } = await program.end()
    const [said, thrown] = stdout.split('\n')
    expect(stderr).toBe('')
    expect(said).toMatch(
      /^network namespaces and pairs need CAP_NET_ADMIN and CAP_SYS_ADMIN: run the tests as root/,
    )
    expect(thrown).toBe(`EPERM: ${said}`)
  })

  test('here nothing is missing', () => {
    expect(available()).toBeUndefined()
  })
})

test('a bad wish is refused, and nothing is left', async () => {
  const before = run('ip', 'netns')
  expect((await failure({ b: { mtu: 1 } }, () => {})).message).toMatch(/^EINVAL: b.mtu must be/)
  expect((await failure({ a: { name: 'lo' } }, () => {})).message).toMatch(/^EEXIST/)
  const names = (text: string) => text.split('\n').filter((line) => line.startsWith(`uveth-${process.pid}-`))
  expect(names(run('ip', 'netns'))).toEqual(names(before))
})

test('two namespaces, lo up in each, a quiet pair between them with addresses of both versions', async () => {
  const seen = await withPair(async ({ pair, a, b, ip, ip6, netns, exec }) => {
    expect([pair.a, pair.b]).toEqual([a, b])
    expect([a.netns, b.netns]).toEqual([netns.a, netns.b])
    expect(pair.carrier).toBe(true)
    expect((await exec('a', 'ping', [...ping, ip.b])).stdout).toContain('1 received')
    expect((await exec('b', `ping ${ping.join(' ')} ${ip6.a} | grep -c 'bytes from'`)).stdout).toBe('1\n')
    await exec('a', 'ping', [...ping, '127.0.0.1'])
    expect((await exec('b', 'ip', ['-d', 'link', 'show', b.name])).stdout).toContain('addrgenmode none')
    return netns
  })
  expectGone(seen)
})

test('options of the ends are those of createPair', async () => {
  await withPair(
    { a: { name: 'left', mtu: 1400, addresses: ['10.9.8.7/24'] } },
    async ({ a, ip, ip6, exec }) => {
      expect({ name: a.name, mtu: a.mtu, ip: ip.a, ip6: ip6.a }).toEqual({
        name: 'left',
        mtu: 1400,
        ip: '10.9.8.7',
        ip6: '',
      })
      expect((await exec('a', 'ip -br addr show left')).stdout).toMatch(/10\.9\.8\.7\/24/)
    },
  )
})

test('an end with an MTU that is too small for IPv6 has no address of it', async () => {
  await withPair({ b: { mtu: 1279 } }, async ({ b, ip, ip6, exec }) => {
    expect([b.mtu, ip6.b]).toEqual([1279, ''])
    await exec('a', 'ping', [...ping, ip.b])
  })
})

test('pairs at the same time do not meet', async () => {
  const seen = await Promise.all(
    [1, 2, 3].map(() =>
      withPair(async ({ exec, ip, netns }) => (await exec('a', 'ping', [...ping, ip.b])) && netns),
    ),
  )
  expect(new Set(seen.flatMap(({ a, b }) => [a, b])).size).toBe(6)
  for (const netns of seen) expectGone(netns)
})

test('a pair that the body makes in its namespaces, and leaves there, ends with them', async () => {
  const made = await withPair(async ({ netns }) => {
    return await createPair({ a: { name: 'own', netns: netns.a }, b: { name: 'own', netns: netns.b } })
  })
  await until('it to end', () => made.closed !== undefined)
  expect(made.closed).toBe('netns-deleted')
})

test('a pair takes no program, beside one that waits for the end of this process', async () => {
  const folder = mkdtempSync(`${artifacts}/bin-`)
  for (const name of ['ip', 'sh']) writeFileSync(`${folder}/${name}`, '#!/bin/false\n', { mode: 0o755 })
  vi.stubEnv('PATH', folder)
  const netns = await withPair(({ pair, netns }) => pair.carrier && netns).finally(() => vi.unstubAllEnvs())
  expectGone(netns || expect.fail('there is no carrier'))
})

describe('exec', () => {
  test('rejects with the output when the exit code is not 0, unless that is allowed', async () => {
    await withPair(async ({ exec }) => {
      const line = 'echo out; echo oops >&2; exit 3'
      const error = await exec('a', line).catch((error) => error)
      expect(error.message).toBe(`'${line}' on a ended with code 3\nstdout: out\nstderr: oops`)
      expect(error).toMatchObject({
        code: 'ERR_EXEC',
        result: { code: 3, stdout: 'out\n', stderr: 'oops\n' },
      })
      expect(await exec('a', line, { allowFailure: true })).toEqual({
        code: 3,
        signal: null,
        stdout: 'out\n',
        stderr: 'oops\n',
      })
      await expect(exec('a', 'no-such-program', [])).rejects.toThrow(/no-such-program/)
    })
  })

  test('takes stdin, environment, folder, a time-out and a signal', async () => {
    await withPair(async ({ exec }) => {
      const line = 'cat; echo $WORD; pwd'
      const options = { input: 'in\n', env: { WORD: 'word' }, cwd: '/' }
      expect((await exec('b', line, options)).stdout).toBe('in\nword\n/\n')
      await expect(exec('a', 'sleep', ['60'], { timeout: 50 })).rejects.toThrow(/has not ended within 50 ms/)
      const stop = new AbortController()
      const sleeping = exec('a', 'sleep', ['60'], { signal: stop.signal })
      stop.abort(new Error('enough'))
      await expect(sleeping).rejects.toThrow('enough')
    })
  })
})

describe('spawn', () => {
  test('lines of its output are awaited, and it ends with the pair', async () => {
    const program = await withPair(async ({ spawn }) => {
      const program = spawn('b', 'echo one; echo two >&2; echo three; sleep 60 & wait')
      expect(await program.line(/t/)).toMatch(/^(two|three)$/)
      expect(await program.line('t')).toMatch(/^(two|three)$/)
      await expect(program.line(/four/, { timeout: 50 })).rejects.toThrow(
        /on b has not said \/four\/ within 50 ms/,
      )
      expect(program.hasEnded).toBe(false)
      return program
    })
    expect(await program.ended).toMatchObject({ signal: 'SIGKILL', stdout: 'one\nthree\n' })
    expect(alive(program.pid ?? 0)).toBe(false)
  })

  test('a program that ends says how, also to who waits for a line', async () => {
    await withPair(async ({ spawn }) => {
      const failing = spawn('a', 'sh', ['-c', 'echo reason >&2; exit 7'])
      await expect(failing.line(/ready/)).rejects.toThrow(
        /ended with code 7 before it said \/ready\/\nstderr: reason/,
      )
      const server = spawn('a', 'cat', [])
      expect(await server.stop()).toMatchObject({ code: null, signal: 'SIGTERM' })
    })
  })
})

test('an aborted test rejects at once, says why on stderr, and nothing is left', async () => {
  using said = vi.spyOn(console, 'error').mockReturnValue()
  const stop = new AbortController()
  let netns = { a: '', b: '' }
  const error = await failure({ signal: stop.signal }, async (context) => {
    netns = context.netns
    context.spawn('a', 'sleep', ['60'])
    setTimeout(() => stop.abort(new Error('time is up')), 10)
    await new Promise(() => {})
  })
  expect(error.message).toMatch(/^time is up\n\nuveth, the pair of this test:/)
  expect(said.mock.calls).toEqual([[error.message.replace('time is up\n\n', '')]])
  expectGone(netns)
  const early = await failure({ signal: AbortSignal.abort(new Error('never begun')) }, () => {})
  expect(early.message).toBe('never begun')
})

test('one that is aborted between its pair and its body rejects with the same reason', async () => {
  const stop = new AbortController()
  // It still waits for the link thread's answer about addresses then.
  const info = () => void setImmediate(() => stop.abort(new Error('too soon')))
  const logger = { debug: () => {}, info, warn: () => {} }
  const error = await failure({ signal: stop.signal, logger }, () => expect.unreachable())
  expect(error.message).toBe('too soon')
})

test('kill -9 leaves nothing behind', async () => {
  const folder = mkdtempSync(`${artifacts}/killed-`)
  await using program = new Program([process.execPath, `${FIXTURES}/hangs.mjs`], { env: { TMPDIR: folder } })
  const { netns, server } = JSON.parse(await program.line(/netns/))
  expect(readdirSync(folder)).toHaveLength(1)
  await program.stop('SIGKILL')
  await until(
    'the namespaces to go',
    () => !existsSync(`/run/netns/${netns.a}`) && !existsSync(`/run/netns/${netns.b}`),
  )
  await until('the server to end', () => !alive(server))
  await until('the capture to go', () => readdirSync(folder).length === 0)
})

test('process.exit() in a test leaves nothing behind', async () => {
  await using program = new Program([process.execPath, `${FIXTURES}/hangs.mjs`, 'exit'], {})
  const { netns, server } = JSON.parse(await program.line(/netns/))
  expect(await program.end()).toMatchObject({ code: 5 })
  await until(
    'the namespaces to go',
    () => !existsSync(`/run/netns/${netns.a}`) && !existsSync(`/run/netns/${netns.b}`),
  )
  await until('the server to end', () => !alive(server))
})
