// The end of a process or a thread that has a pair: by process.exit(), terminate(), a signal or an error, in
// the middle of traffic. It ends at once, and the kernel has removed both interfaces by then. There is no
// exit handler that could fail: the descriptors go with their owner.

import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect } from 'vitest'
import { A, B } from '../support/cable.js'
import { Netns } from '../support/netns.js'
import { type Kit, launch, type Program } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'ping')
/** ms from the order to the end. */
const AT_ONCE = 2_000

interface Place {
  left: string
  right: string
}

let left: Netns
let right: Netns
let place: Place

beforeEach(() => {
  left = Netns.create('left')
  right = Netns.create('right')
  place = { left: left.name, right: right.name }
  // Floods as soon as there is somebody to answer.
  const until = `until ping -q -c 1 -W 1 ${B} >/dev/null 2>&1; do sleep 0.02; done; exec ping -q -f ${B}`
  left.spawn('sh', ['-c', until])
})

afterEach(() => {
  left[Symbol.dispose]()
  right[Symbol.dispose]()
})

/** Makes a pair and returns when much traffic goes through it. Also the body of a thread. */
async function carry(kit: Kit, { left, right }: Place): Promise<unknown> {
  const pair = await kit.createPair({
    a: { name: 'veth0', netns: left, up: true, addresses: ['10.77.0.1/24'] },
    b: { name: 'veth1', netns: right, up: true, addresses: ['10.77.0.2/24'] },
    quiet: true,
  })
  await kit.until('traffic', () => pair.counters().a.tx_packets > 1000)
  kit.say({ event: 'carrying' })
  return null
}

/** Starts a process that carries traffic and then does `last`. */
function carrying(last: (kit: Kit) => unknown): Program<Record<string, Record<string, unknown>>> {
  const text = `async (kit, place) => { await (${carry})(kit, place); return await (${last})(kit) }`
  return launch(text, place)
}

function gone(): boolean {
  return !left.has('veth0') && !right.has('veth1')
}

async function expectEndAtOnce(program: Program<Record<string, Record<string, unknown>>>) {
  const since = performance.now()
  const outcome = await program.end()
  expect(performance.now() - since).toBeLessThan(AT_ONCE)
  expect(gone()).toBe(true)
  return outcome
}

describe('a process that carries traffic', () => {
  test('ends at once by process.exit()', async () => {
    await using program = carrying(() => process.exit(3))
    await program.next('carrying')
    expect(await expectEndAtOnce(program)).toMatchObject({ code: 3, stderr: '' })
  })

  test('ends at once by an error that nobody catches', async () => {
    await using program = carrying(() => {
      setTimeout(() => {
        throw new Error('nobody catches me')
      })
    })
    await program.next('carrying')
    const { code, stderr } = await expectEndAtOnce(program)
    expect(code).toBe(1)
    expect(stderr).toContain('nobody catches me')
  })

  test('ends at once by a rejection that nobody handles', async () => {
    await using program = carrying(() => {
      setTimeout(() => Promise.reject(new Error('nobody handles me')))
    })
    await program.next('carrying')
    expect((await expectEndAtOnce(program)).code).toBe(1)
  })

  test('ends at once by an error in another of its threads', async () => {
    await using program = carrying((kit) => {
      kit.thread(() => {
        setTimeout(() => {
          throw new Error('in a thread')
        })
      }, null)
    })
    await program.next('carrying')
    await program.next('thread-answer')
    expect((await expectEndAtOnce(program)).code).toBe(1)
  })

  test.each(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP'] as const)('ends at once by %s', async (signal) => {
    await using program = carrying(() => null)
    await program.next('carrying')
    program.kill(signal)
    expect(await expectEndAtOnce(program)).toMatchObject({ code: null, signal })
  })

  test('ends at once by SIGKILL while its main thread is blocked', async () => {
    await using program = carrying((kit) => {
      setTimeout(() => {
        kit.say({ event: 'blocked' })
        for (;;);
      })
    })
    await program.next('blocked')
    program.kill('SIGKILL')
    await expectEndAtOnce(program)
  })

  test('carries on when another of its threads fails and the error is handled', async () => {
    await using program = carrying((kit) => {
      const thread = kit.thread(() => {
        setTimeout(() => {
          throw new Error('in a thread')
        })
      }, null)
      thread.once('error', ({ message }) => kit.say({ event: 'heard', message }))
    })
    await program.next('carrying')
    expect(await program.next('heard')).toMatchObject({ message: 'in a thread' })
    left.exec('ping', '-q', '-c', '3', '-i', '0.1', B)
    right.exec('ping', '-q', '-c', '3', '-i', '0.1', A)
  })
})

