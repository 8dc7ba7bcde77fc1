// What the main thread and the link thread say to each other. Plain data only: it is cloned.

import type { MessagePort } from 'node:worker_threads'
import type { PortCouple } from '../datapath/port.js'
import type { PairState } from '../datapath/served.js'
import type { WireError } from '../errors.js'
import type { LinkAddress } from '../netlink/addresses.js'
import type { LinkDetails } from '../netlink/link-details.js'
import type { LinkStats } from '../netlink/rtnl.js'
import type { NetnsPlace } from '../netns/names.js'
import type { VxlanPlan } from '../wishes/vxlan.js'
import type { Far } from './keepalive.js'
import type { UncarriedState } from './uncarried.js'

/** What an end is to be, checked and with its defaults: options.ts makes it. */
export interface EndPlan {
  /** A name or a `%d` template, judged in the target namespace. */
  name: string
  netns: NetnsPlace
  /** undefined: the kernel draws one. */
  address: Uint8Array | undefined
  mtu: number
  txQueueLength: number
  up: boolean
  /** undefined: the kernel chooses. */
  ifindex: number | undefined
  /** The index is not wished for: it is given where it is free. */
  ifFree?: boolean
  alias?: string
  /** Given where they are free. */
  altnames?: string[]
  addresses: LinkAddress[]
  /** It had IPv6 addresses: whatever its namespace says of new links, it may have them. */
  ipv6?: boolean
  /** As netlink/routes.ts has them. Given where they can be. */
  routes?: Uint8Array[]
  /** Do duplicate address detection for IPv6 addresses (the address is not usable for a second). */
  dad: boolean
  /** No interface: a tunnel. Nothing else of the plan counts then. */
  vxlan?: VxlanPlan
}

export interface PairPlan {
  ends: [a: EndPlan, b: EndPlan]
  queues: number
  /** No IPv6 chatter: addr_gen_mode none before the link goes up. */
  quiet: boolean
  /** Frames are forwarded by the thread that made the pair; its descriptors are told when it is made. */
  inline: boolean
}

/** `auto`: carrier follows the rule, up(a) and up(b). */
export type CarrierMode = 'on' | 'off' | 'auto'

/** What can be changed of an end that exists; what is undefined stays as it is. */
export interface EndChange {
  up?: boolean | undefined
  name?: string | undefined
  address?: Uint8Array | undefined
  mtu?: number | undefined
  txQueueLength?: number | undefined
  addresses?: LinkAddress[] | undefined
  dad?: boolean | undefined
  /** Where to move; undefined: nowhere. */
  netns?: NetnsPlace | undefined
}

export type LinkRequest =
  /**
   * Answers its descriptors. `begin`: not for an inline pair. `inspected`: as in 'inspect'. `adopt`: descriptors of its ends, which nobody owns
   * yet. It is not made then: its ends stay as they are, and it waits for 'goOn'.
   */
  | {
      op: 'create'
      handle: number
      plan: PairPlan
      counters: SharedArrayBuffer
      begin?: Beginning
      inspected: Inspected
      adopt?: Descriptors
      /** Of these others have copies. */
      shared?: boolean
    }
  /** Who has the descriptors of TAPs when this thread is lost (native/src/fds.rs). */
  | { op: 'heir'; handle: number; heir: number }
  /** What the thread before has left and nobody has adopted is closed. */
  | { op: 'rest'; handle: number }
  /** What was adopted is served from now on; `standing`: as it was when nobody served it any more, if that is known. */
  | {
      op: 'goOn'
      handle: number
      begin: Beginning
      inspected: Inspected
      mode: CarrierMode
      standing: LinkStanding | undefined
    }
  /** Sends a message over a Unix socket (channel.ts), with all descriptors of the pair, a's first. */
  | { op: 'lend'; handle: number; socket: number; message: unknown }
  /**
   * Sends copies of its descriptors to a store at `path`, under these names, a's first: from then on its ends are there
   * until they are removed, or the store has given them up.
   */
  | { op: 'keep'; handle: number; path: string; names: readonly string[] }
  /** The ends whose frames are looked into from now on. */
  | { op: 'inspect'; handle: number; inspected: Inspected }
  /** A worker of the pair's own, with this module of hooks loaded. Answers why not, or nothing. */
  | { op: 'own'; handle: number; url: string }
  /** After 'lost', or 'suspend': served by the pool again. */
  | { op: 'readopt'; handle: number; begin: Beginning }
  /** Served by nobody, until 'readopt', and its ends left alone; frames wait in the devices. Answers Suspended. */
  | { op: 'suspend'; handle: number }
  | { op: 'change'; handle: number; end: 0 | 1; change: EndChange }
  /** `patient`: a flap's, of which many may come. Whoever waits for something else goes first. */
  | { op: 'carrier'; handle: number; mode: CarrierMode; patient: boolean }
  | { op: 'stats'; handle: number }
  /** An inline pair's descriptors are not used any more. */
  | { op: 'returned'; handle: number }
  | { op: 'close'; handle: number }

