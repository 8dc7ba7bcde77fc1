// The two devices of a pair as one thing: what both are, and what is done to both. Made by linked-pair.ts, which decides
// what becomes of them; knows neither orders nor the pool.

import { MTU, type StateWords } from '../datapath/counters.js'
import type { PortCouple, PortSpec } from '../datapath/port.js'
import { store } from '../frame/words.js'
import { type AdoptDevice, closeAll, type Device, lastStats, type OpenDevice } from './device.js'
import type { Pool } from './pool.js'
import type { Descriptors, EndState, KernelStats, LinkMessage, PairPlan } from './protocol.js'
import type { UncarriedState } from './uncarried.js'

export type EndIndex = 0 | 1
export const ENDS = [0, 1] as const

/** Frames that are drained at most, beside what queues hold. */
const DRAIN_FLOOR = 65_536

/** What a pair needs of the thread that it lives in. */
export interface Context {
  open: OpenDevice
  adopt: AdoptDevice
  pool: Pool
  tell(message: LinkMessage): void
  /** Resolves when the thread that forwards an inline pair has let go of its descriptors. */
  recall(handle: number): Promise<void>
  /** Wants a turn for the pair. */
  errand(handle: number): void
}

export class Ends {
  readonly devices: readonly [a: Device, b: Device]

  constructor(devices: readonly [Device, Device]) {
    this.devices = devices
  }

  /** Both, as they are planned or by the descriptors of both, or neither. */
  static async open(
    { open, adopt }: Context,
    { ends, queues, quiet }: PairPlan,
    fds?: Descriptors,
  ): Promise<Ends> {
    const made: Device[] = []
    try {
      if (fds === undefined) for (const end of ends) made.push(open(end, queues, quiet))
      else for (const end of ENDS) made.push(adopt(fds[end], quiet, ends[end]))
      return new Ends(made as [Device, Device])
    } catch (error) {
      if (fds === undefined) await closeAll(made)
      else {
        // What was refused is closed; b nobody has looked at, if that was a. Nothing twice: numbers are others' soon.
        if (made.length === 0) made.push(...adopted(() => adopt(fds[1], quiet, ends[1])))
        for (const device of made) device.letGo()
      }
      throw error
    }
  }

  get states(): [EndState, EndState] {
    return this.#each(({ state }) => state)
  }

  /** The carrier that each shows, or its peer where it shows none. */
  get carriers(): [boolean, boolean] {
    const [a, b] = this.#each(({ carrier }) => carrier)
    return [a ?? b ?? false, b ?? a ?? false]
  }

  /** Does a program look at the frames of each? */
  get programs(): [boolean, boolean] {
    return this.#each(({ program }) => program)
  }

  get uncarried(): { a: UncarriedState; b: UncarriedState } {
    const [a, b] = this.#each(({ uncarried }) => uncarried)
    return { a, b }
  }

  set uncarried({ a, b }: { a: UncarriedState; b: UncarriedState }) {
    this.devices[0].uncarried = a
    this.devices[1].uncarried = b
  }

  /** Queue q of a goes with queue q of b (test/kernel/18). */
  get queues(): PortCouple[] {
    const [a, b] = this.#each(({ ports }) => ports)
    return a.map((port, queue) => [port, b[queue] as PortSpec])
  }

  /** What their queues can hold, and as much again for what is on its way in the kernel. */
  get most(): number {
    const held = this.#each(({ ports, state }) => ports.length * state.txQueueLength)
    return DRAIN_FLOOR + 2 * (held[0] + held[1])
  }

  /** Of all queues. */
  get descriptors(): [a: number[], b: number[]] {
    return this.#each(({ ports }) => ports.map(({ fd }) => fd))
  }

  /** What one is, as the main thread is told. */
  told(handle: number, end: EndIndex): LinkMessage {
    const { state, lasting } = this.devices[end]
    return { event: 'state', handle, end, state, lasting }
  }

  /** Where workers find the MTU of each. */
  publish(words: StateWords, end: EndIndex): void {
    store(words, MTU[end], this.devices[end].state.mtu)
  }

  /** The devices' own counters. */
  stats(): KernelStats {
    return this.#each((device) => device.stats())
  }

  lastStats(): KernelStats {
    return this.#each(lastStats)
  }

  /** Others have copies of these from now on. */
  share(): void {
    for (const device of this.devices) device.shared = true
  }

  async close(): Promise<void> {
    await closeAll(this.devices)
  }

  /** They stay, for the process that has them, too. */
  letGo(): void {
    for (const device of this.devices) device.letGo()
  }

  #each<T>(of: (device: Device) => T): [T, T] {
    const [a, b] = this.devices
    return [of(a), of(b)]
  }
}

/** None where it is refused. */
function adopted(adopt: () => Device): Device[] {
  try {
    return [adopt()]
  } catch {
    return []
  }
}
