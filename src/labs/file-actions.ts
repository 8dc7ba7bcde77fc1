// What is to be done so that what there is becomes what a file describes: a list of actions, each with the line that
// tells of it. What is as wished stays untouched; what differs is changed in place, but for what a pair is made with.
// Called by cli/apply/, which carries them out. Pure.

import type { ImpairOptions, ImpairPlan } from '../faults/impair-plan.js'
import { formatImpair } from '../faults/impair-words.js'
import { type NormalRule, planRule, type RuleOptions } from '../faults/rule-plan.js'
import { formatRule } from '../faults/rule-words.js'
import { planSchedule, type ScheduleOptions, type SchedulePlan, sets } from '../faults/schedule-plan.js'
import { formatRounds } from '../faults/schedule-words.js'
import { formatAddress } from '../frame/address.js'
import { tunnelName, VXLAN } from '../wishes/vxlan.js'
import { type FileEnd, type FileLink, type FilePlan, planBeside } from './file-plan.js'

export interface PresentEnd {
  readonly name: string
  /** Of its namespace. */
  readonly inode: number
  readonly address: string
  readonly mtu: number
  readonly up: boolean
  readonly txQueueLength: number
  /** With prefix lengths. */
  readonly addresses: readonly string[]
  readonly impair: ImpairPlan | null
  readonly rules: readonly NormalRule[]
  readonly schedule: SchedulePlan | null
  readonly vxlan?: PresentTunnel
}

/** As an end that is a tunnel is shown. */
interface PresentTunnel {
  readonly id: number
  readonly remote: string
  readonly local: string | null
  readonly port: number
  readonly keepalive: number | null
}

export interface Present {
  /** Those of the lab's namespaces that are there. */
  readonly namespaces: readonly string[]
  /** Inodes by node; of one that is not there yet undefined. */
  readonly places: ReadonlyMap<string, number | undefined>
  /** Those of the lab. */
  readonly pairs: readonly { id: string; queues: number; a: PresentEnd; b: PresentEnd }[]
}

/** What can be changed of an end by one order. */
interface EndChange {
  name?: string
  /** The node that it moves to. */
  node?: string
  address?: string
  mtu?: number
  txQueueLength?: number
  up?: boolean
  addresses?: readonly string[]
}

export type FileAction = { readonly line: string } & (
  | { readonly do: 'netns.add' | 'netns.del'; readonly netns: string }
  | { readonly do: 'pair.add'; readonly link: FileLink }
  | { readonly do: 'pair.del'; readonly id: string }
  | { readonly do: 'end.set'; readonly id: string; readonly side: 'a' | 'b'; readonly change: EndChange }
  | { readonly do: 'impair'; readonly end: FileEnd; readonly impair: ImpairOptions | null }
  | { readonly do: 'schedule'; readonly end: FileEnd; readonly schedule: ScheduleOptions | null }
  | { readonly do: 'rules'; readonly end: FileEnd; readonly rules: readonly RuleOptions[] }
)

/** In the order in which they are carried out: what goes, namespaces, changes, what comes. */
export function applyActions({ nodes, links }: FilePlan, present: Present): FileAction[] {
  const made = nodes.flatMap(({ made }) => (made === undefined ? [] : [made]))
  const stays = (pair: Present['pairs'][number]) => {
    const link = links.find(({ id }) => id === pair.id)
    return link !== undefined && link.queues === pair.queues && tunnels(link.b, pair.b) ? link : undefined
  }
  return [
    ...present.pairs.filter((pair) => stays(pair) === undefined).map(pairDel),
    ...made.filter((netns) => !present.namespaces.includes(netns)).map(netnsAdd),
    ...present.pairs.flatMap((pair) => {
      const link = stays(pair)
      return link === undefined
        ? []
        : (['a', 'b'] as const).flatMap((side) => endActions(link, side, pair[side], present.places))
    }),
    ...links
      .filter(({ id }) => !present.pairs.some((pair) => pair.id === id && stays(pair) !== undefined))
      .map(pairAdd),
    ...present.namespaces.filter((netns) => !made.includes(netns)).map(netnsDel),
  ]
}

/** Is end b, where it is a tunnel, the same one? What it is made with is not changed. */
function tunnels({ vxlan }: FileEnd, { vxlan: present }: PresentEnd): boolean {
  if (vxlan === undefined || present === undefined) return vxlan === present
  const { id, remote, local, port, keepalive } = VXLAN.read(vxlan, '')
  return (
    id === present.id &&
    port === present.port &&
    formatAddress(remote) === present.remote &&
    (local === undefined ? null : formatAddress(local)) === present.local &&
    (keepalive ?? null) === present.keepalive
  )
}

export function destroyActions({ pairs, namespaces }: Present): FileAction[] {
  return [...pairs.map(pairDel), ...namespaces.map(netnsDel)]
}

const netnsAdd = (netns: string): FileAction => ({ do: 'netns.add', netns, line: `+ netns ${netns}` })
const netnsDel = (netns: string): FileAction => ({ do: 'netns.del', netns, line: `- netns ${netns}` })
const pairDel = ({ id }: { id: string }): FileAction => ({ do: 'pair.del', id, line: `- link ${id}` })

function pairAdd(link: FileLink): FileAction {
  return { do: 'pair.add', link, line: `+ link ${labelOf(link.a)} ${labelOf(link.b)}` }
}

function labelOf({ node, name, vxlan }: FileEnd): string {
  return vxlan === undefined ? `${node}:${name}` : tunnelName(VXLAN.read(vxlan, ''))
}

const NOTHING = { change: {}, words: [] }

