// What many tests begin with: a pair between two namespaces, and ping over it. `wired(left, right)` makes the
// options for createPair; the rest runs the `ping` program inside a namespace. No test's own business here.

import type { EndOptions, Pair, PairEvents, PairOptions } from 'uveth'
import { type Netns, run } from './netns.js'

/** Addresses of the two ends. */
export const A = '10.0.0.1'
export const B = '10.0.0.2'

/** veth0 in `left` and veth1 in `right`, both up, addressed and quiet; `a` and `b` change that. */
export function wired(
  left: Netns,
  right: Netns,
  { a = {}, b = {} }: { a?: EndOptions; b?: EndOptions } = {},
): PairOptions & { a: EndOptions; b: EndOptions } {
  return {
    a: { name: 'veth0', netns: left.name, addresses: [`${A}/24`], up: true, ...a },
    b: { name: 'veth1', netns: right.name, addresses: [`${B}/24`], up: true, ...b },
    quiet: true,
  }
}

/** Everything that the pair says from now on, with an end by its letter. */
export function listen(pair: Pair): Record<string, unknown>[] {
  const seen: Record<string, unknown>[] = []
  const note = (event: keyof PairEvents) =>
    pair.on(event, (detail: { end?: unknown }) => {
      const end = detail.end ? { end: detail.end === pair.a ? 'a' : 'b' } : {}
      seen.push({ event, ...detail, ...end })
    })
  for (const event of ['carrier', 'renamed', 'moved', 'closed'] as const) note(event)
  return seen
}

/** Does at least one of a few pings come back? */
export function pings(from: Netns, address: string): boolean {
  try {
    from.exec('ping', '-n', '-c', '3', '-i', '0.1', '-W', '1', address)
    return true
  } catch {
    return false
  }
}

/** A run of `count` pings, one every `interval` ms, that goes on while the test does something. */
export class PingRun {
  /** Resolves with how many were answered, when the last one was or is given up. */
  readonly received: Promise<number>

  constructor(from: Netns, address: string, count: number, interval = 20) {
    const words = ['-n', '-q', '-c', `${count}`, '-i', `${interval / 1000}`, '-W', '2', address]
    const child = from.spawn('ping', words)
    let said = ''
    child.stdout?.on('data', (text) => {
      said += text
    })
    this.received = new Promise((resolve, reject) => {
      child.once('close', () => {
        const found = /(\d+) packets transmitted, (\d+) received/.exec(said)
        if (found?.[1] === `${count}`) resolve(Number(found[2]))
        else reject(new Error(`ping ${words.join(' ')} said: ${said}`))
      })
    })
    this.received.catch(() => {}) // whoever waits for it is told
  }
}

/** Processes that have this namespace for their own, or a descriptor of it. */
export function holdersOf(inode: number): string[] {
  const found = run('sh', '-c', 'ls -l /proc/[0-9]*/task/[0-9]*/ns/net /proc/[0-9]*/fd 2>/dev/null || true')
  let folder = ''
  return found.split('\n').flatMap((line) => {
    if (line.endsWith(':')) folder = line
    return line.includes(`net:[${inode}]`) ? [`${folder} ${line}`] : []
  })
}
