// Entry of the Node processes that program.ts starts: runs the function given as text (first argument) with
// a kit and its argument (second one, JSON), and says what came of it as a JSON line. Plain JavaScript,
// because no loader is there; it must stay free of everything that would hide a leak, so it holds nothing.

import * as childProcess from 'node:child_process'
import * as events from 'node:events'
import * as fs from 'node:fs'
import * as net from 'node:net'
import * as workers from 'node:worker_threads'
import * as uveth from 'uveth'

const [, , source = '', argument = 'null'] = process.argv

/** Writes a JSON line at once: it is out before process.exit(). */
function say(message) {
  fs.writeSync(1, `${JSON.stringify(message)}\n`)
}

const kit = {
  ...uveth,
  say,
  childProcess,
  events,
  fs,
  net,
  workers,
  /** Names of the interfaces of this process's namespace. */
  links: () => fs.readFileSync('/proc/self/net/dev', 'utf8').match(/[^\s:]+(?=:)/g) ?? [],
  /** What this process's descriptors point to, sorted: `socket`, `/dev/net/tun`, … */
  descriptors,
  threads: () => fs.readdirSync('/proc/self/task').length,
  sleep,
  until,
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

async function until(what, condition) {
  const deadline = performance.now() + 10_000
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
  const body = (0, eval)(`(${source})`)
  const value = await body(kit, JSON.parse(argument))
  say({ event: 'answer', value })
} catch (error) {
  const { name, message, code, errno, syscall, hint, attribute } = error
  say({ event: 'answer', thrown: { name, message, code, errno, syscall, hint, attribute } })
}
