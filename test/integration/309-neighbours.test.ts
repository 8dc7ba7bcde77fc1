// What one end's owner does delays no other pair: while something mischievous is done to 20 pairs, the orders and pings
// of another pair of the process are measured; and at the same time, on the same busy machine, those of a pair of another
// process, to which nothing is done; both begin when both are ready. The 99th hundredth may be 50 ms more than there. The same without a clock, for the
// turns of the link thread and for bursts: test/unit/link/turns.test.ts, test/unit/datapath/.

import * as childProcess from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { createPair, type Pair } from 'uveth'
import { afterAll, beforeAll, expect } from 'vitest'
import { Netns, until } from '../support/netns.js'
import { patient } from '../support/pace.js'
import { launch } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'ping', 'setpriv', 'unshare')

/** ms; of a slow machine so much more, as all that is done to the others takes so much longer. */
const MORE = patient(50)
const MEASURED = 5_000
const PAIRS = 20

interface Setting {
  left: string
  right: string
  /** In the names of its ends, and in their addresses. */
  name: string
  net: number
  time: number
}

interface Measured {
  orders: number
  pings: number
  answered: number
}

/** Orders of a pair of its own, and pings through it, for so long: the 99th hundredth of each, in ms. */
async function measure(
  kit: {
    createPair: typeof createPair
    childProcess: typeof childProcess
    sleep: (ms: number) => Promise<unknown>
    /** Called when it could begin; it does when that resolves. */
    ready: () => Promise<unknown>
  },
  { left, right, name, net, time }: Setting,
): Promise<Measured> {
  const pair = await kit.createPair({
    a: { name: `${name}0`, netns: left, up: true, addresses: [`10.78.${net}.1/24`] },
    b: { name: `${name}1`, netns: right, up: true, addresses: [`10.78.${net}.2/24`] },
    quiet: true,
  })
  await kit.ready()
  const words = ['-n', '-i', '0.02', '-c', `${time / 20}`, '-W', '5', `10.78.${net}.2`]
  const ping = kit.childProcess.spawn('ip', ['netns', 'exec', left, 'ping', ...words])
  let said = ''
  ping.stdout.on('data', (text) => {
    said += text
  })
  const ended = new Promise((resolve) => ping.once('close', resolve))
  const orders: number[] = []
  for (const end = performance.now() + time; performance.now() < end; await kit.sleep(20)) {
    const began = performance.now()
    await pair.a.set({ mtu: orders.length % 2 === 0 ? 1400 : 1500 })
    orders.push(performance.now() - began)
  }
  await ended
  await pair.close()
  const pings = [...said.matchAll(/time=([\d.]+)/g)].map(([, ms]) => Number(ms))
  const p99 = (delays: number[]) =>
    delays.sort((one, other) => one - other)[Math.floor(delays.length * 0.99)] ?? 0
  return { orders: p99(orders), pings: p99(pings), answered: pings.length / (time / 20) }
}

/** The same in a process of its own. Its two parts: it is ready, and what it has measured once it was told to begin. */
function measureElsewhere(setting: Setting) {
  const body = `async (kit, setting) => {
    const ready = () => new Promise((begin) => {
      process.once('SIGUSR2', begin)
      kit.say({ event: 'ready' })
    })
    kit.say({ event: 'measured', ...(await (${measure})({ ...kit, ready }, setting)) })
  }`
  const program = launch(body, setting)
  return {
    program,
    ready: program.next('ready'),
    begin: async () => {
      program.process.kill('SIGUSR2')
      return (await program.next('measured')) as unknown as Measured
    },
  }
}

let left: Netns
let right: Netns
let pairs: Pair[]
beforeAll(async () => {
  left = Netns.create('left')
  right = Netns.create('right')
  const wishes = Array.from({ length: PAIRS }, (_, number) => ({
    a: { name: `m${number}`, netns: left.name, up: true, addresses: [`10.79.${number}.1/24`] },
    b: { name: `n${number}`, netns: right.name, up: true, addresses: [`10.79.${number}.2/24`] },
    quiet: true,
  }))
  pairs = await Promise.all(wishes.map((wish) => createPair(wish)))
})
afterAll(async () => {
  await Promise.all(pairs.map((pair) => pair.close()))
  left[Symbol.dispose]()
  right[Symbol.dispose]()
})

