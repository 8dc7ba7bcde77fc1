// A lab of nodes and cables, and the programs in it: laid before a test, removed after it, with a report and
// captures when it failed. Used by with-pair.ts, lab.ts and vitest.ts; the order of things on the way in and
// on the way out stands here.

import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UvethError } from '../errors.js'
import { NFT_FOLDERS, setUpScript } from '../labs/commands.js'
import { hasProgram } from '../sandbox/place.js'
import { type Artifacts, keep } from './artifact.js'
import { available } from './available.js'
import { Keeper } from './keeper.js'
import { type Laid, makePairs } from './make-pairs.js'
import { findNodes, type NodePlace } from './nodes.js'
import type { TestPlan } from './options.js'
import { Programs } from './programs.js'
import { endWords, reportWords } from './report.js'

const NFT = ['nft', ...NFT_FOLDERS.map((folder) => `${folder}/nft`)]

export class Testbed {
  readonly plan: TestPlan
  readonly nodes: readonly NodePlace[]
  readonly laid: readonly Laid[]
  readonly programs: Programs
  readonly #keeper: Keeper
  readonly #folder: string
  #closed: Promise<string> | undefined

  private constructor(plan: TestPlan, keeper: Keeper, folder: string, nodes: NodePlace[], laid: Laid[]) {
    this.plan = plan
    this.nodes = nodes
    this.laid = laid
    this.#keeper = keeper
    this.#folder = folder
    const keep = (group: number) => keeper.endToo(group)
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
    // Where captures go while nobody knows whether they will be kept.
    const folder = join(tmpdir(), prefix)
    const keeper = await Keeper.start(
      folder,
      nodes.flatMap(({ name, netns, plan: node }) =>
        typeof netns === 'string' ? [{ netns, name, setUp: setUpScript(node) }] : [],
      ),
    )
    try {
      const laid = await makePairs(plan, nodes, (cable) =>
        plan.capture === false ? undefined : fileIn(folder, cable),
      )
      return new Testbed(plan, keeper, folder, nodes, laid)
    } catch (error) {
      await keeper.close()
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
    const words = failed ? [...(await this.#endWords()), ...this.programs.words()] : []
    try {
      await Promise.all(this.laid.map(({ pair }) => pair.close())) // completes the captures
      return await this.#leave(failed, words)
    } finally {
      await this.#keeper.close()
      await this.programs.ended()
    }
  }

  /** Without the kernel's part of it where nobody can be asked. */
  async #endWords(): Promise<string[]> {
    const { of } = this.plan
    const each = this.laid.map(async ({ pair, nodes }) => {
      const stats = await pair.stats().catch(() => undefined)
      return (['a', 'b'] as const).flatMap((end) =>
        endWords(pair, end, stats?.[end], of === 'pair' ? end : nodes[end].name),
      )
    })
    return (await Promise.all(each)).flat()
  }

  async #leave(failed: boolean, words: string[]): Promise<string> {
    const { of, artifacts, name, capture, seed } = this.plan
    if (!failed && capture !== 'always') return ''
    const say = (captures: readonly string[]) => reportWords(of, words, seed, captures)
    if (this.#keeper.ended) return say(['none (the test runner is gone)'])
    const files = this.laid.map(({ plan: { name: cable } }) => ({
      of: of === 'pair' ? '' : cable,
      path: fileIn(this.#folder, cable),
    }))
    // A full disk must not hide why the test has failed.
    const kept = await keep(artifacts, name, capture === false ? [] : files).catch(notKept)
    const report = say(kept.captures.length > 0 ? kept.captures : ['none (capture: false)'])
    if (failed) await kept.report(report)
    return report
  }
}

function fileIn(folder: string, cable: string): string {
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
