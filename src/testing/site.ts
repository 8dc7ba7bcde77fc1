// What a testbed stands on: a folder for its captures and the namespaces of its nodes, all made side by side, and removed
// with what runs in them. What of it is there when this process is killed, the keeper removes. Made by testbed.ts.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { UvethError } from '../errors.js'
import { forwards, READY, SETTINGS, setUpScript } from '../labs/commands.js'
import { type Keeper, keeper, type Thing } from './keeper.js'
import type { NodePlace } from './nodes.js'

export class Site {
  /** Where captures go while nobody knows whether they will be kept. */
  readonly folder: string
  /** The nodes whose namespaces are ours. */
  readonly #own: readonly (NodePlace & { readonly netns: string })[]
  readonly #keeper: Keeper
  readonly #groups: number[] = []
  #closed: Promise<void> | undefined

  private constructor(folder: string, nodes: readonly NodePlace[]) {
    this.folder = folder
    this.#own = nodes.filter((node): node is NodePlace & { netns: string } => typeof node.netns === 'string')
    this.#keeper = keeper()
    this.#keeper.keep(this.#things())
  }

  /** On failure nothing is left of it. */
  static async make(folder: string, nodes: readonly NodePlace[]): Promise<Site> {
    const site = new Site(folder, nodes)
    try {
      mkdirSync(folder)
      const made = await Promise.allSettled(site.#own.map(make))
      for (const one of made) if (one.status === 'rejected') throw one.reason
      return site
    } catch (error) {
      await site.close()
      throw error
    }
  }

  /** The keeper cleans up: this process has outlived the one that wanted the test. */
  get orphaned(): boolean {
    return this.#keeper.ended
  }

  /** Its pairs are there: from here on its namespaces are as users know them. */
  async ready(): Promise<void> {
    const { handOut, tellNetns } = await import('../netns/own.js')
    for (const { netns } of this.#own) handOut(netns)
    await Promise.all(this.#own.map(async ({ netns }) => await tellNetns(netns, READY).catch(() => {})))
  }

  /** A process group that is to end with it, in a namespace that is not ours. */
  endToo(group: number): void {
    this.#groups.push(group)
    this.#keeper.keep([`group ${group}`])
  }

  /** Ends what runs in it and removes it. Any number of times. */
  async close(): Promise<void> {
    this.#closed ??= this.#close()
    await this.#closed
  }

  async #close(): Promise<void> {
    for (const group of this.#groups) endGroup(group)
    const { endNetns } = await import('../netns/own.js')
    await endNetns(this.#own.map(({ netns }) => netns))
    await rm(this.folder, { recursive: true, force: true })
    this.#keeper.forget(this.#things())
  }

  #things(): Thing[] {
    const groups = this.#groups.map((group): Thing => `group ${group}`)
    return [...this.#own.map(({ netns }): Thing => `netns ${netns}`), `folder ${this.folder}`, ...groups]
  }
}

async function make({ plan, name, netns, enter }: NodePlace & { netns: string }): Promise<void> {
  const { addNetns, tellNetns } = await import('../netns/own.js')
  await addNetns(netns).catch(refuse)
  const told = tellNetns(netns, SETTINGS[plan.kind])
  await told.catch(({ message }: Error) => {
    if (forwards(plan)) throw notSetUp(name, `it cannot forward: /proc/sys/net is not writable (${message})`)
  })
  const script = setUpScript(plan)
  if (script === '') return
  const said = await complaint([...enter, 'sh', '-c', script])
  if (said !== undefined) throw notSetUp(name, said)
}

/** Of a command that fails. */
async function complaint([program = '', ...words]: readonly string[]): Promise<string | undefined> {
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] })
  const [[code], ...said] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  return code === 0 ? undefined : said.join('').trim()
}

function notSetUp(node: string, why: string): UvethError {
  return new UvethError(`EOPNOTSUPP: the lab cannot be set up: ${node}: ${why}`, { code: 'EOPNOTSUPP' })
}

/** available() has found the capabilities. */
function refuse({ message }: Error): never {
  const hint =
    'it takes a /run that can be written to, and in many containers --security-opt apparmor=unconfined'
  throw new UvethError(`EPERM: network namespaces cannot be made: ${message} (${hint})`, {
    code: 'EPERM',
    hint,
  })
}

function endGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL')
  } catch {
    // it has ended already
  }
}
