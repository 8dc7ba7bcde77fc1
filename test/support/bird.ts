// The routing daemon of Debian's package bird2: on the PATH, or where scripts/setup has put it.

import { spawnSync } from 'node:child_process'
import { ROOT } from './daemon.js'

const found = ['bird', `${ROOT}.cache/bird`].find((command) => spawnSync(command, ['--version']).status === 0)

export const BIRD = found ?? 'bird'

export function hasBird(): boolean {
  return found !== undefined
}
