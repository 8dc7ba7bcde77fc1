// What a lab is wished to be, checked, in the form that it is made from: nodes, cables, who shares a wire, routes.
// Called by whoever makes one. Pure: it makes nothing, and what it refuses was not begun.

import { invalid } from '../errors.js'
import { planImpair } from '../faults/impair-plan.js'
import { planRule } from '../faults/rule-plan.js'
import { planSchedule } from '../faults/schedule-plan.js'
import { IPV6_MIN_MTU } from '../frame/ethernet.js'
import type { END, PAIR } from '../wishes/end.js'
import { type CableOptions, type EndPlace, LAB, type LabWish, type NodeWish } from '../wishes/lab.js'
import { at, type Given, type Read } from '../wishes/shape.js'
import { isTunnel, wayOf } from '../wishes/vxlan.js'
import { planRoutes, type Route } from './routes.js'
import { BRIDGE, type LabEnd, type LabNode, type NodeKind, segmentsOf } from './segments.js'

type PairOptions = Given<typeof PAIR>

export interface LabPlan {
  readonly nodes: readonly NodePlan[]
  readonly cables: readonly CablePlan[]
  /** The interfaces of all cables: two of each, or one where the other end is a tunnel. */
  readonly ends: readonly LabEnd[]
  /** Are neighbours to be known from the beginning? */
  readonly neighbours: boolean
}

export interface NodePlan extends LabNode {
  readonly routes: readonly Route[]
}

export interface CablePlan {
  readonly name: string
  /** As createPair takes it, without places. */
  readonly pair: Omit<PairOptions, 'a' | 'b'> & { a: Given<typeof END>; b: NonNullable<PairOptions['b']> }
}

type ReadLab = Read<typeof LAB>

/** Checks all of it. */
export function planLab(wish: LabWish): LabPlan {
  const read = LAB.read(wish, '')
  const ends = read.cables.flatMap(({ a, b, options }, number) => [
    endOf(read.nodes, a, options.a, { cable: number, letter: 'a' }),
    ...(isTunnel(b) ? [] : [endOf(read.nodes, b, options.b, { cable: number, letter: 'b' })]),
  ])
  const kinds = new Map(Object.entries(read.nodes).map(([name, node]) => [name, kindOf(node, name)]))
  refuseTwice(ends)
  const wired = segmentsOf(ends, (node) => kinds.get(node) === 'bridge')
  const nodes = Object.entries(read.nodes).map(([name, node]) => ({
    name,
    kind: kinds.get(name) as NodeKind,
    outside: outsideOf(node, name, ends),
    container: node.container,
  }))
  const routes = planRoutes(read.routes ?? 'auto', nodes, wired)
  return {
    nodes: nodes.map((node) => ({ ...node, routes: routes.get(node.name) ?? [] })),
    cables: planCables(read.cables),
    ends: wired,
    neighbours: read.neighbours ?? true,
  }
}

function kindOf({ kind, forward, outside, container }: NodeWish, name: string): NodeKind {
  const attribute = at('nodes', name)
  if (container !== undefined && (kind ?? forward ?? outside) !== undefined)
    throw invalid(`${attribute}: a container stays as it is: leave kind, forward and outside away`, attribute)
  if (kind === 'nat' && outside === undefined)
    throw invalid(
      `${at(attribute, 'outside')} is missing: which interface of the nat leads outside?`,
      at(attribute, 'outside'),
    )
  if (kind !== 'nat' && outside !== undefined)
    throw invalid(`${at(attribute, 'outside')} is for nodes of kind nat`, at(attribute, 'outside'))
  if (forward !== undefined && kind !== undefined && forward !== (kind === 'router' || kind === 'nat'))
    throw invalid(
      `${at(attribute, 'forward')}: whether a ${kind} forwards is known`,
      at(attribute, 'forward'),
    )
  return kind ?? (forward ? 'router' : 'host')
}

