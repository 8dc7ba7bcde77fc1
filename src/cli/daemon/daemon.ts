// `uveth daemon` and `uveth health`: the daemon in the foreground, its end, and how it is. What the
// daemon does stands in src/daemon/daemon.ts, which is loaded only to run one.

import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ControlClient, DEFAULT_SOCKET, olderDaemon, socketPath } from '../../contract/client.js'
import { DOCKER_SOCKET, DOCKER_STATE } from '../../docker/places.js'
import { UvethError } from '../../errors.js'
import { legible, legibleJson } from '../../legible.js'
import { CONFIGURATION, HIGHEST, LIMIT_NAMES, LIMITS, type Limits } from '../../wishes/limits.js'
import { oneOf, whole } from '../../wishes/shape.js'
import { parseSize } from '../../wishes/units.js'
import { written } from '../../wishes/words.js'
import { sentenceOf } from '../failure.js'
import { DAEMON_HELP, HEALTH_HELP } from '../help-alone.js'
import { memoryOption } from '../memory.js'
import { DAEMON, LOOK } from '../options.js'
import { parseAlone, UsageError } from '../usage.js'

const LOG_LEVEL = oneOf('trace', 'debug', 'info', 'warn', 'error', 'silent')
const { workers: WORKERS } = CONFIGURATION.parts
/** ms between looks whether the daemon has ended. */
const PAUSE = 10
/** s. More does not fit a timer. */
const LONGEST_IDLE = 2_000_000

/** `globalSocket` is what stood in front of the verb. */
export async function daemon(args: string[], globalSocket?: string): Promise<number> {
  const values = parseAlone('daemon', args, DAEMON, DAEMON_HELP)
  if (values === undefined) return 0
  const socket = socketPath(values.socket ?? globalSocket)
  if (values.stop) return await stop(socket)
  if (values.holder) return await withHolder(args, socket, stateOf(values))
  const log = values.log === undefined ? undefined : LOG_LEVEL.read(values.log, '--log')
  const options = {
    socket,
    log,
    state: stateOf(values),
    workers: values.workers === undefined ? undefined : WORKERS.read(written(values.workers), '--workers'),
    memory: memoryOption(values.memory),
    netlink: netlinkSetting(values.netlink, socket, values.replace),
    idleExit: number(values['idle-exit'], '--idle-exit', 0, LONGEST_IDLE),
    metrics: addressOf(values.metrics),
    docker: driverSocket(values),
    limits: limitsOf(values.limit ?? []),
  }
  const { endOf, replaceDaemon } = await import('./replace.js')
  if (values.replace) return await replaceDaemon([...args, '--socket', resolve(socket)], options)
  const { startDaemon } = await import('../../daemon/daemon.js')
  const { ended } = await startDaemon({ ...options, log: log ?? 'info', netlink: options.netlink ?? 'on' })
  return await endOf(ended)
}

/** The same daemon, started and watched over by this process. */
async function withHolder(args: string[], socket: string, state: string | undefined): Promise<number> {
  if (state === undefined)
    throw new UsageError('--holder needs --state FILE: it keeps descriptors, and the file says what they are')
  const { hold } = await import('../../daemon/holder.js')
  const rest = args.filter((arg) => arg !== '--holder')
  const main = fileURLToPath(new URL('../main.js', import.meta.url))
  return await hold(socket, [process.execPath, main, 'daemon', '--socket', socket, ...rest])
}

/** `kept`: what is not said is as it was. */
function netlinkSetting(
  text: string | undefined,
  socket: string,
  kept = false,
): 'on' | 'off' | number | undefined {
  if (text === undefined && kept) return undefined
  if (text === undefined) return socket === DEFAULT_SOCKET ? 'on' : 'off'
  if (text === 'on' || text === 'off') return text
  return number(text, '--netlink', 1, 0xffff_ffff) ?? 'on'
}

/** A driver of networks has to know them again. */
function stateOf(values: { state?: string; replace?: boolean; docker?: boolean; 'docker-socket'?: string }) {
  if (values.state !== undefined) return resolve(values.state)
  return driverSocket(values) !== undefined && !values.replace ? DOCKER_STATE : undefined
}

