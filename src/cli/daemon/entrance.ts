// Where the daemon that a verb starts belongs, and the words that lead there. Called by start.ts. It must not
// stand in a namespace of the caller's, which may be a short-lived one (`ip netns exec`, `unshare`): a process
// keeps its network namespace alive, and its mounts keep those alive that have a name.

import { spawnSync } from 'node:child_process'
import { readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { UvethError } from '../../errors.js'

const INIT = '1'

/**
 * The words that lead `command` into the network and mount namespace where it belongs, none where those are
 * the caller's. `files` have to be there under the same paths: otherwise it keeps the caller's mounts.
 */
export function entrance(command: string[], files: string[]): string[] {
  const pid = homeProcess()
  const flags = [
    ...(isOurs(pid, 'net') ? [] : ['-n']),
    ...(isOurs(pid, 'mnt') || !files.every((path) => isTheSame(pid, path)) ? [] : ['-m']),
  ]
  if (flags.length === 0) return []
  const words = ['nsenter', '-t', pid, ...flags]
  const tried = spawnSync(words[0] as string, [...words.slice(1), process.execPath, '--version'])
  if (tried.status === 0) return words
  // Without the tool nobody gets there; and that an ancestor stands in the right place is only likely.
  if (tried.error !== undefined || pid !== INIT) return []
  const remedy = [...words, ...command.slice(0, -2)].join(' ')
  const message = `EPERM: the daemon belongs into the namespaces of pid 1, which may not be entered from here: run, where it may: ${remedy}`
  throw new UvethError(message, { code: 'EPERM', syscall: 'setns' })
}

/**
 * Pid 1, a container's own in a container. Where that cannot be looked at (some VMs and containers), the
 * topmost ancestor that can: whoever entered a namespace for a while is further down. Mounts that belong to
 * another user namespace are nothing to run a program of root's in.
 */
function homeProcess(): string {
  const isFit = (pid: string) => namespaceOf(pid, 'net') !== undefined && isOurs(pid, 'user')
  return [INIT, ...ancestors()].find(isFit) ?? 'self'
}

/** Process ids, the topmost first, as /proc has them: its pid namespace may not be ours. */
function ancestors(): string[] {
  const found: string[] = []
  for (let pid = parentOf('self'); pid !== undefined; pid = parentOf(pid)) found.unshift(pid)
  return found
}

function parentOf(pid: string): string | undefined {
  try {
    return /^PPid:\s*([1-9]\d*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  } catch {
    return undefined // it has ended
  }
}

function namespaceOf(pid: string, kind: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`)
  } catch {
    return undefined
  }
}

function isOurs(pid: string, kind: string): boolean {
  return namespaceOf(pid, kind) === namespaceOf('self', kind)
}

/** Whether `path` is the same file in the mounts of `pid`. Without links: an absolute one leads back into ours. */
function isTheSame(pid: string, path: string): boolean {
  try {
    const real = realpathSync(path)
    const [ours, theirs] = [statSync(real), statSync(`/proc/${pid}/root${real}`)]
    return ours.dev === theirs.dev && ours.ino === theirs.ino
  } catch {
    return false
  }
}