/** What a thread takes a pair over with. */
export interface Beginning {
  /** Where the pair's adjustments come from. */
  port: MessagePort
  /** What it is to do to frames, from the first one on, and where it goes on. */
  state: PairState
}

/** Of each queue of each end. */
export type Descriptors = readonly [a: readonly number[], b: readonly number[]]

/** What the link thread knows of a pair, and nobody could see. */
export interface LinkStanding {
  mode: CarrierMode
  /** Carrier as it was put on both ends last. */
  carrier: boolean
  uncarried: { a: UncarriedState; b: UncarriedState }
  /** Whose kernel may leave super-frames whole (reconfigure.ts). */
  whole?: { a: boolean; b: boolean } | undefined
}

export interface Suspended {
  /** That it goes on from. */
  state: PairState
  standing: LinkStanding
}

export type Inspected = [a: boolean, b: boolean]

/** The kernel's own counters of an end; `uncarried`: of its tx_dropped, what was sent without carrier. */
export interface KernelCounts {
  stats: LinkStats
  uncarried: number
  details: EndDetails
}

/** The rest of what `ip -d link` shows of it; `flags` are IFF_*, `master` is its name. */
export type EndDetails = Omit<LinkDetails, 'master'> & { flags: number; master?: string }

/** Of both ends; null for one whose device is gone. */
export type KernelStats = [a: KernelCounts | null, b: KernelCounts | null]

/** An end as the kernel has it now. */
export interface EndState {
  name: string
  ifindex: number
  /** A name under /run/netns, null for home, otherwise `net:[inode]`. */
  netns: string | null
  /** Inode of that namespace: what tells two of them apart. */
  netnsInode: number
  address: string
  mtu: number
  /** IFF_UP. */
  up: boolean
  /** IFF_*, all of them. */
  flags: number
  txQueueLength: number
  /** More names that it has, as the kernel last told: of an interface that is down it tells no change. */
  altnames: readonly string[]
  /** Of an end with several queues: those that others have attached. Frames that the kernel gives to them are lost. */
  foreignQueues: number
  /** Of an end that is a tunnel to another host; it has no interface, and stands at home. */
  vxlan?: TunnelState
}

/** `far`: what keep-alives say of the other side, where there are any (`keepalive`, ms). */
interface TunnelState {
  id: number
  remote: string
  local: string | null
  port: number
  keepalive: number | null
  far: Far | null
}

/** Of an end that is being made. */
export const UNKNOWN: EndState = {
  name: '',
  ifindex: 0,
  netns: null,
  netnsInode: 0,
  address: '',
  mtu: 0,
  up: false,
  flags: 0,
  txQueueLength: 0,
  altnames: [],
  foreignQueues: 0,
}

/** What else of an end is there again when it is made again, as it was last told. */
export interface Lasting {
  alias: string
  altnames: readonly string[]
  /** Those that somebody has given it for good. */
  addresses: readonly LinkAddress[]
  /** Those that somebody has given it: messages, without its index (netlink/routes.ts); undefined: not known yet. */
  routes: readonly Uint8Array[] | undefined
}
/** With all that is known of it. */
export type Kept = Lasting & { routes: readonly Uint8Array[] }

/** Of an end that nobody has given anything. */
export const NOTHING: Kept = { alias: '', altnames: [], addresses: [], routes: [] }

/** `close`: by us. `deleted`: the link of `end` was. `netns-deleted`: its namespace. `failed`: our threads. */
export type ClosedReason = 'close' | 'deleted' | 'netns-deleted' | 'failed'

export type LinkMessage =
  /** An inline pair is to be forwarded from now on, before its ends go up. */
  | { event: 'lent'; handle: number; queues: readonly PortCouple[] }
  /** It is not to be touched any more: 'returned' is wanted. */
  | { event: 'recall'; handle: number }
  /** The link thread and its workers run; sent once. */
  | { event: 'ready' }
  | { event: 'reply'; id: number; value: unknown }
  | { event: 'refused'; id: number; error: WireError }
  /** Sent before the reply of the order that caused it. */
  | { event: 'state'; handle: number; end: 0 | 1; state: EndState; lasting: Lasting }
  | { event: 'carrier'; handle: number; on: boolean }
  /** The pair's own worker ended, or was ended because a hook did not come back: 'readopt' is wanted. */
  | { event: 'lost'; handle: number; why: string }
  /** `why`: what has failed. */
  | {
      event: 'closed'
      handle: number
      reason: ClosedReason
      end: 0 | 1 | null
      stats: KernelStats
      why: string | undefined
    }

export interface LinkSetup {
  /** Number of forwarding workers. */
  workers: number
  /** A FrameMemory's. */
  memory: SharedArrayBuffer
}
