// `uveth/testing/vitest-setup`: a globalSetup of vitest that makes plain `npx vitest` work for users who are not root.
// Where pairs cannot be made but a sandbox can, it runs the same command once more in there and ends with its status.
// It waits without a turn of the event loop: so the vitest out here neither draws nor reads the terminal meanwhile.

import { spawnSync } from 'node:child_process'
import { UvethError } from '../errors.js'
import { FAILED, INSIDE, sandboxed, statusSaid } from '../sandbox/command.js'
import { sandboxObstacle } from '../sandbox/obstacle.js'
import { missingCapabilities } from '../sandbox/place.js'

export default function setup(): void {
  if (process.env[INSIDE] || missingCapabilities('CapEff').length === 0) return
  // The tests themselves say why, or skip with the reason.
  if (sandboxObstacle() !== undefined) return
  if (process.send !== undefined) throw notAlone()
  process.stderr.write('uveth: not root: the tests run in a sandbox (uveth sandbox)\n')
  if (process.stdin.isTTY) process.stdin.setRawMode(false)
  // It would wait for a turn; without a listener it ends this process, and that the sandbox.
  process.removeAllListeners('SIGTERM')
  process.exit(again([process.execPath, ...process.execArgv, ...process.argv.slice(1)]))
}

/** Runs it, and answers its status. Its descriptor 3 ends with this process, and the sandbox with that. */
function again(command: string[]): number {
  const [file, args] = sandboxed(command)
  const { output, status } = spawnSync(file, args, {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: { ...process.env, [INSIDE]: '1' },
    encoding: 'utf8',
  })
  return statusSaid(output[3] ?? '') ?? status ?? FAILED
}

/** An editor's, which speaks with it over a channel that another process does not have. */
function notAlone(): UvethError {
  const hint = 'start the editor, or its test server, with uveth sandbox'
  const message = `EPERM: this vitest was started by another program and cannot start again in a sandbox (${hint})`
  return new UvethError(message, { code: 'EPERM', hint })
}
