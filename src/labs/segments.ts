// Which ends of a lab share a wire: those of one cable, and of all cables that bridges join. What cannot be on one
// wire is refused here. Called by plan.ts.

import { invalid } from '../errors.js'
import { type Cidr, formatAddress } from '../frame/address.js'
import type { NODE_KINDS } from '../wishes/lab.js'

export type NodeKind = (typeof NODE_KINDS)[number]

/** The interface of a node of kind bridge that its ends are ports of. */
export const BRIDGE = 'br0'

export interface LabNode {
  readonly name: string
  readonly kind: NodeKind
  /** Names of interfaces. */
  readonly outside: readonly string[]
  readonly container: string | undefined
}

export interface LabEnd {
  /** What messages call it. */
  readonly attribute: string
  readonly node: string
  /** Of the interface. */
  readonly name: string
  readonly letter: 'a' | 'b'
  /** Its place among the cables. */
  readonly cable: number
  readonly cidrs: readonly Cidr[]
  /** Will it be? An interface that is down leads nowhere. */
  readonly up: boolean
  /** The same for all that share a wire. */
  readonly segment: string
}

/** The ends, each with its segment. Refuses a ring of bridges, and an address that is there twice. */
export function segmentsOf(ends: readonly LabEnd[], isBridge: (node: string) => boolean): LabEnd[] {
  const joined = joinBridges(ends, isBridge)
  const wired = ends.map((end) => {
    const bridge = ends.find(({ cable, node }) => cable === end.cable && isBridge(node))
    const segment = bridge === undefined ? `cable ${end.cable}` : `bridge ${joined(bridge.node)}`
    return { ...end, segment }
  })
  refuseTwice(wired)
  return wired
}

/** Undefined: a tunnel. */
function peerOf(ends: readonly LabEnd[], end: LabEnd): LabEnd | undefined {
  return ends.find((other) => other !== end && other.cable === end.cable)
}

/** Answers which bridge stands for all that it is joined with. */
function joinBridges(ends: readonly LabEnd[], isBridge: (node: string) => boolean): (node: string) => string {
  const next = new Map<string, string>()
  const last = (node: string): string => {
    const further = next.get(node)
    return further === undefined ? node : last(further)
  }
  for (const end of ends) {
    const peer = peerOf(ends, end)
    if (end.letter === 'b' || peer === undefined || ![end, peer].every(({ node }) => isBridge(node))) continue
    const [one, other] = [last(end.node), last(peer.node)]
    if (one === other)
      throw invalid(
        `cables.${end.cable}: ${end.node} and ${peer.node} are joined already: in a ring of bridges frames never end`,
        `cables.${end.cable}`,
      )
    next.set(one, other)
  }
  return last
}

function refuseTwice(ends: readonly LabEnd[]): void {
  const seen = new Map<string, LabEnd>()
  for (const end of ends) {
    for (const { address } of end.cidrs) {
      const text = formatAddress(address)
      const key = `${end.segment} ${text}`
      const other = seen.get(key)
      if (other !== undefined)
        throw invalid(
          `${end.attribute}: ${other.node}:${other.name} has ${text} on the same wire`,
          end.attribute,
        )
      seen.set(key, end)
    }
  }
}
