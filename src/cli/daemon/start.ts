// Starts the daemon for a verb that needs one: in the background, where it belongs (entrance.ts), and exactly
// one for many callers at once. Called by the verbs that add pairs.

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, constants } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { boundLog, logFile } from '../../daemon/log-output.js'
import { ofNode, UvethError } from '../../errors.js'
import { openOwn, readOwn } from '../../own-file.js'
import { entrance } from './entrance.js'

const { O_APPEND, O_CREAT, O_WRONLY } = constants

/** s without a pair after which a daemon that nobody started by hand ends. */
const IDLE_EXIT = 60
/** ms after which a caller is told what it waits for. A machine may be slow: nothing is given up that is on its way. */
const PATIENCE = 10_000
/** ms between looks. */
const LOOK = 20

/**
 * Returns when a daemon listens on `socket`. Where none does it starts one and says so on stderr,
 * unless it is to be silent, or refuses if `start` is false or `check` does.
 */
export async function ensureDaemon(
  socket: string,
  { start, silent }: { start: boolean; silent: boolean },
  check: () => Promise<void>,
): Promise<void> {
  const { listens } = await import('../../daemon/socket-file.js')
  if (await listens(socket)) return
  await check()
  if (!start) {
    const message = `ENOENT: no daemon listens on '${socket}': start one with uveth daemon --socket ${socket}`
    throw new UvethError(message, { code: 'ENOENT', attribute: 'socket' })
  }
  try {
    const pid = await startOnce(socket, listens)
    if (pid !== undefined && !silent) process.stderr.write(`uveth: started the daemon (pid ${pid})\n`)
  } catch (error) {
    throw ofNode(error)
  }
}

type Listens = (path: string) => Promise<boolean>

/** However many callers there are. Answers the pid to the one who has started it. */
async function startOnce(socket: string, listens: Listens): Promise<number | undefined> {
  const { daemonLock, formerEnd, Lock, makeFolder, startLock } = await import('../../daemon/lock.js')
  makeFolder(socket)
  const before = Lock.holder(daemonLock(socket))
  await formerEnd(before, () => {
    const reason = 'its interfaces are still being removed'
    process.stderr.write(`uveth: waiting for the end of the daemon before (pid ${before}): ${reason}\n`)
  })
  // Another caller may be starting it: then it listens when that one lets go, or we try ourselves.
  for (const wait = waiting('the caller that starts the daemon'); ; await wait()) {
    using lock = Lock.take(startLock(socket))
    if (await listens(socket)) return
    if (lock !== undefined) return await startOne(resolve(socket), listens)
  }
}

async function startOne(socket: string, listens: Listens): Promise<number | undefined> {
  const child = spawnDaemon(socket)
  let failure: string | undefined
  child.once('error', (error) => {
    failure = error.message
  })
  child.once('exit', (code, signal) => {
    failure = `it ended with ${code ?? signal}`
  })
  const log = logFile(socket)
  for (
    const wait = waiting(`the daemon (pid ${child.pid}) to listen; ${log} says how far it is`);
    ;
    await wait()
  ) {
    if (await listens(socket)) return child.pid
    if (failure !== undefined) throw notStarted(socket, failure)
  }
}

/** A pause between two looks. */
function waiting(what: string): () => Promise<void> {
  const since = performance.now()
  let told = false
  return async () => {
    if (!told && performance.now() - since > PATIENCE) {
      told = true
      process.stderr.write(`uveth: still waiting for ${what}\n`)
    }
    await sleep(LOOK)
  }
}

/** In a session of its own, holding nothing of the caller's. nsenter becomes the daemon: the pid is its. */
function spawnDaemon(socket: string): ChildProcess {
  const main = fileURLToPath(new URL('../main.js', import.meta.url))
  const command = [process.execPath, main, 'daemon', '--socket', socket, '--idle-exit', String(IDLE_EXIT)]
  const way = entrance(command, [process.execPath, main, dirname(socket)])
  const [file = '', ...args] = [...way, ...command]
  const log = openOwn(logFile(socket), O_WRONLY | O_APPEND | O_CREAT)
  boundLog(log, logFile(socket))
  const { NOTIFY_SOCKET: _, ...env } = process.env
  const child = spawn(file, args, { cwd: '/', detached: true, env, stdio: ['ignore', log, log] })
  child.unref()
  closeSync(log)
  return child
}

/** What the daemon said last is the reason. */
function notStarted(socket: string, why: string): UvethError {
  const log = logFile(socket)
  const last = lastLine(log)
  const message = `the daemon did not start: ${why} (${log}${last === '' ? '' : `: ${last}`})`
  return new UvethError(message, { code: 'ECHILD', syscall: 'spawn' })
}

function lastLine(log: string): string {
  try {
    return readOwn(log).trim().split('\n').at(-1) ?? ''
  } catch {
    return '' // none was begun
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms))
}
