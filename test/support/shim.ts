// Shell commands that meet the shim's `ip` and `tc`, as a stranger's script would: `const sh = shimOf(daemon)`, then
// `await sh('ip link add …')`. They are given in the daemon's namespace.

import { inside, type TestDaemon } from './daemon.js'
import { type Outcome, Program, type ProgramOptions } from './program.js'
import { SHIM } from './shim-folders.js'

export type Shell = (script: string, ...args: string[]) => Promise<Outcome>

/** `$1` and so on stand for `args`. */
export function shimOf(
  daemon: TestDaemon,
  { env, ...options }: ProgramOptions = {},
  folder: string = SHIM,
): Shell {
  return shell({
    prefix: inside(daemon.home),
    ...options,
    env: { ...shimEnvironment(daemon.socket, folder), ...env },
  })
}

/** The Node of the test is the one that the shim starts. */
export function shimEnvironment(socket: string, folder: string = SHIM): Record<string, string> {
  const node = process.execPath.replace(/\/[^/]*$/, '')
  return { PATH: `${folder}:${node}:${process.env.PATH}`, UVETH_SOCKET: socket }
}

export function shell(options: ProgramOptions): Shell {
  return async (script, ...args) => {
    await using program = new Program(['sh', '-c', script, 'sh', ...args], options)
    return await program.end(60_000)
  }
}
