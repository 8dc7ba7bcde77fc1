// Who may order over netlink: who has CAP_NET_ADMIN over the network namespace that the daemon stands in, as the
// kernel's own generic netlink asks for it. Called by netlink.ts. A message brings its sender's real uid, which the
// kernel vouches for, and a process id, which it takes from the sender's pid namespace: the rest is looked up, and
// whoever cannot be told for certain may not. Looks only; never throws.

import { closeSync, constants, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { NETLINK_USERSOCK } from '../netlink/constants.js'

const { O_DIRECTORY, O_RDONLY } = constants
/** Bit of CapEff, from linux/capability.h. */
const CAP_NET_ADMIN = 12n
/** Of linux/auxvec.h: whether the program got its rights by its file (set-user-ID, file capabilities). */
const AT_SECURE = 23n

export interface Sender {
  /** Port id of its socket. */
  port: number
  pid: number
  /** Real uid, in the daemon's user namespace. */
  uid: number
}

/** `unable`: its process may not order, whatever socket it sends by. */
export type Standing = 'admin' | 'unable' | 'unknown'

/**
 * Looked at some time after the message was sent, so it must not be possible that another one stands there by then.
 * Everything is read through one descriptor of /proc/PID, which never comes to mean a later process. A process of
 * another pid namespace with this number, or one that has gone, does not hold the socket. One that has become a
 * privileged program since, by exec, is told by AT_SECURE, and looked at before and after that. What is left: a
 * sender that shares its socket with a privileged process and can choose its own pid.
 */
function standingOf({ port, pid, uid }: Sender, proc: string): Standing {
  let folder = -1
  try {
    folder = openSync(`${proc}/${pid}`, O_RDONLY | O_DIRECTORY)
    const process = `/proc/self/fd/${folder}`
    const rights = () => isCapable(process, uid) && isOfUser(process, `${proc}/self`)
    if (!rights()) return 'unable'
    return !isSecure(process) && holds(process, socketOf(port, proc)) && rights() ? 'admin' : 'unknown'
  } catch {
    return 'unknown' // it has gone, or we may not look into it
  } finally {
    if (folder >= 0) closeSync(folder)
  }
}

/** The same, but each sender is looked at once: for what is taken in at once. A flood of sockets is one process. */
export function lookingOnce(proc = '/proc'): (sender: Sender) => Standing {
  const known = new Map<string, Standing>()
  const unable = new Set<string>()
  return (sender) => {
    const process = `${sender.pid} ${sender.uid}`
    if (unable.has(process)) return 'unable'
    const key = `${sender.port} ${process}`
    const standing = known.get(key) ?? standingOf(sender, proc)
    if (standing === 'unable') unable.add(process)
    known.set(key, standing)
    return standing
  }
}

function isCapable(process: string, uid: number): boolean {
  const status = readFileSync(`${process}/status`, 'latin1')
  const effective = /^CapEff:\s*([\da-f]+)$/m.exec(status)?.[1] ?? '0'
  const isAble = ((BigInt(`0x${effective}`) >> CAP_NET_ADMIN) & 1n) === 1n
  return isAble && Number(/^Uid:\s*(\d+)/m.exec(status)?.[1]) === uid
}

/** Capabilities count in their user namespace and in those below it: the daemon's own is where its pairs can be. */
function isOfUser(process: string, self: string): boolean {
  return readlinkSync(`${process}/ns/user`) === readlinkSync(`${self}/ns/user`)
}

function isSecure(process: string): boolean {
  const bytes = new Uint8Array(readFileSync(`${process}/auxv`)).buffer
  const wide = bytes.byteLength % 16 === 0 && (new BigUint64Array(bytes)[0] ?? 0n) < 1n << 32n
  const words = wide ? [...new BigUint64Array(bytes)] : [...new Uint32Array(bytes)].map(BigInt)
  const at = words.findIndex((word, index) => index % 2 === 0 && word === AT_SECURE)
  return at < 0 || words[at + 1] !== 0n
}

function holds(process: string, socket: string | undefined): boolean {
  if (socket === undefined) return false
  return readdirSync(`${process}/fd`).some((fd) => {
    try {
      return readlinkSync(`${process}/fd/${fd}`) === socket
    } catch {
      return false // another thread of it has closed that one
    }
  })
}

/** The socket with this port id, as descriptors of it are called; in our network namespace, which it has sent in. */
function socketOf(port: number, proc: string): string | undefined {
  const rows = readFileSync(`${proc}/self/net/netlink`, 'latin1').trim().split('\n')
  const row = rows
    .map((text) => text.trim().split(/\s+/))
    .find(([, protocol, id]) => {
      return protocol === String(NETLINK_USERSOCK) && id === String(port)
    })
  const inode = row?.at(-1)
  return inode === undefined || inode === '0' ? undefined : `socket:[${inode}]`
}
