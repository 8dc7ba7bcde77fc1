// How the command line names network namespaces. A name or path is made to mean the same for the
// daemon, which is another process with another working folder; a container becomes its process id.

import { existsSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { UvethError } from '../errors.js'

/** What stands in front of the name of a container that shall not be taken for anything else. */
const CONTAINER = 'container:'

/**
 * As `ip` reads it: a name where there is one, otherwise a number is a process id. What it does not know it
 * answers as it is: `locate` asks whether that is a container.
 */
export function readNetns(text: string): string | number {
  if (text.startsWith(CONTAINER)) return text
  if (text.includes('/')) return pathOf(resolve(text))
  return /^[1-9]\d*$/.test(text) && !isNamed(text) ? Number(text) : text
}

/** What `readNetns` has read, where it is neither a path nor a name under /run/netns: a container's process. */
export async function locate(place: string | number): Promise<string | number> {
  if (typeof place === 'number' || place === '') return place
  const explicit = place.startsWith(CONTAINER)
  if (!explicit && (place.includes('/') || isNamed(place))) return place
  const { containerPid } = await import('../netns/container.js')
  return (await containerPid(explicit ? place.slice(CONTAINER.length) : place, explicit)) ?? place
}

/** A namespace as it stands on the command line. */
export async function findNetns(text: string): Promise<string | number> {
  return await locate(readNetns(text))
}

/**
 * Without links of folders (/var/run), by which the daemon would come from our mounts back into its own. Those
 * under /proc lead where no path does.
 */
function pathOf(path: string): string {
  if (path.startsWith('/proc/'))
    return path.replace(/^\/proc\/(?:self|thread-self)(?=\/)/, `/proc/${process.pid}`)
  try {
    return join(realpathSync(dirname(path)), basename(path))
  } catch {
    return path // the daemon says what is wrong with it
  }
}

/**
 * A reference as the daemon knows it: what stands behind its last `@` may be any namespace, as `-n` takes it. A
 * word that means none is left as it is: a name may hold an `@`.
 */
export async function findRef(text: string): Promise<string> {
  const at = text.lastIndexOf('@')
  const place = text.slice(at + 1)
  if (at < 1 || text.startsWith('id:') || place === '' || place.startsWith('net:[')) return text
  const found = await findNetns(place).catch((error: unknown) => {
    if (error instanceof UvethError && error.code === 'ENOENT') return place
    throw error
  })
  const named = found === place && !place.includes('/')
  const inode = named ? undefined : inodeOf(found)
  return inode === undefined ? text : `${text.slice(0, at)}@net:[${inode}]`
}

function isNamed(name: string): boolean {
  return existsSync(`/run/netns/${name}`)
}

/** Inode of the namespace that orders come from: `netns` as `-n` has it or as findNetns answers it, or one's own. */
export function inodeOf(netns: string | number | undefined): number | undefined {
  try {
    if (netns === undefined) return Number(/^net:\[(\d+)\]$/.exec(readlinkSync('/proc/self/ns/net'))?.[1])
    const place = typeof netns === 'string' ? readNetns(netns) : netns
    if (typeof place === 'number') return statSync(`/proc/${place}/ns/net`).ino
    return statSync(place.includes('/') ? place : `/run/netns/${place}`).ino
  } catch {
    return undefined // the daemon says what is wrong with it
  }
}
