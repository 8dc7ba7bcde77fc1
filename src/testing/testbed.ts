// A lab of nodes and cables, and the programs in it: laid before a test, removed after it, with a report and
// captures when it failed. Used by with-pair.ts, lab.ts and vitest.ts; the order of things on the way in and
// on the way out stands here.

import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UvethError } from '../errors.js'
import { NFT_FOLDERS } from '../labs/commands.js'
import { hasProgram } from '../sandbox/place.js'
import { type Artifacts, keep } from './artifact.js'
import { available } from './available.js'
import { type Laid, makePairs } from './make-pairs.js'
import { findNodes, type NodePlace } from './nodes.js'
import type { TestPlan } from './options.js'
import { Programs } from './programs.js'
import { endWords, reportWords } from './report.js'
import { Site } from './site.js'

const NFT = ['nft', ...NFT_FOLDERS.map((folder) => `${folder}/nft`)]

export class Testbed {
  readonly plan: TestPlan
  readonly nodes: readonly NodePlace[]
  readonly laid: readonly Laid[]
  readonly programs: Programs
  readonly #site: Site
  #closed: Promise<string> | undefined

  private constructor(plan: TestPlan, site: Site, nodes: NodePlace[], laid: Laid[]) {
    this.plan = plan
    this.nodes = nodes
    this.laid = laid
    this.#site = site
    const keep = (group: number) => site.endToo(group)
    this.programs = new Programs(
      nodes.map((node) => (node.plan.container === undefined ? node : { ...node, keep })),
    )
  }

  /** On failure nothing is left behind. */
  static async lay(plan: TestPlan): Promise<Testbed> {
    plan.signal?.throwIfAborted()
    refuseMissing(plan)
    const prefix = `uveth-${process.pid}-${randomBytes(4).toString('hex')}`
    const nodes = await findNodes(plan.lab.nodes, prefix)
    const site = await Site.make(join(tmpdir(), prefix), nodes)
    try {
      const fileOf = (cable: string) => (plan.capture === false ? undefined : fileIn(site, cable))
      const laid = await makePairs(plan, nodes, fileOf, () => site.ready())
      return new Testbed(plan, site, nodes, laid)
    } catch (error) {
      await site.close()
      plan.signal?.throwIfAborted()
      throw error
    }
  }

  /** Removes everything. When the test has failed it keeps the artifacts, and answers the report. Any number of times. */
  close(failed: boolean): Promise<string> {
    this.#closed ??= this.#close(failed)
    return this.#closed
  }

  async #close(failed: boolean): Promise<string> {
    this.programs.close(this.plan.of)
    const words = failed ? [...(await this.#endWords()), ...this.programs.words()] : []
    const closing = Promise.all(this.laid.map(({ pair }) => pair.close())) // completes the captures
    try {
      if (failed || this.plan.capture === 'always' || this.laid.some(isSeen)) await closing
      else closing.catch(() => {}) // no one sees what is left of it
      return await this.#leave(failed, words)
    } finally {
      await this.#site.close()
      await this.programs.ended()
    }
  }

  /** Without the kernel's part of it where nobody can be asked. */
  async #endWords(): Promise<string[]> {
    const { of } = this.plan
    const each = this.laid.map(async ({ pair, nodes }) => {
      const stats = await pair.stats().catch(() => undefined)
      return (['a', 'b'] as const).flatMap((end) =>
        endWords(pair, end, stats?.[end], of === 'pair' ? end : (nodes[end]?.name ?? 'tunnel')),
      )
    })
    return (await Promise.all(each)).flat()
  }

  async #leave(failed: boolean, words: string[]): Promise<string> {
    const { of, artifacts, name, capture, seed } = this.plan
    if (!failed && capture !== 'always') return ''
    const say = (captures: readonly string[]) => reportWords(of, words, seed, captures)
    if (this.#site.orphaned) return say(['none (the test runner is gone)'])
    const files = this.laid.map(({ plan: { name: cable } }) => ({
      of: of === 'pair' ? '' : cable,
      path: fileIn(this.#site, cable),
    }))
    // A full disk must not hide why the test has failed.
    const kept = await keep(artifacts, name, capture === false ? [] : files).catch(notKept)
    const report = say(kept.captures.length > 0 ? kept.captures : ['none (capture: false)'])
    if (failed) await kept.report(report)
    return report
  }
}

/** An end stands where others are: in a container, or where the test has moved it. That it goes takes the kernel 20 to 40 ms. */
function isSeen({ pair, nodes }: Laid): boolean {
  return pair.a.netns !== nodes.a.netns || (nodes.b !== undefined && pair.b.netns !== nodes.b.netns)
}

function fileIn({ folder }: Site, cable: string): string {
  return join(folder, `${cable}.pcapng`)
}

/** What was there once is not looked for again: to close the device waits for RTNL, 60 ms seen on a busy machine. */
let isAvailable = false

function refuseMissing({ lab }: TestPlan): void {
  const refuse = (code: string, why: string) => {
    throw new UvethError(`${code}: ${why}`, { code, hint: why })
  }
  const missing = isAvailable ? undefined : available()
  if (missing !== undefined) refuse('EPERM', missing)
  isAvailable = true
  const nat = lab.nodes.find(({ kind }) => kind === 'nat')
  if (nat !== undefined && !NFT.some(hasProgram))
    refuse('ENOENT', `node ${nat.name}: a nat needs 'nft': apt-get install nftables`)
  const container = lab.nodes.find((node) => node.container !== undefined)
  if (container !== undefined && !hasProgram('nsenter'))
    refuse(
      'ENOENT',
      `node ${container.name}: a container needs 'nsenter' on the PATH: apt-get install util-linux`,
    )
}

function notKept(error: Error): Artifacts {
  return { captures: [`not kept: ${error.message}`], report: async () => {} }
}
