// Prometheus's own judge of metrics and expressions: on the PATH, or where scripts/setup has put it.

import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { ROOT } from './daemon.js'

const PROMTOOL = ['promtool', `${ROOT}.cache/promtool`].find(
  (command) => spawnSync(command, ['--version']).status === 0,
)

export function hasPromtool(): boolean {
  return PROMTOOL !== undefined
}

export function promtool(words: string[], input = ''): SpawnSyncReturns<string> {
  return spawnSync(PROMTOOL ?? 'promtool', words, { input, encoding: 'utf8' })
}
