// A word to systemd, where it has started this process: that it is ready, or who is the main one. Called by daemon.ts; what
// is kept with systemd is told by store.ts.

import type { Logger } from '../index.js'
import { sdNotify } from '../native.js'

export function notify(log: Logger, text: string): void {
  const path = process.env.NOTIFY_SOCKET
  if (path === undefined || path === '') return
  const result = sdNotify(path, text)
  if (result < 0) log.warn({ path, errno: result }, 'systemd could not be told')
}
