// What a file describes, checked, in the form that is compared with what there is: nodes with the place that they are,
// links with the id of their pair. Called by `uveth apply` and `destroy`. Pure: it makes nothing.

import { invalid } from '../errors.js'
import { type ImpairOptions, type ImpairPlan, planImpair } from '../faults/impair-plan.js'
import { parseImpairWords } from '../faults/impair-words.js'
import { planRule, type RuleOptions } from '../faults/rule-plan.js'
import { parseRuleWords } from '../faults/rule-words.js'
import { type ScheduleOptions, sets } from '../faults/schedule-plan.js'
import { parseSchedule } from '../faults/schedule-words.js'
import { type FileEndpoint, type FileTunnel, LAB_FILE, type ReadFile } from '../wishes/lab-file.js'
import { at, type Given } from '../wishes/shape.js'
import { isTunnel, wayOf } from '../wishes/vxlan.js'
import { fromWords, type ReadText } from '../wishes/words.js'

/** The node that is always there. */
const HOST = 'host'

export interface FilePlan {
  readonly name: string
  readonly nodes: readonly FileNode[]
  readonly links: readonly FileLink[]
}

export interface FileNode {
  readonly name: string
  /** A namespace that the lab makes. */
  readonly made?: string
  /** One that is there; undefined is where the order is given. */
  readonly netns?: string | number | null
  readonly container?: string
}

export interface FileLink {
  /** Of the pair: the lab and its first endpoint, so that it is found again. */
  readonly id: string
  readonly queues: number
  readonly a: FileEnd
  readonly b: FileEnd
}

export interface FileEnd {
  readonly node: string
  readonly name: string
  readonly up: boolean
  readonly mtu: number
  readonly address: string | undefined
  readonly txQueueLength: number | undefined
  readonly addresses: readonly string[]
  /** As it is ordered; `seed` is there where it was given. */
  readonly impair: ImpairOptions | null
  readonly rules: readonly RuleOptions[]
  readonly schedule: ScheduleOptions | null
  /** No interface, but a tunnel: node, name and all that an interface has mean nothing then. */
  readonly vxlan?: FileTunnel['vxlan']
}

const MTU = 1500

/** In front of the ids of a lab's pairs. */
export function idsOf(lab: string): string {
  return `${lab}:`
}

/** `readText`: how files that its words name are read. */
export function planFile(wish: unknown, readText?: ReadText): FilePlan {
  const { name, topology } = LAB_FILE.read(wish, '')
  const given = (wish as Given<typeof LAB_FILE>).topology.links
  const nodes = Object.entries(topology.nodes).map(([node, of]) => nodeOf(name, node, of ?? {}))
  const names = [...nodes.map((node) => node.name), HOST]
  const seen = new Map<string, number>()
  const links = topology.links.map((link, number): FileLink => {
    const attribute = `topology.links.${number}`
    const [a, b] = link.endpoints.map((endpoint, place) => {
      const own = `${attribute}.endpoints.${place}`
      const end = isTunnel(endpoint) ? wayOf(endpoint.vxlan) : `${endpoint.node}:${endpoint.interface}`
      const tunnel = isTunnel(endpoint)
      if (tunnel && (link.queues ?? 1) > 1)
        throw invalid(`${attribute}.queues: a pair with a tunnel has one queue`, `${attribute}.queues`)
      if (!tunnel && !names.includes(endpoint.node))
        throw invalid(`${own}: there is no node ${endpoint.node}, only ${names.join(', ')}`, own)
      if (!tunnel && endpoint.interface.includes('%'))
        throw invalid(`${own}: an interface of a file has its whole name, not ${endpoint.interface}`, own)
      const other = seen.get(end)
      if (other !== undefined)
        throw invalid(`${own}: ${tunnel ? `a tunnel ${end}` : end} is an end of link ${other} already`, own)
      seen.set(end, number)
      return endOf({ mtu: link.mtu, ...faultsOf(given[number]) }, endpoint, {
        both: attribute,
        own,
        readText,
      })
    }) as [FileEnd, FileEnd]
    const second = `${attribute}.endpoints.1.schedule`
    if ([a, b].every(({ schedule }) => schedule !== null && sets('carrier', schedule)))
      throw invalid(`${second}: carrier is of both ends, and the schedule of the other one sets it`, second)
    return { id: `${idsOf(name)}${a.node}:${a.name}`, queues: link.queues ?? 1, a, b }
  })
  return { name, nodes: [...nodes, { name: HOST }], links }
}

function nodeOf(
  lab: string,
  name: string,
  { netns, container }: NonNullable<ReadFile['topology']['nodes'][string]>,
): FileNode {
  const attribute = `topology.nodes.${name}`
  if (name === HOST)
    throw invalid(`${attribute}: host is where the order is given, and is not described`, attribute)
  if (netns !== undefined && container !== undefined)
    throw invalid(`${attribute} takes netns or container`, attribute)
  if (container !== undefined) return { name, container }
  return netns === undefined ? { name, made: `${lab}-${name}` } : { name, netns }
}

type Faults = Pick<FileEndpoint, 'impair' | 'rules'>

/** As they were written: what was read of a rule is not what is ordered. */
function faultsOf({ impair, rules }: Faults = {}): Faults {
  return { ...(impair !== undefined && { impair }), ...(rules !== undefined && { rules }) }
}

/** Of a tunnel, what stands where an interface has more. */
const NO_INTERFACE = { node: '', interface: '', up: true }

function endOf(
  link: Faults & { mtu: number | undefined },
  given: FileEndpoint | FileTunnel,
  { both, own, readText }: { both: string; own: string; readText: ReadText | undefined },
): FileEnd {
  const endpoint: FileEndpoint & Partial<FileTunnel> = isTunnel(given) ? { ...NO_INTERFACE, ...given } : given
  const { mac, ipv4, ipv6, up = true, txQueueLength, vxlan } = endpoint
  const impair = endpoint.impair ?? link.impair
  const rules = endpoint.rules ?? link.rules ?? []
  const from = (key: 'impair' | 'rules') => at(endpoint[key] === undefined ? both : own, key)
  return {
    ...{
      node: endpoint.node,
      name: endpoint.interface,
      up,
      mtu: link.mtu ?? MTU,
      address: mac,
      txQueueLength,
    },
    addresses: [ipv4, ipv6].filter((one) => one !== undefined),
    impair: impair === undefined ? null : impairOf(impair, from('impair'), readText),
    rules: rules.map((rule, number) => ruleOf(rule, at(from('rules'), String(number)), readText)),
    schedule:
      endpoint.schedule === undefined
        ? null
        : parseSchedule(endpoint.schedule, at(own, 'schedule'), readText),
    ...(vxlan && { vxlan }),
  }
}

function impairOf(given: unknown, attribute: string, readText: ReadText | undefined): ImpairOptions {
  const options = fromWords(given, attribute, (words) => parseImpairWords(words, readText))
  planImpair(options, attribute)
  return options
}

function ruleOf(given: unknown, attribute: string, readText: ReadText | undefined): RuleOptions {
  const options = fromWords(given, attribute, (words) => parseRuleWords(words, readText))
  planRule(options, attribute)
  return options
}

/** With the seed that there is, where none was given: it is as good as any. */
export function planBeside(options: ImpairOptions | null, present: ImpairPlan | null): ImpairPlan | null {
  if (options === null) return null
  return planImpair({ ...(present !== null && { seed: present.seed }), ...options }, '')
}