function driverSocket(values: { docker?: boolean; 'docker-socket'?: string }): string | undefined {
  const path = values['docker-socket']
  if (path !== undefined) return resolve(path)
  return values.docker ? DOCKER_SOCKET : undefined
}

function addressOf(text: string | undefined): { path: string } | { host: string; port: number } | undefined {
  if (text === undefined) return undefined
  if (text.includes('/')) return { path: text }
  const [, six, four, port] = /^(?:\[([\da-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/i.exec(text) ?? []
  const host = six ?? four
  if (host === undefined || Number(port) > 65_535)
    throw new UsageError(`--metrics takes HOST:PORT or the path of a socket, not '${text}'`)
  return { host, port: Number(port) }
}

/** `captures=4`, `backlog=1mb`. */
function limitsOf(texts: string[]): Limits {
  const given = texts.map((text) => {
    const [, name = '', value = ''] = /^(\w+)=(\w+)$/.exec(text) ?? []
    const most = parseSize(value)
    if (!Object.hasOwn(LIMITS, name) || most === undefined || most > HIGHEST)
      throw new UsageError(`--limit takes NAME=N with one of ${LIMIT_NAMES.join(', ')}, not '${text}'`)
    return [name, most]
  })
  return Object.fromEntries(given) as Limits
}

function number(text: string | undefined, option: string, min: number, max: number): number | undefined {
  return text === undefined ? undefined : whole(min, max).read(written(text), option)
}

/** Returns when the daemon has ended: its pairs are gone, and the next one may start. */
async function stop(socket: string): Promise<number> {
  await new ControlClient({ socket }).call('shutdown')
  const { daemonLock, Lock } = await import('../../daemon/lock.js')
  for (;;) {
    using lock = Lock.take(daemonLock(socket))
    if (lock !== undefined) return 0
    await new Promise((resolve) => setTimeout(resolve, PAUSE))
  }
}

interface Health {
  status: string
  pid: number
  pairs: number
  uptime: number
  version: string
  /** Absent from daemons of an older version. */
  creation?: { reason: string | null }
  netlink: { state: string; reason?: string | null }
  /** Absent, too. */
  memory?: { used: number; bound: number; refused: number }
  state?: { file: string; error?: string; pending: { id: string; error: string }[] }
}

export async function health(
  args: string[],
  global: { socket?: string; json?: boolean } = {},
): Promise<number> {
  const values = parseAlone('health', args, LOOK, HEALTH_HELP)
  if (values === undefined) return 0
  const json = values.json ?? global.json ?? false
  const client = new ControlClient({ socket: socketPath(values.socket ?? global.socket) })
  try {
    const report = await client.call<Health>('health')
    process.stdout.write(json ? `${legibleJson(report)}\n` : `${legible(lineOf(report))}\n`)
    return report.status === 'ok' ? 0 : 1
  } catch (error) {
    if (!(error instanceof UvethError)) throw error
    if (json) process.stdout.write(`${legibleJson({ status: 'down', error: error.message })}\n`)
    else process.stderr.write(`${sentenceOf(error)}\n`)
    return 1
  }
}

function lineOf({ status, pid, pairs, uptime, version, creation, netlink, memory, state }: Health): string {
  const parts = [
    `pid ${pid}`,
    `${pairs} ${pairs === 1 ? 'pair' : 'pairs'}`,
    `up ${uptime} s`,
    `netlink ${netlink.state}`,
  ]
  if (memory !== undefined) {
    const [used, bound] = [memory.used, memory.bound].map((bytes) => Math.ceil(bytes / 2 ** 20))
    const refused = memory.refused > 0 ? `, ${memory.refused} frames dropped for want of it` : ''
    parts.push(`frames wait in ${used} of ${bound} MiB${refused}`)
  }
  const older = olderDaemon(version)
  if (older !== undefined) parts.push(older)
  if (creation?.reason) parts.push(`no pairs can be made: ${creation.reason}`)
  if (netlink.reason) parts.push(netlink.reason)
  if (state?.error !== undefined) parts.push(`wanted pairs not kept: ${state.error}`)
  for (const { id, error } of state?.pending ?? []) parts.push(`${id} not restored: ${error}`)
  return `uveth: ${status}: ${parts.join(', ')}`
}
