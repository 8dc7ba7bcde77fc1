// One run of iperf3 between two namespaces, with its JSON report. Blocks the calling thread for as long as
// the client runs, as the cable must bear. It asserts nothing.

import { once } from 'node:events'
import type { Readable } from 'node:stream'
import type { Netns } from './netns.js'

interface Sum {
  bytes: number
  bits_per_second: number
  packets?: number
  lost_packets?: number
  retransmits?: number
}

export interface IperfReport {
  end: { sum_sent: Sum; sum_received: Sum; sum: Sum }
}

/** Runs a client in `from` against a server of its own in `to`; `options` are the client's. */
export async function iperf3(
  from: Netns,
  to: Netns,
  address: string,
  ...options: string[]
): Promise<IperfReport> {
  const server = to.spawn('iperf3', ['--server', '--one-off', '--forceflush', '--bind', address])
  await says(server.stdout as Readable, 'Server listening')
  const ended = once(server, 'exit')
  const report = from.exec('iperf3', '--client', address, '--json', ...options)
  await ended
  return JSON.parse(report) as IperfReport
}

/** Resolves when a program has printed `text`, with all of it so far; fails if it ends before. */
export async function says(output: Readable, text: string): Promise<string> {
  let said = ''
  for await (const chunk of output.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    said += chunk
    if (said.includes(text)) {
      output.resume() // what comes later must not fill the pipe
      return said
    }
  }
  throw new Error(`ended without saying '${text}': ${said}`)
}
