// Where metrics are served to who may not give orders: at an address or a path, or on a socket that listens already. Called
// by daemon.ts; what is served is servers/scrape.ts.

import type { HttpServer } from '../servers/http.js'
import { openScrapes, type ScrapeAddress, type Scrapes } from '../servers/scrape.js'
import { makeFolder } from './lock.js'
import { claimSocket, withSocketMode } from './socket-file.js'

/** Whoever may enter the folder of a socket for metrics may scrape: nothing can be ordered there. */
export async function serveScrapes(
  metrics: ScrapeAddress,
  http: HttpServer,
  health: () => object,
  fd: number | undefined,
): Promise<Scrapes> {
  const open = () => openScrapes(metrics, http.metrics, health, fd)
  if (!('path' in metrics) || fd !== undefined) return await open()
  makeFolder(metrics.path)
  await claimSocket(metrics.path)
  return await withSocketMode(open, 0o666)
}
