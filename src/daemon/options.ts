// What a daemon is started with, as cli/daemon/daemon.ts reads it; a daemon that takes another's place is told that one's
// (succession.ts). Types only.

import type { NetlinkSetting } from '../servers/netlink.js'
import type { ScrapeAddress } from '../servers/scrape.js'
import type { Limits } from '../wishes/limits.js'

export interface DaemonOptions {
  /** Path of the control socket. */
  socket: string
  /** File of wanted pairs: made again at the next start. */
  state?: string | undefined
  /** Forwarding threads. */
  workers?: number | undefined
  /** Bytes for frames that wait. */
  memory?: number | undefined
  netlink: NetlinkSetting
  /** End after this many seconds without a pair. */
  idleExit?: number | undefined
  limits?: Limits
  /** Where metrics are served to who may not give orders. */
  metrics?: ScrapeAddress | undefined
  /** Socket of the driver of networks, for a container engine. */
  docker?: string | undefined
  /** pino's level. */
  log: string
}

/** In the place of one that runs: what is not said is as it was. */
export type Given = { [K in keyof DaemonOptions]?: DaemonOptions[K] | undefined } & { socket: string }

/** Of one that listens. */
export interface Started {
  /** True when pairs are left, for the next run or with the process that has taken them. */
  ended: Promise<boolean>
  pairs: number
  /** ms that nobody forwarded for those that another daemon has given. */
  paused: number | undefined
}
