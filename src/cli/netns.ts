// How the command line names network namespaces. A name or path is made to mean the same for the
// daemon, which is another process with another working folder.

import { existsSync, readlinkSync, statSync } from 'node:fs'
import { resolve } from 'node:path'

/** As `ip` reads it: a name where there is one, otherwise a number is a process id. */
export function readNetns(text: string): string | number {
  if (text.includes('/'))
    return resolve(text).replace(/^\/proc\/(?:self|thread-self)(?=\/)/, `/proc/${process.pid}`)
  return /^[1-9]\d*$/.test(text) && !existsSync(`/run/netns/${text}`) ? Number(text) : text
}

/** Inode of the namespace that orders come from: `netns` as `-n` has it, or one's own. */
export function inodeOf(netns: string | undefined): number | undefined {
  try {
    if (netns === undefined) return Number(/^net:\[(\d+)\]$/.exec(readlinkSync('/proc/self/ns/net'))?.[1])
    const place = readNetns(netns)
    if (typeof place === 'number') return statSync(`/proc/${place}/ns/net`).ino
    return statSync(place.includes('/') ? place : `/run/netns/${place}`).ino
  } catch {
    return undefined // the daemon says what is wrong with it
  }
}
