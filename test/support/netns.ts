// A network namespace of a test's own: `using left = Netns.create('left')`. Made and removed with `ip netns`;
// the name is unique, so that many tests may run at once. What the tests ask of the kernel goes through the
// `ip` program, not through our own netlink code, which is what is under test.
// Ends the processes that it has started in itself, and removes itself when its scope or the process ends.

import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import { patient } from './pace.js'

/** One link as `ip -json -details -statistics link show` prints it, as far as tests look. */
export interface IpLink {
  ifindex: number
  ifname: string
  flags: string[]
  mtu: number
  operstate: string
  txqlen: number
  address: string
  ifalias?: string
  linkinfo?: { info_kind?: string; info_data?: { numqueues?: number } }
  inet6_addr_gen_mode?: string
  stats64: { rx: IpCounters; tx: IpCounters }
}

interface IpCounters {
  bytes: number
  packets: number
  errors: number
  dropped: number
}

const alive = new Set<Netns>()
process.once('exit', () => {
  for (const netns of alive) netns[Symbol.dispose]()
})

/** Runs a program and answers what it printed; throws with its stderr if it fails. */
export function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

/** A name for an interface that stands in a shared namespace: 15 bytes at most. */
export function uniqueName(label = 'u'): string {
  return `${label.slice(0, 6)}${randomBytes(4).toString('hex')}`
}

export class Netns implements Disposable, AsyncDisposable {
  readonly name: string
  /** The namespace file. It is gone after `delete()`. */
  readonly path: string
  readonly #children = new Set<ChildProcess>()

  private constructor(name: string) {
    this.name = name
    this.path = `/run/netns/${name}`
    run('ip', 'netns', 'add', name)
    alive.add(this)
  }

  /** A fresh namespace, its loopback down, as `ip netns add` makes it. `label` is for people who look. */
  static create(label = 'ns'): Netns {
    return new Netns(`uvt-${process.pid}-${randomBytes(4).toString('hex')}-${label}`)
  }

  /** Tells namespaces apart; `net:[inode]` in /proc. */
  get inode(): number {
    return statSync(this.path).ino
  }

  /** Runs a program in here and answers what it printed; throws with its stderr if it fails. */
  exec(command: string, ...args: string[]): string {
    return run('ip', 'netns', 'exec', this.name, command, ...args)
  }

  /** `ip -n NAME …` */
  ip(...args: string[]): string {
    return run('ip', '-n', this.name, ...args)
  }

  /** A process that stays: it is killed with the namespace at the latest. stdio: pipes, stdin closed. */
  spawn(command: string, args: string[] = [], options: SpawnOptions = {}): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', this.name, command, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...options,
    })
    this.#children.add(child)
    child.once('exit', () => this.#children.delete(child))
    return child
  }

  /** All links with their counters. */
  links(): IpLink[] {
    return JSON.parse(this.ip('-json', '-details', '-statistics', 'link', 'show')) as IpLink[]
  }

  /** One link with its counters; throws if it is not here. */
  link(name: string): IpLink {
    const [link] = JSON.parse(
      this.ip('-json', '-details', '-statistics', 'link', 'show', 'dev', name),
    ) as IpLink[]
    if (link === undefined) throw new Error(`no link ${name} in ${this.name}`)
    return link
  }

  /** Names of all interfaces, as `ip` lists them. */
  names(): string[] {
    return this.ip('-o', 'link').match(/(?<=^\d+: )[^:@]+/gm) ?? []
  }

  has(name: string): boolean {
    return this.links().some((link) => link.ifname === name)
  }

  /** `ip netns del`: for tests of what follows from it. Processes in here keep the namespace itself alive. */
  delete(): void {
    run('ip', 'netns', 'del', this.name)
    alive.delete(this)
  }

  [Symbol.dispose](): void {
    for (const child of this.#children) child.kill('SIGKILL')
    this.#children.clear()
    if (alive.has(this)) this.delete()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]()
  }
}

/** What `ip link` says of a link that is at home. */
export function homeLink(name: string): IpLink {
  const [link] = JSON.parse(
    run('ip', '-json', '-details', '-statistics', 'link', 'show', 'dev', name),
  ) as IpLink[]
  if (link === undefined) throw new Error(`no link ${name} at home`)
  return link
}

/** Asks again until `condition` answers something true, and answers that; throws after `timeout` ms of this machine's time. */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  timeout = 60_000,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + patient(timeout)
  for (;;) {
    const answer = await condition()
    if (answer) return answer as NonNullable<T>
    if (performance.now() > deadline) throw new Error(`still waiting for: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Processes that have this namespace for their own, or a descriptor of it. */
export function holdersOf(inode: number): string[] {
  const found = run('sh', '-c', 'ls -l /proc/[0-9]*/task/[0-9]*/ns/net /proc/[0-9]*/fd 2>/dev/null || true')
  let folder = ''
  return found.split('\n').flatMap((line) => {
    if (line.endsWith(':')) folder = line
    return line.includes(`net:[${inode}]`) ? [`${folder} ${line}`] : []
  })
}
