// `uveth daemon --replace`: starts the process that takes the running daemon's place, in the background as that may be,
// and says how it went. Called by daemon.ts, in the command and again in that process, which is told by its environment.

import { spawn } from 'node:child_process'
import { closeSync, writeSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Given } from '../../daemon/options.js'

/** Set for the process that is to be the daemon. */
const SUCCESSOR = 'UVETH_SUCCESSOR'
/** Where it says that it is. */
const SAY = 3

/** `args`: those of the command. Resolves with its exit code. */
export async function replaceDaemon(args: readonly string[], options: Given): Promise<number> {
  return process.env[SUCCESSOR] === undefined ? await startSuccessor(args) : await beSuccessor(options)
}

/** Its log is the other daemon's, its failure ours. */
async function startSuccessor(args: readonly string[]): Promise<number> {
  const main = fileURLToPath(new URL('../main.js', import.meta.url))
  const child = spawn(process.execPath, [main, 'daemon', ...args], {
    detached: true,
    env: { ...process.env, [SUCCESSOR]: '1' },
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  })
  return await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
    child.stdio[SAY]?.once('data', (what) => {
      process.stderr.write(`uveth: replaced the daemon (pid ${child.pid}): ${what}\n`)
      child.unref()
      resolve(0)
    })
  })
}

async function beSuccessor(options: Given): Promise<number> {
  delete process.env[SUCCESSOR]
  process.chdir('/')
  const { startDaemon } = await import('../../daemon/daemon.js')
  const { ended, ...taken } = await startDaemon(options, true).catch((error: unknown) => {
    setImmediate(() => process.exit()) // when it was said: descriptors of what has come are to be given up
    throw error
  })
  try {
    writeSync(SAY, sentenceOf(taken))
  } catch {} // whoever asked has gone: it is the daemon all the same
  closeSync(SAY)
  return await endOf(ended)
}

function sentenceOf({ pairs, paused }: { pairs: number; paused: number | undefined }): string {
  const pause = paused === undefined ? '' : `, forwarding paused for ${paused.toFixed(1)} ms`
  return `${pairs} ${pairs === 1 ? 'pair' : 'pairs'}${pause}`
}

/** A daemon whose place another process has taken leaves its threads as they are. */
export async function endOf(ended: Promise<boolean>): Promise<number> {
  if (await ended) process.exit(0)
  return 0
}
