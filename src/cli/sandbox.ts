// `uveth sandbox COMMAND…`: the command runs as root of namespaces of its own, for users who are not root. What is in
// them stands in src/sandbox/; how signals go in and the status comes out, in confined.ts.

import { INSIDE, sandboxed } from '../sandbox/command.js'
import { sandboxObstacle } from '../sandbox/obstacle.js'
import { confined, refuse, refuseMissing } from './confined.js'
import { SANDBOX_HELP } from './help.js'
import { write } from './session.js'
import { UsageError } from './usage.js'

export async function sandbox(words: readonly string[]): Promise<number> {
  const [first] = words
  if (first === '--help' || first === '-h') {
    write(SANDBOX_HELP)
    return 0
  }
  if (first?.startsWith('-') && first !== '--')
    throw new UsageError(`option "${first}" is unknown: try uveth sandbox --help`)
  const command = first === '--' ? words.slice(1) : words
  if (command[0] === undefined) throw new UsageError('give a command: uveth sandbox npm test')
  const missing = refuseMissing(command[0])
  if (missing !== undefined) return missing
  const obstacle = sandboxObstacle()
  if (obstacle !== undefined) return refuse(`no sandbox can be made: ${obstacle}`)
  return await confined({ line: sandboxed(command), env: { ...process.env, [INSIDE]: '1' } })
}