/** Begins something; what it answers ends it. */
type Mischief = () => Promise<() => unknown> | (() => unknown)

/** Commands of `ip -batch`, again and again, as fast as it goes. */
function endless(lines: string): () => unknown {
  const child = left.spawn('sh', ['-c', `while :; do printf '${lines}'; done | ip -force -batch -`])
  return () => child.kill()
}

const each = (command: (name: string) => string) => pairs.map((_, number) => command(`m${number}`)).join('')

const MISCHIEF: Record<string, Mischief> = {
  'links in mode dormant, that go up and down': () => {
    left.exec(
      'sh',
      '-c',
      each((name) => `ip link set ${name} mode dormant;`),
    )
    const end = endless(each((name) => `link set ${name} down\\nlink set ${name} up\\n`))
    return () => {
      end()
      left.exec(
        'sh',
        '-c',
        each((name) => `ip link set ${name} mode default up;`),
      )
    }
  },
  'ends that their owner flaps without end': () =>
    endless(each((name) => `link set ${name} down\\nlink set ${name} up\\n`)),
  'flaps of 1 ms that were ordered': () => {
    const ended = new AbortController()
    for (const pair of pairs) pair.flap(1, 1_000_000, { signal: ended.signal }).catch(() => {})
    return () => ended.abort()
  },
  'an owner in an unprivileged user namespace, that flaps it': async () => {
    const flaps = 'while :; do ip link set m0 down; ip link set m0 up; done 2>/dev/null'
    const words = ['--reuid', '65534', '--clear-groups', 'unshare', '-Urn', 'sh', '-c', flaps]
    const owner = childProcess.spawn('setpriv', words, { stdio: 'ignore' })
    const [pair] = pairs as [Pair]
    await until('its namespace', async () => {
      const moved = await pair.a.move(owner.pid as number).then(
        () => true,
        () => false,
      )
      return moved && pair.a.netns !== null
    })
    return async () => {
      await pair.a.move(left.name)
      await pair.a.set({ up: true })
      owner.kill('SIGKILL')
      await once(owner, 'exit')
    }
  },
  'as many rules as an end may have, which no index tells apart, and a flood': () => {
    const [pair] = pairs as [Pair]
    left.ip('addr', 'replace', '10.79.0.1/24', 'dev', 'm0')
    left.ip('link', 'set', 'm0', 'up')
    for (let rule = 0; rule < 1024; rule++) {
      const value = (rule % 256).toString(16).padStart(2, '0')
      pair.a.addRule({ kind: 'drop' }, { bytes: [[0, '0fff', `0f${value}`]] })
    }
    const floods = [1, 2].map(() => left.spawn('ping', ['-n', '-q', '-f', '-l', '100', '10.79.0.2']))
    return () => {
      for (const flood of floods) flood.kill()
    }
  },
}

test.each(Object.keys(MISCHIEF))(
  'no pair is hurt by %s',
  // Programs that are not ours may take the processor from one of the two and not from the other.
  { timeout: patient(120_000), retry: 2 },
  async (name) => {
    const places = { left: left.name, right: right.name, time: MEASURED }
    const end = await MISCHIEF[name]?.()
    const other = measureElsewhere({ ...places, name: 'w', net: 2 })
    await using _program = other.program
    let elsewhere: Promise<Measured> | undefined
    const ready = async () => {
      await other.ready
      elsewhere = other.begin()
    }
    const here = await measure(
      { createPair, childProcess, sleep, ready },
      { ...places, name: 'v', net: 1 },
    ).finally(end)
    const there = (await elsewhere) as Measured
    if (process.env.UVETH_SHOW) console.log(name, JSON.stringify({ here, there }))
    const isWell =
      here.orders < there.orders + MORE &&
      here.pings < there.pings + MORE &&
      here.answered >= 0.95 * there.answered
    expect({ isWell, here, there }).toMatchObject({ isWell: true })
  },
)
