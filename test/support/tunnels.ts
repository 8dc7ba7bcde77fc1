// Hosts that tunnels are between: network namespaces with the kernel's veth between them, one of which is a daemon's home.
// Used by integration/312 and 314.

import { onTestFinished } from 'vitest'
import { commandOf } from './cli.js'
import { TestDaemon } from './daemon.js'
import { Netns } from './netns.js'
import { stop } from './replace.js'

/** A daemon whose home is 10.9.0.1 and fd09::1, another host that is 10.9.0.2 and fd09::2, and one that has its end a. */
export async function hosts(...words: string[]) {
  const daemon = await TestDaemon.start('--log', 'warn', ...words)
  const [other, near] = [Netns.create('other'), Netns.create('near')]
  onTestFinished(async () => {
    await stop(daemon)
    await daemon[Symbol.asyncDispose]()
    near[Symbol.dispose]()
    other[Symbol.dispose]()
  })
  daemon.home.ip('link', 'add', 'o0', 'type', 'veth', 'peer', 'o1', 'netns', other.name)
  for (const [netns, link, host] of [
    [daemon.home, 'o0', 1],
    [other, 'o1', 2],
  ] as const) {
    netns.ip('addr', 'add', `10.9.0.${host}/24`, 'dev', link)
    netns.ip('addr', 'add', `fd09::${host}/64`, 'dev', link, 'nodad')
    netns.ip('link', 'set', link, 'up')
  }
  return { daemon, other, near, uveth: commandOf(daemon) }
}

/** The kernel's own tunnel on the other host, 10.42.0.2 and fd42::2 in it. */
export function kernelTunnel(other: Netns, remote: string, ...more: string[]): void {
  other.ip('link', 'add', 'vx0', 'type', 'vxlan', 'id', '42', 'remote', remote, 'dstport', '4789', ...more)
  addressed(other, 'vx0', 2)
}

export function addressed(netns: Netns, link: string, host: number): void {
  netns.ip('addr', 'add', `10.42.0.${host}/24`, 'dev', link)
  netns.ip('addr', 'add', `fd42::${host}/64`, 'dev', link, 'nodad')
  netns.ip('link', 'set', link, 'up')
}
