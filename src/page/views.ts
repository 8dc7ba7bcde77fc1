// What the page reads of the daemon's answers: a part of the types of the API, which bring Node's along and cannot be
// loaded here. test/unit/page/views.test.ts holds them against those.

export type Side = 'a' | 'b'
export const SIDES: readonly Side[] = ['a', 'b']

export interface Impairment {
  delay?: { time: number; jitter?: number | undefined } | undefined
  loss?: object | undefined
  duplicate?: { probability: number } | undefined
  corrupt?: { probability: number } | undefined
  reorder?: { probability: number } | undefined
  rate?: object | undefined
}

export interface EndView {
  name: string
  /** A name, null for home, otherwise `net:[inode]`. */
  netns: string | null
  netnsInode: number
  up: boolean
  mtu: number
  impair: Impairment | null
  rules: readonly object[]
  /** Of an end on another host. */
  vxlan?: { id: number; remote: string } | undefined
}

export interface PairView {
  id: string
  carrier: boolean
  carrierMode: 'on' | 'off' | 'auto'
  a: EndView
  b: EndView
}

/** Of an end: what it sends. */
export interface EndCounts {
  tx_packets: number
  tx_bytes: number
  drops: Readonly<Record<string, number>>
}
export type Counts = Readonly<Record<Side, EndCounts>>

/** How people call a namespace, or the other host that an end is on. */
export function placeOf({ netns, vxlan }: EndView): string {
  return vxlan === undefined ? (netns ?? 'home') : vxlan.remote
}

/** Of namespaces the inode: two may have one name, in two mount namespaces. */
export function placeKey({ netnsInode, vxlan }: EndView): string {
  return vxlan === undefined ? String(netnsInode) : `host ${vxlan.remote}`
}

/** What stands at its plug: a tunnel's name has its host's address, which stands above it. */
export function plugName({ name, vxlan }: EndView): string {
  return vxlan === undefined ? name : `vxlan ${vxlan.id}`
}

/** What tells an end from its peer. */
export function nameIn(pair: PairView, side: Side): string {
  const end = pair[side]
  return pair.a.name === pair.b.name ? `${end.name} @ ${placeOf(end)}` : end.name
}

/** Exact, whoever else has that name. */
export function refOf({ name, netnsInode }: EndView): string {
  return `${name}@net:[${netnsInode}]`
}
