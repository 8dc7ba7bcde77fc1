// The daemon: a thin shell over the registry. Starts the servers, holds the lock that makes it the
// only one on its socket, follows signals, and ends with every pair removed. Started by
// cli/daemon/daemon.ts. What orders mean is not decided here (orders/handlers.ts).

import { type Logger as Pino, pino } from 'pino'
import { whyNoPairs } from '../doctor/ability.js'
import { invalid, ofNode, UvethError } from '../errors.js'
import { configure, memoryUse } from '../index.js'
import { sdNotify } from '../native.js'
import type { PairRegistry } from '../orders/handlers.js'
import { Registry, type RegistryEvent } from '../orders/registry.js'
import { State } from '../orders/state.js'
import type { SentWish } from '../orders/wanted.js'
import type { DaemonFace } from '../servers/dispatch.js'
import { type HttpServer, openHttp } from '../servers/http.js'
import { type Netlink, type NetlinkSetting, startNetlink } from '../servers/netlink.js'
import { openScrapes, type ScrapeAddress, type Scrapes } from '../servers/scrape.js'
import { version } from '../version.js'
import type { Limits } from '../wishes/limits.js'
import { daemonLock, formerEnd, Lock, makeFolder, stateLock } from './lock.js'
import { LogOutput } from './log-output.js'
import { claimSocket, withSocketMode } from './socket-file.js'
import { Store } from './store.js'

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
  /** pino's level. */
  log: string
}

/** ms that orders which were being carried out get before the pairs are removed under them. */
const SETTLE_TIME = 5_000

/** Starts a daemon; resolves when it listens, with a promise of its end. */
export async function startDaemon(options: DaemonOptions): Promise<{ ended: Promise<boolean> }> {
  const output = new LogOutput(process.stdout.fd, options.socket)
  Object.assign(output, { [pino.symbols.needsMetadataGsym]: true }) // the level, with each line
  const daemon = new Daemon(options, output)
  try {
    await daemon.start()
  } catch (error) {
    output.close()
    throw ofNode(error)
  }
  return { ended: daemon.ended.finally(() => output.close()) }
}

class Daemon implements DaemonFace {
  /** Whether pairs are left, for the next run. */
  readonly ended: Promise<boolean>
  readonly #options: DaemonOptions
  readonly #output: LogOutput
  readonly #log: Pino
  readonly #registry: PairRegistry = new Registry<SentWish>()
  readonly #started = Date.now()
  #locks: Lock[] = []
  #http: HttpServer | undefined
  #netlink: Netlink | undefined
  #scrapes: Scrapes | undefined
  #state: State | undefined
  /** Of descriptors, for the next run. */
  #store: Store | undefined
  #idle: NodeJS.Timeout | undefined
  #ending: Promise<void> | undefined
  #end!: (kept: boolean) => void