function endOf(
  nodes: ReadLab['nodes'],
  { node, name, cidrs }: EndPlace,
  { up = true, mtu = IPV6_MIN_MTU }: NonNullable<CableOptions['a']> = {},
  { cable, letter }: Pick<LabEnd, 'cable' | 'letter'>,
): LabEnd {
  const attribute = `cables.${cable}.${letter}`
  if (!Object.hasOwn(nodes, node))
    throw invalid(`${attribute}: there is no node ${node}, only ${Object.keys(nodes).join(', ')}`, attribute)
  const isBridge = nodes[node]?.kind === 'bridge'
  if (name === 'lo' || (isBridge && name === BRIDGE))
    throw invalid(`${attribute}: the node has an interface ${name} of its own`, attribute)
  if (isBridge && cidrs.length > 0)
    throw invalid(`${attribute}: a port of a bridge has no address`, attribute)
  if (mtu < IPV6_MIN_MTU && cidrs.some(({ address }) => address.length === 16))
    throw invalid(`${attribute}.mtu: IPv6 takes ${IPV6_MIN_MTU} or more, not ${mtu}`, `${attribute}.mtu`)
  return { attribute, node, name, letter, cable, cidrs, up, segment: '' }
}

function refuseTwice(ends: readonly LabEnd[]): void {
  const seen = new Map<string, LabEnd>()
  for (const end of ends) {
    const label = labelOf(end)
    const other = seen.get(label)
    if (other !== undefined)
      throw invalid(`${end.attribute}: ${label} is an end of cable ${other.cable} already`, end.attribute)
    seen.set(label, end)
  }
}

/** `client:eth0`, as people know an end. */
function labelOf({ node, name }: { node: string; name: string }): string {
  return `${node}:${name}`
}

function outsideOf(
  { outside = [] }: Read<typeof LAB>['nodes'][string],
  node: string,
  ends: readonly LabEnd[],
) {
  const names = ends.filter((end) => end.node === node).map(({ name }) => name)
  const missing = outside.find((name) => !names.includes(name))
  const attribute = `nodes.${node}.outside`
  if (missing !== undefined)
    throw invalid(`${attribute} must be of ${names.join(', ') || 'no interface'}, not ${missing}`, attribute)
  return outside
}

function planCables(cables: ReadLab['cables']): CablePlan[] {
  const names = new Set<string>()
  return cables.map(({ a, b, options }, number) => {
    const { id, a: ofA = {}, b: ofB = {}, ...rest } = options
    const name = id ?? `${a.node}-${isTunnel(b) ? `vxlan${b.vxlan.id}` : b.node}`
    if (names.has(name))
      throw invalid(
        `cables.${number}: there is a cable ${name} already: give this one an id`,
        `cables.${number}.id`,
      )
    names.add(name)
    if (isTunnel(b)) {
      const [way, attribute] = [wayOf(b.vxlan), `cables.${number}.b`]
      if (names.has(way)) throw invalid(`${attribute}: there is a tunnel ${way} already`, attribute)
      names.add(way)
    }
    const end = ({ name, addresses }: EndPlace, wish: Given<typeof END>) => ({
      up: true,
      ...wish,
      name,
      addresses,
    })
    const ends = { a: end(a, ofA), b: isTunnel(b) ? b : end(b, ofB) }
    checkFaults(ends.a, `cables.${number}.a`)
    checkFaults(ends.b, `cables.${number}.b`)
    return { name, pair: { quiet: true, ...rest, ...ends } }
  })
}

/** They come when the lab stands: a bad one is refused before anything is made. */
export function checkFaults({ impair, schedule, rules = [] }: Given<typeof END>, attribute: string): void {
  if (impair !== undefined) planImpair(impair, at(attribute, 'impair'))
  if (schedule !== undefined) planSchedule(schedule, at(attribute, 'schedule'))
  for (const [number, rule] of rules.entries()) planRule(rule, at(attribute, `rules.${number}`))
}
