// A socket as a file: a stale one is taken away, and a new one is the owner's and the
// group's alone, unless told otherwise. Called by daemon.ts, under the lock of that socket.

import { lstatSync, unlinkSync } from 'node:fs'
import { connect } from 'node:net'
import { invalid, systemError, UvethError } from '../errors.js'
import { unixListen } from '../native.js'

/** sun_path, without the terminator. */
const LONGEST_PATH = 107

/** Takes away a socket that nobody listens on; anything else in its place is left alone and refused. */
export async function claimSocket(path: string): Promise<void> {
  if (Buffer.byteLength(path) > LONGEST_PATH) {
    throw invalid(`the socket's path is longer than ${LONGEST_PATH} bytes: '${path}'`, 'socket')
  }
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return
  if (!stat.isSocket()) {
    throw new UvethError(`EEXIST: '${path}' is there and is no socket`, {
      code: 'EEXIST',
      attribute: 'socket',
    })
  }
  const answer = await tryConnect(path)
  if (answer === undefined) {
    throw new UvethError(`EADDRINUSE: another program listens on '${path}'`, { code: 'EADDRINUSE' })
  }
  if (answer.code === 'ECONNREFUSED') unlinkSync(path)
  else if (answer.code !== 'ENOENT') throw systemError(answer.errno ?? 0, 'connect', path)
}

/** A descriptor that listens there: who closes it leaves the file, which may be another process's by then. */
export function listenAt(path: string): number {
  const fd = unixListen(path)
  if (fd < 0) throw systemError(fd, 'listen', path)
  return fd
}

/** True while somebody listens on `path`. */
export async function listens(path: string): Promise<boolean> {
  return (await tryConnect(path)) === undefined
}

function tryConnect(path: string): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ path })
    socket.once('error', resolve)
    socket.once('connect', () => {
      socket.destroy()
      resolve(undefined)
    })
  })
}

/** Runs `listen` so that the socket it makes has this mode from its first moment on. */
export async function withSocketMode<T>(listen: () => Promise<T>, mode = 0o660): Promise<T> {
  const before = process.umask(0o777 & ~mode)
  try {
    return await listen()
  } finally {
    process.umask(before)
  }
}
