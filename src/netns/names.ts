// Names of network namespaces, and what they mean: a name made with `ip netns add`, a path, a process id, a container,
// the `NAME@NS` of an interface, `net:[inode]`. Whoever takes or shows one asks here: cli/, orders/, pair/options.ts,
// doctor/. Without the addon: open.ts opens what is meant, container.ts asks an engine and is loaded only for that.

import { basename, dirname, join, resolve } from 'node:path'
import { fs } from '../builtins.js'
import { UvethError } from '../errors.js'

/** A network namespace as it crosses to the link thread: a namespace file, a process in it, or null for home. */
export type NetnsPlace = { path: string; ours?: true } | { pid: number } | null

/** Where `ip netns add` makes them. */
export const NETNS_DIRECTORY = '/run/netns'
/** Paths of those that this process is making for itself (own.ts): what is made for them now may keep them alive. */
export const ours = new Set<string>()
/** Type of the file system that namespaces are files of. */
const NSFS_MAGIC = 0x6e736673
/** What stands in front of the name of a container that shall not be taken for anything else. */
const CONTAINER = 'container:'

export function pathOfName(name: string): string {
  return `${NETNS_DIRECTORY}/${name}`
}

export function pathOfPlace(place: NonNullable<NetnsPlace>): string {
  return 'path' in place ? place.path : `/proc/${place.pid}/ns/net`
}

/** `netns`: a name, a path (it contains a `/`), a process id, or null for home; checked. */
export function placeOf(netns: string | number | null): NetnsPlace {
  if (netns === null) return null
  if (typeof netns === 'number') return { pid: netns }
  const path = netns.includes('/') ? netns : pathOfName(netns)
  return ours.has(path) ? { path, ours: true } : { path }
}

/** As `ip` reads it: a name where there is one, otherwise a number is a process id. */
export function nameOrPid(text: string): string | number {
  return /^[1-9]\d{0,9}$/.test(text) && !isNamed(text) ? Number(text) : text
}

/**
 * A word of the command line, made to mean the same for the daemon, which is another process with another working
 * folder. What is not known here stays as it is: `locate` asks whether that is a container.
 */
export function readNetns(text: string): string | number {
  if (text.startsWith(CONTAINER)) return text
  return text.includes('/') ? withoutLinks(resolve(text)) : nameOrPid(text)
}

/** What `readNetns` has read, where it is neither a path nor a name under /run/netns: a container's process. */
export async function locate(place: string | number): Promise<string | number> {
  if (typeof place === 'number' || place === '') return place
  const explicit = place.startsWith(CONTAINER)
  if (!explicit && (place.includes('/') || isNamed(place))) return place
  const { containerPid } = await import('./container.js')
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
function withoutLinks(path: string): string {
  if (path.startsWith('/proc/'))
    return path.replace(/^\/proc\/(?:self|thread-self)(?=\/)/, `/proc/${process.pid}`)
  try {
    return join(fs.realpathSync(dirname(path)), basename(path))
  } catch {
    return path // the daemon says what is wrong with it
  }
}

/** `NAME@NS` in its parts; undefined for another reference. A name may hold an `@`, so the last one counts. */
export function splitRef(ref: string): { name: string; place: string } | undefined {
  const at = ref.lastIndexOf('@')
  return at < 1 || ref.startsWith('id:') ? undefined : { name: ref.slice(0, at), place: ref.slice(at + 1) }
}

/**
 * A reference as the daemon knows it: what stands behind its last `@` may be any namespace, as `-n` takes it. A
 * word that means none is left as it is: a name may hold an `@`.
 */
export async function findRef(text: string): Promise<string> {
  const { name, place = '' } = splitRef(text) ?? {}
  if (place === '' || parseInode(place) !== undefined) return text
  const found = await findNetns(place).catch((error: unknown) => {
    if (error instanceof UvethError && error.code === 'ENOENT') return place
    throw error
  })
  const named = found === place && !place.includes('/')
  const inode = named ? undefined : inodeOfNetns(found)
  return inode === undefined ? text : `${name}@${showInode(inode)}`
}

/** The names of an interface. */
interface Called {
  name: string
  altnames: readonly string[]
}

export function isCalled(end: Called, name: string): boolean {
  return end.name === name || end.altnames.includes(name)
}

/** Is it the interface that is called `name` in the namespace with this inode? */
export function isEndAt(end: Called & { netnsInode: number }, name: string, inode: number): boolean {
  return isCalled(end, name) && end.netnsInode === inode
}

/** As the kernel writes it, and everything that shows a namespace without a name. */
export function showInode(inode: number): string {
  return `net:[${inode}]`
}

export function parseInode(text: string | undefined): number | undefined {
  const digits = /^net:\[(\d+)\]$/.exec(text ?? '')?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** Inode of a namespace, as `-n` has it or findNetns answers it, or of one's own. */
export function inodeOfNetns(netns: string | number | undefined): number | undefined {
  try {
    if (netns === undefined) return parseInode(fs.readlinkSync('/proc/self/ns/net'))
    const place = placeOf(typeof netns === 'string' ? readNetns(netns) : netns)
    const path = place === null ? undefined : pathOfPlace(place)
    return path !== undefined && isNamespace(path) ? fs.statSync(path).ino : undefined
  } catch {
    return undefined // the daemon says what is wrong with it
  }
}

/** Of a container that has ended, or a machine that went down, a plain file may be left. */
export function isNamespace(path: string): boolean {
  try {
    return fs.statfsSync(path).type === NSFS_MAGIC
  } catch {
    return false
  }
}

/** Of one that has no inode: undefined where it is a process that may not be looked into. */
export function whyNone(netns: string): string | undefined {
  if (isHidden(Number(netns))) return undefined
  return fs.existsSync(resolve(NETNS_DIRECTORY, netns)) ? 'it is none' : 'no such file or directory'
}

/** A process that may not be looked into: the kernel may take its namespace all the same. */
export function isHidden(pid: number): boolean {
  try {
    fs.statSync(pathOfPlace({ pid }))
    return false
  } catch (error) {
    return ['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')
  }
}

function isNamed(name: string): boolean {
  return fs.existsSync(pathOfName(name))
}
