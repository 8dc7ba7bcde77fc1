// The daemon: a thin shell over the registry. Starts the servers, holds the lock that makes it the only one on its socket,
// follows signals, ends with every pair removed. Started by cli/daemon/daemon.ts; knows no order (orders/handlers.ts).

import { rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Logger as Pino, pino } from 'pino'
import type { Plugin } from '../docker/plugin.js'
import { whyNoPairs } from '../doctor/ability.js'
import { ofNode, UvethError } from '../errors.js'
import { configure, memoryUse } from '../index.js'
import type { PairRegistry } from '../orders/handlers.js'
import { Registry } from '../orders/registry.js'
import { State } from '../orders/state.js'
import type { SentWish } from '../orders/wanted.js'
import type { DaemonFace } from '../servers/dispatch.js'
import { type HttpServer, openHttp } from '../servers/http.js'
import { type Netlink, startNetlink } from '../servers/netlink.js'
import type { Scrapes } from '../servers/scrape.js'
import { version } from '../version.js'
import { closeDocker, makeRoom, openDocker } from './docker.js'
import { Gate } from './gate.js'
import { Giver, type Giving } from './giver.js'
import { makeFolder } from './lock.js'
import { Locks } from './locks.js'
import { LogOutput } from './log-output.js'
import { notify } from './notify.js'
import type { DaemonOptions, Given, Started } from './options.js'
import { logPairs } from './pair-log.js'
import { serveScrapes } from './scraping.js'
import { claimSocket, listenAt, withSocketMode } from './socket-file.js'
import { Store } from './store.js'
import { leaveLog, type Succession, succeed } from './succession.js'

/** ms that orders which were being carried out get before the pairs are removed under them. */
const SETTLE_TIME = 5_000

/**
 * Starts a daemon, or one in the place of another (`replace`); resolves when it listens, with a promise of its end: true
 * when pairs are left, for the next run or with the process that has taken them.
 */
export async function startDaemon(options: DaemonOptions): Promise<Started>
export async function startDaemon(options: Given, replace: true): Promise<Started>
export async function startDaemon(given: Given, replace = false): Promise<Started> {
  const registry: PairRegistry = new Registry<SentWish>()
  const succession = replace ? await succeed(given, registry) : undefined
  const options = succession?.options ?? (given as DaemonOptions)
  const output = new LogOutput(process.stdout.fd, options.socket, succession?.journal)
  Object.assign(output, { [pino.symbols.needsMetadataGsym]: true }) // the level, with each line
  const daemon = new Daemon(options, output, registry)
  try {
    await daemon.start(succession)
    await succession?.tell()
  } catch (error) {
    output.close()
    throw ofNode(error)
  }
  const ended = daemon.ended.finally(() => (daemon.replaced ? leaveLog(output) : output.close()))
  return { ended, pairs: registry.list().length, paused: succession?.paused }
}

class Daemon implements DaemonFace {
  /** Whether pairs are left, for the next run. */
  readonly ended: Promise<boolean>
  readonly #options: DaemonOptions
  readonly #output: LogOutput
  readonly #log: Pino
  readonly #registry: PairRegistry
  readonly #started = Date.now()
  readonly #giver: Giver
  readonly #gate = new Gate()
  replaced = false
  #locks: Locks | undefined
  #http: HttpServer | undefined
  #netlink: Netlink | undefined
  #scrapes: Scrapes | undefined
  #plugin: Plugin | undefined
  #state: State | undefined
  /** Of descriptors, for the next run. */
  #store: Store | undefined
  #idle: NodeJS.Timeout | undefined
  #ending: Promise<void> | undefined
  /** The signal for an end that was asked for while the pairs were on their way: whoever has them then ends. */
  #asked: 'SIGTERM' | 'SIGINT' | undefined
  #end!: (kept: boolean) => void

