// The `ping` program inside a namespace: whether an address answers, and a run of pings that goes on while a test
// does something.

import type { Netns } from './netns.js'

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