  constructor(options: DaemonOptions, output: LogOutput) {
    this.#options = options
    this.#output = output
    this.#log = pino({ level: options.log, base: { pid: process.pid } }, output)
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  /** Listens last: whoever can connect finds everything that was asked for. */
  async start(): Promise<void> {
    const { socket, state, workers, memory, netlink, limits = {} } = this.#options
    configure({ ...(workers !== undefined && { workers }), ...(memory !== undefined && { memory }), limits })
    makeFolder(socket)
    await this.#takeLocks()
    const signalled = this.#followSignals()
    this.#logPairs()
    try {
      await claimSocket(socket)
      if (state !== undefined) await this.#openState(state)
      this.#netlink = startNetlink(this.#registry, { setting: netlink, logger: this.#log })
      const http = await openHttp(this.#registry, this)
      this.#http = http
      this.#scrapes = await this.#openScrapes(http)
      await withSocketMode(() => http.listen(socket))
    } catch (error) {
      await this.#shutdown()
      throw error
    }
    const metrics = this.#scrapes && { metrics: this.#scrapes.address }
    this.#log.info({ socket, ...metrics, version: version() }, 'listening')
    const reason = whyNoPairs()
    if (reason !== null) this.#log.warn({ reason }, 'no pairs can be made')
    this.#notify('READY=1')
    this.#countIdle()
    if (signalled()) this.shutdown()
  }

  /** Without the file nobody would know what was kept. */
  async #openState(path: string): Promise<void> {
    const store = Store.find(this.#log)
    this.#state = await State.open(path, this.#registry, this.#log, store)
    await store?.follow(this.#registry)
    const { commit } = this.#registry
    if (store !== undefined)
      this.#registry.commit = async () => void (await Promise.all([commit(), store.settled()]))
    this.#store = store
  }

  version(): object {
    return { version: version(), node: process.versions.node, pid: process.pid }
  }

  health(): object {
    const netlink = this.#netlink?.view() ?? { state: 'off' }
    const pairs = this.#registry.list().length
    // Where there is a pair nobody has to ask.
    const reason = pairs > 0 ? null : whyNoPairs()
    const well = this.#state?.wellKept !== false && netlink.state !== 'waiting' && reason === null
    return {
      status: well ? 'ok' : 'degraded',
      pid: process.pid,
      version: version(),
      socket: this.#options.socket,
      uptime: Math.round((Date.now() - this.#started) / 1000),
      pairs,
      creation: { state: reason === null ? 'possible' : 'impossible', reason },
      netlink,
      memory: memoryUse(),
      ...(this.#state && { state: this.#state.view() }),
    }
  }

  get ending(): boolean {
    return this.#ending !== undefined
  }

  shutdown(): void {
    void this.#shutdown()
  }

  get unkept(): string | undefined {
    return this.#state?.unkept
  }

  get lostLines(): number {
    return this.#output.lost
  }

  get refusedOverNetlink(): number {
    return this.#netlink?.refused ?? 0
  }

  async forget(ref: string): Promise<boolean> {
    return (await this.#state?.forget(ref)) ?? false
  }

  failed(error: unknown, request: string): void {
    this.#log.error({ err: error, request }, 'an order failed')
  }

  /** Of the socket, and of the file of wanted pairs. */
  async #takeLocks(): Promise<void> {
    const { socket, state } = this.#options
    await this.#take(daemonLock(socket), (pid) => {
      const message = `EADDRINUSE: a daemon (pid ${pid}) has '${socket}' already`
      return new UvethError(message, { code: 'EADDRINUSE' })
    })
    if (state === undefined) return
    const busy = (pid: string) =>
      invalid(`a daemon (pid ${pid}) keeps its pairs in '${state}'`, 'state', 'EBUSY')
    try {
      await this.#take(stateLock(state), busy, (error) => error)
    } catch (error) {
      this.#giveLocks()
      throw error
    }
  }

  async #take(
    path: string,
    refusal: (pid: string) => UvethError,
    explain?: (error: unknown) => unknown,
  ): Promise<void> {
    const before = Lock.holder(path)
    const wait = () =>
      formerEnd(before, () => {
        const reason = 'its interfaces are still being removed'
        this.#log.warn({ waitsFor: before, reason }, 'waiting for the end of the daemon before')
      })
    let lock = Lock.take(path, explain)
    await wait()
    lock ??= Lock.take(path, explain)
    if (lock === undefined) throw refusal(Lock.holder(path))
    this.#locks.push(lock)
  }

  #giveLocks(): void {
    for (const lock of this.#locks.splice(0)) lock[Symbol.dispose]()
  }

  /** Whoever may enter the folder of a socket for metrics may scrape: nothing can be ordered there. */
  async #openScrapes(http: HttpServer): Promise<Scrapes | undefined> {
    const { metrics } = this.#options
    if (metrics === undefined) return undefined
    const open = () => openScrapes(metrics, http.metrics, () => this.health())
    if (!('path' in metrics)) return await open()
    makeFolder(metrics.path)
    await claimSocket(metrics.path)
    return await withSocketMode(open, 0o666)
  }

  /** Answers whether one came before everything was started. */
  #followSignals(): () => boolean {
    let early = false
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        this.#log.info({ signal }, 'signal')
        if (this.#http === undefined) early = true
        else void this.#shutdown(signal === 'SIGTERM' && this.#store?.outlives)
      })
    }
    return () => early
  }

  /** One child logger for each pair; nothing for each frame. */
  #logPairs(): void {
    const logs = new Map<string, Pino>()
    this.#registry.on('event', ({ event, id, ...fields }: RegistryEvent) => {
      const log = logs.get(id) ?? this.#log.child({ pair: id })
      if (event === 'removed') logs.delete(id)
      else logs.set(id, log)
      // A change alone: a pair with all its rules is long.
      const level = event === 'foreignQueues' || fields.reason === 'failed' ? 'warn' : 'info'
      log[level](event === 'changed' ? { change: fields.change } : fields, `pair ${event}`)
      if (event === 'added' || event === 'removed') this.#countIdle()
    })
  }

  /** Counts anew whenever the last pair goes; wishes that wait for their namespace count as pairs. */
  #countIdle(): void {
    clearTimeout(this.#idle)
    const { idleExit } = this.#options
    const busy = () => this.#registry.list().length > 0 || this.#state?.waits === true
    if (idleExit === undefined || this.#http === undefined || this.ending || busy()) return
    this.#idle = setTimeout(() => {
      if (busy() || this.#http?.busy === true) return this.#countIdle()
      this.#log.info({ seconds: idleExit }, 'idle')
      this.shutdown()
    }, idleExit * 1000)
  }

  /** Every way to the end but kill -9. The file of wanted pairs stays as it is; `keeps`: so do pairs that are kept. */
  #shutdown(keeps = false): Promise<void> {
    this.#ending ??= this.#removeAll(keeps).then(
      () => this.#end(this.#registry.list().length > 0),
      (error: unknown) => {
        this.#log.error({ err: error }, 'the end failed')
        this.#end(false)
      },
    )
    return this.#ending
  }

  async #removeAll(keeps: boolean): Promise<void> {
    clearTimeout(this.#idle)
    this.#notify('STOPPING=1')
    await Promise.race([Promise.all([this.#netlink?.close(), this.#http?.settled()]), sleep(SETTLE_TIME)])
    await this.#state?.close()
    const stays = (id: string) => keeps && this.#store?.has(id) === true
    let pairs = 0
    for (let more = -1; more !== 0; pairs += more) more = await this.#registry.clear(stays)
    this.#log.info({ pairs, kept: this.#registry.list().length }, 'ended')
    await Promise.all([this.#http?.close(), this.#scrapes?.close()])
    this.#giveLocks()
  }

  #notify(text: string): void {
    const path = process.env.NOTIFY_SOCKET
    if (path === undefined || path === '') return
    const result = sdNotify(path, text)
    if (result < 0) this.#log.warn({ path, errno: result }, 'systemd could not be told')
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}