  constructor(options: DaemonOptions, output: LogOutput, registry: PairRegistry) {
    this.#registry = registry
    this.#giver = new Giver(this.#giving())
    this.#options = options
    this.#output = output
    this.#log = pino({ level: options.log, base: { pid: process.pid } }, output)
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  /** Listens last: whoever can connect finds everything that was asked for. */
  async start(succession?: Succession): Promise<void> {
    const { socket, state, workers, memory, metrics, limits = {} } = this.#options
    const inherited = succession?.belongings
    configure({ ...(workers !== undefined && { workers }), ...(memory !== undefined && { memory }), limits })
    makeFolder(socket)
    makeRoom(this.#options)
    this.#locks = succession?.locks ?? (await this.#takeLocks())
    const signalled = this.#followSignals()
    logPairs(this.#registry, this.#log, () => this.#countIdle())
    try {
      if (inherited?.get('socket') === undefined) await claimSocket(socket)
      const host = { registry: this.#registry, logger: this.#log, daemon: this }
      this.#plugin = await openDocker(this.#options, host, inherited?.get('docker'))
      if (state !== undefined) await this.#openState(state)
      this.#openNetlink()
      const http = await openHttp(this.#registry, this)
      this.#http = http
      if (metrics !== undefined)
        this.#scrapes = await serveScrapes(metrics, http, () => this.health(), inherited?.get('metrics'))
      await this.#plugin?.listen()
      await http.listen(inherited?.get('socket') ?? (await withSocketMode(async () => listenAt(socket))))
    } catch (error) {
      // What another daemon has given is its own yet: the process ends, and its descriptors with it.
      if (succession === undefined) await this.#shutdown()
      throw error
    }
    const address = this.#scrapes?.address
    const { paused } = succession ?? {}
    this.#log.info({ socket, ...(address && { metrics: address }), version: version(), paused }, 'listening')
    const reason = whyNoPairs()
    if (reason !== null) this.#log.warn({ reason }, 'no pairs can be made')
    notify(this.#log, 'READY=1')
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
    this.#signalled('SIGINT')
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

  admitted(): Promise<void> {
    return this.#gate.passed
  }

  handOver(wish: unknown, from: Socket): Promise<object> {
    const { socket: _, ...options } = this.#options
    const journal = process.env.JOURNAL_STREAM
    return this.#giver.ask(wish, from, { options, ...(journal && { journal }) })
  }

  failed(error: unknown, request: string): void {
    this.#log.error({ err: error, request }, 'an order failed')
  }

  async #takeLocks(): Promise<Locks> {
    const { socket, state } = this.#options
    return await Locks.take(socket, state, (waitsFor) => {
      const reason = 'its interfaces are still being removed'
      this.#log.warn({ waitsFor, reason }, 'waiting for the end of the daemon before')
    })
  }

  #giving(): Giving {
    return {
      registry: this.#registry,
      freeze: async () => {
        if (this.ending) throw new UvethError('ESHUTDOWN: the daemon is ending', { code: 'ESHUTDOWN' })
        this.#registry.frozen = true
        this.#gate.close()
        await Promise.all([this.#netlink?.close(), this.#http?.settled(), this.#plugin?.settled()])
        await this.#registry.commit()
      },
      thaw: () => {
        if (!this.#registry.frozen) return // it had not come that far
        this.#registry.frozen = false
        this.#openNetlink()
        this.#gate.open()
        if (this.#asked !== undefined) this.#signalled(this.#asked)
      },
      belongings: () => ({
        socket: this.#http?.fd,
        metrics: this.#scrapes?.fd,
        docker: this.#plugin?.fd,
        locks: this.#locks?.fds ?? [],
      }),
      gone: (pid) => this.#gone(pid),
      failed: (error) => this.#log.warn({ error: (error as Error).message }, 'not replaced'),
    }
  }

  /** Another process has the pairs: it is told to all that listen, and nothing is removed. */
  async #gone(pid: number): Promise<void> {
    clearTimeout(this.#idle)
    this.replaced = true
    this.#ending = new Promise(() => {})
    this.#state?.leave()
    notify(this.#log, `MAINPID=${pid}`)
    this.#registry.tell({ event: 'replaced', id: '', pid })
    this.#log.info({ pid }, 'replaced')
    this.#gate.open()
    await Promise.all([this.#http?.leave(), this.#plugin?.close()])
    this.#end(true)
    if (this.#asked !== undefined) process.kill(pid, this.#asked)
  }

  #openNetlink(): void {
    this.#netlink = startNetlink(this.#registry, { setting: this.#options.netlink, logger: this.#log })
  }

  /** Answers whether one came before everything was started. */
  #followSignals(): () => boolean {
    let early = false
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        this.#log.info({ signal }, 'signal')
        if (this.#http === undefined) early = true
        else this.#signalled(signal)
      })
    }
    return () => early
  }

  #signalled(signal: 'SIGTERM' | 'SIGINT'): void {
    if (this.#registry.frozen && !this.replaced) this.#asked = signal
    else void this.#shutdown(signal === 'SIGTERM' && this.#store?.outlives)
  }

  /** Counts anew whenever the last pair goes; wishes that wait for their namespace count as pairs. */
  #countIdle(): void {
    clearTimeout(this.#idle)
    const { idleExit } = this.#options
    const busy = () => this.#registry.list().length > 0 || this.#state?.waits === true
    if (idleExit === undefined || this.#http === undefined || this.ending || busy()) return
    this.#idle = setTimeout(() => {
      if (busy() || this.#http?.busy === true || this.#registry.frozen) return this.#countIdle()
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
    notify(this.#log, 'STOPPING=1')
    await Promise.race([
      Promise.all([this.#netlink?.close(), this.#http?.settled(), this.#plugin?.settled()]),
      sleep(SETTLE_TIME, undefined, { ref: false }),
    ])
    await this.#state?.close()
    const stays = (id: string) => keeps && this.#store?.has(id) === true
    let pairs = 0
    for (let more = -1; more !== 0; pairs += more) more = await this.#registry.clear(stays)
    this.#log.info({ pairs, kept: this.#registry.list().length }, 'ended')
    await Promise.all([this.#http?.close(), this.#scrapes?.close()])
    await closeDocker(this.#plugin, this.#options.docker)
    if (this.#http?.fd !== undefined) rmSync(this.#options.socket, { force: true })
    this.#locks?.[Symbol.dispose]()
  }
}
