// The daemon as a network driver of a container engine (`--docker`): where the driver's socket is, and where it keeps what
// it knows of networks. Called by daemon.ts; what a driver does stands in docker/.

import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { openPlugin, type Plugin, type PluginHost } from '../docker/plugin.js'
import { invalid } from '../errors.js'
import { startThreads } from '../orders/hand-over.js'
import { makeFolder } from './lock.js'
import type { DaemonOptions } from './options.js'
import { claimSocket, listenAt, withSocketMode } from './socket-file.js'

/** Beside the file of wanted pairs. */
const FILE = 'docker.json'

/** In front of the first look at the file of wanted pairs: its usual folder may not be there yet. */
export function makeRoom({ docker, state }: Pick<DaemonOptions, 'docker' | 'state'>): void {
  if (docker !== undefined && state !== undefined) makeFolder(state)
}

/** Before the pairs are made again. `fd`: the socket of the daemon before. */
export async function openDocker(
  { docker, state }: Pick<DaemonOptions, 'docker' | 'state'>,
  host: PluginHost,
  fd: number | undefined,
): Promise<Plugin | undefined> {
  if (docker === undefined) return undefined
  if (state === undefined)
    throw invalid('a driver of networks needs a file of wanted pairs: --state FILE', 'state')
  startThreads().catch(() => {}) // the first container need not wait for them; why there are none, it is told
  if (fd === undefined) {
    makeFolder(docker)
    await claimSocket(docker)
  }
  const listening = fd ?? (await withSocketMode(async () => listenAt(docker)))
  return await openPlugin(host, join(dirname(state), FILE), listening)
}

export async function closeDocker(plugin: Plugin | undefined, docker: string | undefined): Promise<void> {
  if (plugin === undefined || docker === undefined) return
  rmSync(docker, { force: true })
  await plugin.close()
}