function endActions(
  link: FileLink,
  side: 'a' | 'b',
  is: PresentEnd,
  places: Present['places'],
): FileAction[] {
  // A tunnel is called as it is there, and nothing of it can be set.
  const wanted = link[side].vxlan === undefined ? link[side] : { ...link[side], name: is.name }
  const { change, words } = wanted.vxlan === undefined ? settings(wanted, is, places) : NOTHING
  const label = labelOf(wanted)
  const line = `~ ${label} ${words.join(', ')}`
  const set: FileAction[] = words.length === 0 ? [] : [{ do: 'end.set', id: link.id, side, change, line }]
  // While there is a schedule, it has the impairment.
  const timed = wanted.schedule !== null && sets('impair', wanted.schedule)
  const impaired = timed ? [] : impairment(wanted, is, label)
  return [...set, ...schedule(wanted, is, label), ...impaired, ...rules(wanted, is, label)]
}

/** What is left out in the file stays as it is, but for what has a default. */
function settings(
  { node, addresses, ...wanted }: FileEnd,
  is: PresentEnd,
  places: Present['places'],
): { change: EndChange; words: string[] } {
  const change: EndChange = {}
  const words: string[] = []
  if (places.get(node) !== is.inode) {
    change.node = node
    words.push(`moved to ${node}`)
  }
  const lacks = addresses.filter((cidr) => !is.addresses.includes(cidr))
  // A move takes addresses and admin up away.
  const missing = change.node === undefined ? lacks : addresses
  if (missing.length > 0) {
    change.addresses = missing
    words.push(...missing.map((cidr) => `address ${cidr}`))
  }
  const differ = (key: 'name' | 'address' | 'mtu' | 'txQueueLength', word: string) => {
    const value = wanted[key]
    if (value === undefined || String(value).toLowerCase() === String(is[key]).toLowerCase()) return
    Object.assign(change, { [key]: value })
    words.push(`${word} ${is[key]} -> ${value}`)
  }
  differ('name', 'name')
  differ('address', 'mac')
  differ('mtu', 'mtu')
  differ('txQueueLength', 'txqueuelen')
  if (wanted.up !== is.up || (change.node !== undefined && wanted.up)) {
    change.up = wanted.up
    if (wanted.up !== is.up) words.push(wanted.up ? 'up' : 'down')
  }
  return { change, words }
}

function impairment(wanted: FileEnd, is: PresentEnd, label: string): FileAction[] {
  const words = (plan: ImpairPlan | null) => (plan === null ? 'none' : formatImpair(plan))
  const plan = planBeside(wanted.impair, is.impair)
  const [before, after] = [words(is.impair), words(plan)]
  if (before === after && tablesOf(plan) === tablesOf(is.impair)) return []
  // What was drawn here is drawn anew where nothing was before.
  const shown = is.impair === null ? withoutSeed(after, wanted.impair) : after
  const line = `~ ${label} impair ${before} -> ${shown}`
  return [{ do: 'impair', end: wanted, impair: wanted.impair, line }]
}

/** What stands behind the names in its words. */
function tablesOf(plan: ImpairPlan | NormalRule['action'] | null | undefined): string {
  if (plan == null || ('kind' in plan && plan.kind !== 'impair')) return ''
  const { delay, slot, rate } = plan
  const drawn = slot && 'distribution' in slot && slot.distribution
  return JSON.stringify([delay?.distribution, drawn, rate && 'trace' in rate && rate.trace])
}

function withoutSeed(words: string, options: ImpairOptions | null): string {
  return options?.seed === undefined ? words.replace(/ ?seed \d+$/, '') : words
}

function schedule(wanted: FileEnd, is: PresentEnd, label: string): FileAction[] {
  const plan = wanted.schedule && scheduleBeside(wanted.schedule, is.schedule)
  const text = (given: SchedulePlan | null) =>
    JSON.stringify(given && [given.steps, given.repeat, given.period])
  if (text(plan) === text(is.schedule)) return []
  const [before, after] = [is.schedule, plan].map((one) => (one === null ? 'none' : formatRounds(one)))
  const line = `~ ${label} schedule ${before} -> ${after}`
  return [{ do: 'schedule', end: wanted, schedule: wanted.schedule, line }]
}

/** With the seeds that there are, where none were given. */
function scheduleBeside({ steps, ...rest }: ScheduleOptions, present: SchedulePlan | null): SchedulePlan {
  const seeded = steps.map((step, number) =>
    step.impair == null
      ? step
      : { ...step, impair: planBeside(step.impair, present?.steps[number]?.impair ?? null) },
  )
  return planSchedule({ ...rest, steps: seeded }, '')
}

function rules(wanted: FileEnd, is: PresentEnd, label: string): FileAction[] {
  const before = is.rules.map(formatRule)
  const planned = wanted.rules.map((rule, number) => ruleBeside(rule, is.rules[number]))
  const after = planned.map(formatRule)
  const same = (words: string, number: number) =>
    words === after[number] && tablesOf(planned[number]?.action) === tablesOf(is.rules[number]?.action)
  if (before.length === after.length && before.every(same)) return []
  const line = `~ ${label} rules ${before.join('; ') || 'none'} -> ${after.join('; ') || 'none'}`
  return [{ do: 'rules', end: wanted, rules: wanted.rules, line }]
}

/** With the seed that there is, where none was given. */
function ruleBeside(wanted: RuleOptions, present: NormalRule | undefined): NormalRule {
  const { action, match } = planRule(wanted, '')
  const own = 'seed' in wanted.action ? wanted.action.seed : undefined
  const there = present !== undefined && 'seed' in present.action ? present.action.seed : undefined
  // One that draws nothing has 0.
  const drawn = 'seed' in action && action.seed !== 0 && own === undefined && there !== undefined
  return { action: drawn ? { ...action, seed: there } : action, match: match.normal }
}
