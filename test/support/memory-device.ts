// Ends without a kernel: devices whose queues are pairs of sockets, in the hand of a MemoryHost. So a whole pair runs,
// through the link thread's own code and a real worker or inline loop, without a TAP and without root. A test holds
// the other side of each socket: what the host sends and gets on that interface. A datagram is a frame behind its
// virtio-net header, as with a TAP. No test's own business here.

import { readSync, writeSync } from 'node:fs'
import { errno, pairClosed, systemError } from '../../dist/errors.js'
import type { Capabilities, PortSpec } from '../../src/datapath/port.js'
import { MAX_MTU, MAX_OVERHEAD } from '../../src/frame/ethernet.js'
import { formatMac } from '../../src/frame/mac.js'
import { VNET_HDR_LEN } from '../../src/frame/slab.js'
import type { AdoptDevice, Death, Device, Hint, OpenDevice, Sight } from '../../src/link/device.js'
import {
  type EndChange,
  type EndPlan,
  type EndState,
  type Lasting,
  NOTHING,
} from '../../src/link/protocol.js'
import { type NetnsPlace, pathOfPlace } from '../../src/netns/names.js'
import { closeFd, socketPair } from './native.js'

const IFF_UP = 1
const CAPABILITIES: Capabilities = {
  header: VNET_HDR_LEN,
  longestFrame: MAX_MTU + MAX_OVERHEAD,
}

/** Where a MemoryDevice is; what happens to it there without an order. */
export class MemoryHost {
  readonly devices: MemoryDevice[] = []
  /** What the next devices can take. */
  capabilities = CAPABILITIES
  /** A call of a device that is refused, such as `begin y` (its name behind it), and with what. */
  refuse: { call: string; error: Error } | undefined
  /** Every call of a device, with its name behind it, and how many of these are left before one is refused. */
  readonly calls: string[] = []
  refuseAfter = Number.POSITIVE_INFINITY
  /** Told of a change that nobody ordered. */
  hear: (hint: Hint) => void = () => {}
  /** Tells at once what has not been told yet. */
  catchUp: () => void = () => {}
  #lastIndex = 0

  open: OpenDevice = (plan, queues) => {
    const name = plan.name.replace('%d', `${this.devices.length}`)
    this.check(`open ${name}`)
    if (this.devices.some(({ state }) => state.name === name)) {
      throw systemError(errno.EEXIST, 'ioctl(TUNSETIFF)', name)
    }
    const device = new MemoryDevice(this, { ...plan, name }, queues, plan.ifindex ?? ++this.#lastIndex)
    this.devices.push(device)
    return device
  }

  /** The device with these queues, as another thread of the same test has it. */
  adopt: AdoptDevice = ([fd]) => {
    const found = this.devices.find(({ ports }) => ports[0]?.fd === fd)
    if (found === undefined) throw pairClosed()
    this.check(`adopt ${found.state.name}`)
    return found
  }

  /** Throws what was to be refused. */
  check(call: string): void {
    this.calls.push(call)
    if (this.refuseAfter-- === 0) throw new Error(`no ${call}`)
    if (this.refuse?.call === call) throw this.refuse.error
  }

  named(name: string): MemoryDevice {
    const found = this.devices.find(({ state }) => state.name === name)
    if (found === undefined) throw new Error(`no device is called ${name}`)
    return found
  }
}

export class MemoryDevice implements Device {
  readonly ports: readonly PortSpec[]
  state: EndState
  lasting: Lasting = NOTHING
  carrier = false
  program = false
  shared = false
  uncarried = { before: 0, since: null }
  /** What was asked of it, in its order. */
  readonly calls: string[] = []
  /** Frames that the host could not send: it was down, or without carrier. */
  refused = 0
  closed = false
  /** What it was told by hints. */
  readonly heard: Hint['of'][] = []
  /** The carrier that others were told last. */
  shown: boolean | undefined
  readonly #host: MemoryHost
  /** The host's side of each queue, and ours. */
  readonly #fds: { host: number; ours: number }[]
  #death: Death | undefined
  /** As it is now; `state` is as it was when last looked at. */
  #now: EndState
  #nowCarrier = false
  #nowProgram = false
  #whenUp: (() => void) | undefined

  constructor(host: MemoryHost, plan: EndPlan, queues: number, ifindex: number) {
    this.#host = host
    this.#fds = Array.from({ length: queues }, connected)
    const { capabilities } = host
    this.ports = this.#fds.map(({ ours: fd }) => ({ kind: 'descriptor', fd, capabilities }))
    const { name, mtu, txQueueLength } = plan
    const place = { netns: netnsOf(plan.netns), netnsInode: plan.netns === null ? 1 : 2 }
    const address = formatMac(plan.address ?? Uint8Array.of(2, 0, 0, 0, 0, ifindex))
    this.#now = {
      name,
      ifindex,
      ...place,
      address,
      mtu,
      up: false,
      flags: 0,
      txQueueLength,
      altnames: [],
      foreignQueues: 0,
    }
    this.state = this.#now
  }