describe('a thread that carries traffic', () => {
  const ENDS: [string, string][] = [
    ['terminate()', 'await thread.terminate()'],
    ['its own process.exit()', `thread.postMessage('exit'); await kit.events.once(thread, 'exit')`],
    ['its own error', `thread.postMessage('throw'); await kit.events.once(thread, 'error')`],
  ]

  test.each(ENDS)('ends at once by %s, and the process lives on', async (_, end) => {
    const inThread = `async (kit, place) => {
      kit.workers.parentPort.on('message', (order) => {
        if (order === 'exit') process.exit(0)
        throw new Error(order)
      })
      await (${carry})(kit, place)
    }`
    const text = `async (kit, place) => {
      await kit.thread(() => null, null).terminate() // what the first thread of all leaves behind
      const before = await kit.atRest()
      const thread = kit.thread(${inThread}, place)
      await kit.events.once(process, 'SIGUSR2')
      const since = performance.now()
      ${end}
      const ms = performance.now() - since
      kit.say({ event: 'ended', ms, before, after: await kit.atRest() })
      const alive = setInterval(() => {}, 1000)
      await kit.events.once(process, 'SIGUSR2')
      clearInterval(alive)
      const pair = await kit.createPair({ a: { netns: place.left }, b: { netns: place.right } })
      await pair.close()
      return 'alive'
    }`
    await using program = launch(text, place)
    await program.next('carrying')
    program.kill('SIGUSR2')
    const { ms, before, after } = await program.next('ended')
    expect(gone()).toBe(true)
    expect(ms).toBeLessThan(AT_ONCE)
    expect(after).toEqual(before)
    expect(program.hasEnded).toBe(false)
    program.kill('SIGUSR2')
    expect(await program.next('answer')).toMatchObject({ value: 'alive' })
    expect((await program.end()).code).toBe(0)
  })
})

describe('a process that makes a pair', () => {
  test.each([0, 5, 20, 40, 60, 80, 100])('may exit %i ms after it began: nothing is left', async (delay) => {
    using home = Netns.create('home')
    const options = { netns: home.name }
    await using program = launch(
      ({ createPair }, delay) => {
        void createPair({ a: { up: true }, b: { up: true } })
        setTimeout(() => process.exit(0), delay)
      },
      delay,
      options,
    )
    expect((await program.end()).code).toBe(0)
    expect(home.links()).toHaveLength(1)
  })

  test('and closes it ends by itself', async () => {
    await using program = carrying(() => null)
    await program.next('answer')
    await sleep(300)
    expect(program.hasEnded).toBe(false) // with an open pair it lives
    left.ip('link', 'del', 'veth0')
    expect((await program.end()).code).toBe(0)
    expect(gone()).toBe(true)
  })

  test('whose creation is refused ends by itself', async () => {
    await using program = launch(
      ({ createPair }, { left }) => createPair({ a: { name: 'lo', netns: left } }),
      place,
    )
    expect(await program.next('answer')).toMatchObject({ thrown: { code: 'EEXIST' } })
    expect((await program.end()).code).toBe(0)
  })

  test('and calls close() ends by itself', async () => {
    await using program = launch(async ({ createPair }, { left }) => {
      const pair = await createPair({ a: { netns: left }, b: { netns: left } })
      await pair.close()
    }, place)
    expect((await program.end()).code).toBe(0)
    expect(left.links()).toHaveLength(1)
  })
})
