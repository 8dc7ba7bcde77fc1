// Entry of the Node processes that program.ts starts, and of their threads: runs the function given as text
// (first argument) with a kit and its argument (second one, JSON), and says what came of it as a JSON line.
// Plain JavaScript, because no loader is there. It must not hide a leak, so it holds nothing open.

import * as childProcess from 'node:child_process'
import * as dgram from 'node:dgram'
import * as events from 'node:events'
import * as fs from 'node:fs'
import * as net from 'node:net'
import { runInThisContext } from 'node:vm'
import * as workers from 'node:worker_threads'
import * as uveth from 'uveth'

const [, , source = '', argument = 'null'] = process.argv
/** How slow this machine is: pace.ts. */
const pace = Number(process.env.UVETH_TEST_PACE ?? 1)

/** Writes a JSON line at once: it is out before process.exit(). */
function say(message) {
  fs.writeSync(1, `${JSON.stringify(message)}\n`)
}

const kit = {
  ...uveth,
  say,
  childProcess,
  dgram,
  events,
  fs,
  net,
  workers,
  /** Names of the interfaces of this process's namespace. */
  links: () => fs.readFileSync('/proc/self/net/dev', 'utf8').match(/[^\s:]+(?=:)/g) ?? [],
  /** What this process's descriptors point to, sorted: `socket`, `/dev/net/tun`, … */
  descriptors,
  atRest,
  sleep,
  until,
  thread: (body, argument) =>
    new workers.Worker(new URL(import.meta.url), {
      argv: [String(body), JSON.stringify(argument ?? null)],
    }),
}

const event = workers.isMainThread ? 'answer' : 'thread-answer'

/** Helper threads of Node and of the addon come and go: they are counted once their number stays. */
async function atRest() {
  const count = () => fs.readdirSync('/proc/self/task').length
  let threads = count()
  for (let same = 0; same < 5; same++) {
    await sleep(20 * pace)
    const now = count()
    if (now !== threads) same = 0
    threads = now
  }
  return { threads, descriptors: descriptors() }
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

async function until(what, condition) {
  const deadline = performance.now() + 10_000 * pace
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`still waiting for: ${what}`)
    await sleep(10)
  }
}

function descriptors() {
  const targets = []
  for (const fd of fs.readdirSync('/proc/self/fd')) {
    try {
      targets.push(fs.readlinkSync(`/proc/self/fd/${fd}`).replace(/:\[\d+\]$/, ''))
    } catch {
      // the one of readdir itself
    }
  }
  return targets.sort()
}

try {
  const body = runInThisContext(`(${source})`, { filename: 'function-of-a-test.js' })
  const value = await body(kit, JSON.parse(argument))
  say({ event, value })
} catch (error) {
  const { name, message, code, errno, syscall, hint, attribute } = error
  say({ event, thrown: { name, message, code, errno, syscall, hint, attribute } })
}
