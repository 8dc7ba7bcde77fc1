// Files of ours that stand where others may know their names: the locks and the log beside the socket, the file of
// wanted pairs. Called by daemon/lock.ts, cli/daemon/start.ts and orders/state.ts. Whoever may write to such a folder
// can put a link, a pipe or a file of his own there: nothing is followed, nothing foreign is written to, and the
// folder is refused. Without the addon. Not for files that a user names to be written (captures).

import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  type Stats,
  statSync,
} from 'node:fs'
import { open, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { invalid, type UvethError } from './errors.js'

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants
const MODE = 0o640
const STICKY = 0o1000
/** Of group and others. */
const WRITABLE = 0o022

/** A descriptor of the file at `path`; `flags` as open(2) has them, O_CREAT too. */
export function openOwn(path: string, flags: number): number {
  checkPlace(path)
  const fd = openSync(path, flags | O_NOFOLLOW | O_NONBLOCK, MODE)
  try {
    checkFile(path, fstatSync(fd)) // what was looked at may not be what was opened
    return fd
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

export function readOwn(path: string): string {
  const fd = openOwn(path, O_RDONLY)
  try {
    return readFileSync(fd, 'utf8')
  } finally {
    closeSync(fd)
  }
}

/** undefined where there is no such file. */
export function readOwnIfThere(path: string): string | undefined {
  try {
    return readOwn(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Whoever reads `path`, also after a power cut, finds the old text or the new one. */
export async function replaceOwn(path: string, text: string): Promise<void> {
  checkPlace(path)
  const temporary = `${path}.new`
  const left = lookAt(lstatSync, temporary) // by one that was killed
  if (left !== undefined) {
    checkFile(temporary, left)
    await unlink(temporary)
  }
  const file = await open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, MODE)
  try {
    await file.writeFile(text)
    await file.sync()
    await rename(temporary, path)
  } catch (error) {
    await unlink(temporary).catch(() => {}) // half a file takes room on a full disk
    throw error
  } finally {
    await file.close()
  }
  const folder = await open(dirname(path))
  await folder.sync().finally(() => folder.close())
}

/** In a sticky folder (/tmp) nobody can take away what is there and ours, but anybody may be there first. */
function checkPlace(path: string): void {
  const folder = dirname(path)
  const present = lookAt(lstatSync, path)
  const { uid, mode = 0 } = lookAt(statSync, folder) ?? {}
  if (uid === undefined) return // opening says so
  const stays = (mode & STICKY) !== 0 && present !== undefined
  if (!isOurs(uid) || ((mode & WRITABLE) !== 0 && !stays)) {
    const who = isOurs(uid) ? `its mode is ${(mode & 0o7777).toString(8)}` : `it belongs to uid ${uid}`
    const remedy = 'give it a folder of its own, in here or elsewhere'
    throw refused(
      `others may write to the folder '${folder}' (${who}), so '${path}' is not safe there: ${remedy}`,
    )
  }
  if (present !== undefined) checkFile(path, present)
}

/** Undefined also where we may not look: then opening says why. */
function lookAt(stat: typeof lstatSync, path: string): Stats | undefined {
  try {
    return stat(path, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

function checkFile(path: string, stats: Stats): void {
  const fault = faultOf(stats)
  if (fault !== undefined) throw refused(`'${path}' is ${fault}, and nothing of ours: take it away`)
}

function faultOf(stats: Stats): string | undefined {
  if (stats.isSymbolicLink()) return 'a symbolic link'
  if (!stats.isFile()) return 'no regular file'
  if (!isOurs(stats.uid)) return `a file of uid ${stats.uid}`
  return stats.nlink > 1 ? 'a file with another name (a hard link)' : undefined
}

function isOurs(uid: number): boolean {
  return uid === 0 || uid === process.geteuid?.()
}

function refused(why: string): UvethError {
  return invalid(why, undefined, 'EPERM')
}