  concerns(hint: Hint): boolean {
    this.heard.push(hint.of)
    return hint.of !== 'link' || hint.ifindex === this.#now.ifindex
  }

  look(): Sight {
    this.#host.check(`look ${this.#now.name}`)
    if (this.#death !== undefined) return this.#death
    const changed = this.state !== this.#now
    this.state = this.#now
    this.carrier = this.#nowCarrier
    this.program = this.#nowProgram
    return changed ? 'changed' : 'same'
  }

  stats(): null {
    return null
  }

  begin({ up }: EndPlan): void {
    this.#called('begin')
    if (up) this.#set({ up: true })
    this.state = this.#now
  }

  change({ netns, name, mtu, address, txQueueLength, up }: EndChange): void {
    if (this.#death !== undefined) throw pairClosed()
    this.#called('change')
    if (netns !== undefined)
      this.#set({ netns: netnsOf(netns), netnsInode: netns === null ? 1 : 2, up: false })
    const wanted = { name, mtu, address: address && formatMac(address), txQueueLength, up }
    this.#set(Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined)))
  }

  setCarrier(on: boolean): void {
    this.#called(`carrier ${on ? 'on' : 'off'}`)
    this.#nowCarrier = on
    this.carrier = on
  }

  setWhole(whole: boolean): void {
    this.#called(whole ? 'whole' : 'cut')
  }

  acted(on: boolean): boolean {
    this.shown = on
    return true
  }

  whenUp(up: () => void): void {
    this.#whenUp = up
  }

  async close(): Promise<void> {
    this.closed = true
    this.#host.devices.splice(this.#host.devices.indexOf(this), 1)
    for (const { host, ours } of this.#fds.splice(0)) {
      closeFd(ours)
      closeFd(host)
    }
    this.#called('close')
  }

  letGo(): void {
    this.#called('let go')
  }

  // What the host does with it.

  /** Changes it as `ip link set` would, and says so. */
  set(change: Partial<EndState>): void {
    this.#set(change)
    this.#host.hear({ of: 'link', nsid: -1, ifindex: this.#now.ifindex })
  }

  /** Somebody attaches so many queues: nothing says so. */
  join(foreignQueues: number): void {
    this.#set({ foreignQueues })
  }

  /** `ip link set X carrier off|on`. */
  setForeignCarrier(on: boolean): void {
    this.#nowCarrier = on
    this.#host.hear({ of: 'link', nsid: -1, ifindex: this.#now.ifindex })
  }

  /** An XDP program is attached; `said`: as by rtnetlink, which tells of it, and a BPF link does not. */
  attach(program: boolean, said = true): void {
    this.#nowProgram = program
    if (said) this.#host.hear({ of: 'link', nsid: -1, ifindex: this.#now.ifindex })
  }

  delete(death: Death = 'deleted'): void {
    this.#death = death
    this.#host.hear({ of: 'link', nsid: -1, ifindex: this.#now.ifindex })
  }

  /** Sends a frame on this interface; the host itself drops it while there is no carrier. */
  send(frame: Uint8Array, queue = 0): void {
    if (!this.#now.up || !this.#nowCarrier) this.refused++
    else this.force(frame, queue)
  }

  /** Has it in the queue, whatever carrier is: sent a moment before that went. */
  force(frame: Uint8Array, queue = 0): void {
    writeSync(this.#queue(queue).host, Buffer.concat([new Uint8Array(VNET_HDR_LEN), frame]))
  }

  /** Takes the next frame that was delivered to it; undefined when there is none. */
  taken(queue = 0): Uint8Array | undefined {
    const bytes = new Uint8Array(VNET_HDR_LEN + CAPABILITIES.longestFrame)
    try {
      const length = readSync(this.#queue(queue).host, bytes)
      return bytes.subarray(VNET_HDR_LEN, length)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined
      throw error
    }
  }

  /** Waits for so many frames. */
  async take(count: number, queue = 0): Promise<Uint8Array[]> {
    const frames: Uint8Array[] = []
    while (frames.length < count) {
      const frame = this.taken(queue)
      if (frame !== undefined) frames.push(frame)
      else await new Promise((resolve) => setTimeout(resolve, 2))
    }
    return frames
  }

  #queue(queue: number): { host: number; ours: number } {
    const found = this.#fds[queue]
    if (found === undefined) throw new Error(`no queue ${queue}, or it is closed`)
    return found
  }

  #called(call: string): void {
    this.#host.check(`${call} ${this.#now.name}`)
    this.calls.push(call)
  }

  #set(change: Partial<EndState>): void {
    const up = change.up ?? this.#now.up
    this.#now = { ...this.#now, ...change, up, flags: up ? IFF_UP : 0 }
    if (up) this.#whenUp?.()
    if (up) this.#whenUp = undefined
  }
}

function connected(): { host: number; ours: number } {
  const into = new Int32Array(2)
  const made = socketPair(into)
  if (made < 0) throw systemError(made, 'socketpair')
  const [host = -1, ours = -1] = into
  return { host, ours }
}

function netnsOf(place: NetnsPlace): string | null {
  return place === null ? null : pathOfPlace(place).replace('/run/netns/', '')
}
