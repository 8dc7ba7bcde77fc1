// `uveth web`: a page on loopback that shows the daemon's pairs and changes them, until Ctrl-C. The server is
// web/server.ts; here stand its options, and what is printed. Starts no daemon: the page waits for one.

import { isIP } from 'node:net'
import { socketPath } from '../contract/client.js'
import { stopSignal } from './failure.js'
import { WEB_HELP } from './help-alone.js'
import { WEB } from './options.js'
import { parseAlone, UsageError } from './usage.js'

const MAX_PORT = 65_535

export async function web(args: string[], global: { socket?: string } = {}): Promise<number> {
  const values = parseAlone('web', args, WEB, WEB_HELP)
  if (values === undefined) return 0
  const host = hostOf(values.host)
  const port = portOf(values.port)
  const { openWeb } = await import('../web/server.js')
  const stop = stopSignal()
  const served = await openWeb({ host, port, socket: socketPath(values.socket ?? global.socket) })
  process.stdout.write(`${served.address}\n`)
  if (!stop.aborted) await new Promise((stopped) => stop.addEventListener('abort', stopped))
  await served.close()
  return 0
}

function portOf(text = '0'): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (port <= MAX_PORT) return port
  throw new UsageError(`--port is a number from 0 (a free one) to ${MAX_PORT}, not "${text}"`)
}

/** Whoever could reach another address would see the token pass in plain text. */
function hostOf(text = '127.0.0.1'): string {
  if (text === 'localhost') return '127.0.0.1'
  if (text === '::1' || (isIP(text) === 4 && text.startsWith('127.'))) return text
  throw new UsageError(
    `--host is an address of loopback, 127.0.0.1 or ::1, not "${text}": from elsewhere come by ssh -L`,
  )
}
