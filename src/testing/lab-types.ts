// What a lab is asked for, and what a test is given of it, with the names of nodes, interfaces and cables known to
// the compiler. Types only.

import type { End, Netns, Pair } from '../index.js'
import type { CableOptions, NodeWish as LabNode, LabTunnel } from '../wishes/lab.js'
import type { LabTestOptions } from './options.js'
import type { NodeExec, NodeSpawn } from './programs.js'

export type { CableOptions, LabNode, LabTunnel }

export type LabNodes = Readonly<Record<string, LabNode>>
/** Two ends, each `NODE:INTERFACE` with addresses behind it, the second one perhaps a tunnel, and options of the pair. */
export type LabCable<Node extends string = string> = readonly [
  a: `${Node}:${string}`,
  b: `${Node}:${string}` | LabTunnel,
  options?: CableOptions,
]

export interface LabOptions<
  N extends LabNodes = LabNodes,
  C extends readonly LabCable<keyof N & string>[] = readonly LabCable<keyof N & string>[],
> extends LabTestOptions {
  nodes: N
  cables: C
  /**
   * `'auto'` (default): the shortest way to each subnet. Or for each node destinations (`default`, a prefix), each with
   * the node or the address that leads there.
   */
  routes?: 'auto' | { readonly [K in keyof N]?: Readonly<Record<string, string>> }
  /** Nodes know the MAC addresses of their neighbours from the beginning; default true. */
  neighbours?: boolean
}

/** A node as a test has it. */
export interface NodeInTest<Interface extends string = string> {
  readonly name: string
  /** For `ip -n` and `ip netns exec`; of a container, its process id. */
  readonly netns: Netns
  /** Its first IPv4 address without prefix, and the same for IPv6; empty where it has none. */
  readonly ip: string
  readonly ip6: string
  /** By the names that they were made with. */
  readonly ends: Readonly<Record<Interface, End>>
  readonly exec: NodeExec
  readonly spawn: NodeSpawn
}

export interface Lab<N extends LabNodes = LabNodes, C extends readonly LabCable[] = readonly LabCable[]>
  extends AsyncDisposable {
  readonly nodes: { readonly [K in keyof N & string]: NodeInTest<InterfaceOf<C[number], K>> }
  /** By their `id`, or by the names of their nodes: `client-nat`; of one with a tunnel, `client-vxlan42`. */
  readonly cables: { readonly [K in C[number] as CableName<K>]: Pair }
  /** For everything that the test draws itself. */
  readonly seed: number
  /** Removes everything. Of a test that has failed it keeps the captures, and answers the report. */
  close(failed?: boolean): Promise<string>
}

/** Makes a lab, for a test's body, or until it is closed. */
export interface MakeLab {
  <const N extends LabNodes, const C extends readonly LabCable<keyof N & string>[]>(
    options: LabOptions<N, C>,
  ): Promise<Lab<N, C>>
  <const N extends LabNodes, const C extends readonly LabCable<keyof N & string>[], T>(
    options: LabOptions<N, C>,
    body: (lab: Lab<N, C>) => T | Promise<T>,
  ): Promise<T>
}

type CableName<C extends LabCable> = C extends readonly [
  unknown,
  unknown,
  { readonly id: infer Id extends string },
]
  ? Id
  : `${NodeOf<C[0]>}-${NodeOf<C[1]>}`
type TunnelOf<Id extends number> = { readonly vxlan: { readonly id: Id } }
type NodeOf<End> = End extends `${infer Node}:${string}`
  ? Node
  : End extends TunnelOf<infer Id>
    ? `vxlan${Id}`
    : never
/** Of the ends of cable C at node N. */
type InterfaceOf<C extends LabCable, N extends string> = NameAt<C[0], N> | NameAt<C[1], N>
type NameAt<Text, N extends string> = Text extends `${N}:${infer Rest}` ? FirstWord<Rest> : never
type FirstWord<Text extends string> = Text extends `${infer Word} ${string}` ? Word : Text
