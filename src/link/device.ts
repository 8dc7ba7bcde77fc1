// What the link thread needs of an end, whatever kind it is: linked-pair.ts and carrier.ts know devices by this
// alone, thread.ts hands in the one that makes them. A TAP is one (tap.ts), a tunnel to another host another (tunnel.ts).
// Everything here is synchronous and may wait for the kernel: it is called by the link thread only.

import type { PortSpec } from '../datapath/port.js'
import type { EndChange, EndPlan, EndState, KernelCounts, Lasting } from './protocol.js'
import type { UncarriedState } from './uncarried.js'

/** What a look at a device finds, beside what has changed of its state: its end, and whose that was. */
export type Sight = 'same' | 'changed' | Death
export type Death = 'deleted' | 'netns-deleted'

/** Something that the kernel has said: which devices are to be looked at. */
export type Hint =
  /**
   * The link with this index in the namespace that home knows as `nsid`; its addresses or routes, too, where these were
   * changed; and whether it was down.
   */
  | { of: 'link'; nsid: number; ifindex: number; addresses?: boolean; routes?: boolean; down?: boolean }
  /** One of that namespace with a route at this place (netlink/routes.ts), which is another link's now. */
  | { of: 'route'; nsid: number; place: string }
  /** All in that namespace: home's number for it is gone, so it died. */
  | { of: 'netns'; nsid: number }
  /** All: something was missed. */
  | { of: 'all' }
  /** All that are not at home, of which nothing is told. */
  | { of: 'away' }
  /** That one, which has found out itself. */
  | { of: 'device'; device: object }

export interface Device {
  /** As it was when last looked at. */
  readonly state: EndState
  readonly lasting: Lasting
  /** The link signal that it showed then, or that was put on it since; undefined: it shows none. */
  readonly carrier: boolean | undefined
  /** A program (XDP) looks at each frame that its kernel is given: at super-frames as if they were one. As when last looked at. */
  readonly program: boolean
  /** One for each queue. */
  readonly ports: readonly PortSpec[]
  concerns(hint: Hint): boolean
  /** Asks what it is now, and takes it over. */
  look(): Sight
  /** Its own counters; null when it is gone. */
  stats(): KernelCounts | null
  /** Once, when frames are read from it: up, and addressed, as planned. */
  begin(plan: EndPlan): void
  /** Refuses as the kernel does; a part may be done by then. Pair closed (ENODEV) when it is gone. */
  change(change: EndChange): void
  setCarrier(on: boolean): void
  /** Would its pair have carrier, but for it? For one whose other side wants to know. */
  tell?(ready: boolean): void
  /** Once, instead of begin(), of one that was adopted: its pair goes on, with or without carrier. */
  goOn?(carrier: boolean): void
  /** May its kernel leave super-frames whole (the default), or does it cut them? */
  setWhole(whole: boolean): void
  /** Does it show the carrier that was put on it, and act on it? */
  acted(on: boolean): boolean
  /** Calls `up` once when it goes up, or may have. */
  whenUp(up: () => void): void
  /** What it has counted that the kernel does not tell apart. */
  uncarried: UncarriedState
  /** Others have copies of its descriptors: it is not gone with ours. */
  shared: boolean
  /** Resolves when it is gone and its name free. */
  close(): Promise<void>
  /** Gives up its descriptors: it stays, for the process that it is shared with. */
  letGo(): void
}

/** Makes the device of an end, where and as it is planned, but down, and without carrier. Throws, and leaves nothing. */
export type OpenDevice = (plan: EndPlan, queues: number, quiet: boolean) => Device

/** The device that open descriptors mean, one for each queue, as it is. Throws, and has closed them. */
export type AdoptDevice = (fds: readonly number[], quiet: boolean, plan: EndPlan) => Device

/** Its counters; none of one that cannot be asked any more. */
export function lastStats(device: Device): KernelCounts | null {
  try {
    return device.stats()
  } catch {
    return null
  }
}

/** Each of them, whatever the one before it met. */
export async function closeAll(devices: readonly Device[]): Promise<void> {
  await Promise.allSettled(devices.map(async (device) => await device.close()))
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
