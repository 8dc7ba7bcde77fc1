// The CNI plugin: a container runtime runs it with a command in the environment and a network configuration on standard
// input. It asks IPAM for addresses, the daemon for the pair, and the kernel for routes; it keeps nothing itself: the
// pair's id, which is made of network, container and interface, is all that a later command needs.

import { fs } from '../builtins.js'
import { ControlClient, socketPath } from '../contract/client.js'
import type { PairView } from '../contract/ops.js'
import { renamed, type UvethError } from '../errors.js'
import { inodeOfNetns } from '../netns/names.js'
import { inodeOf, withNetnsDescriptor } from '../netns/open.js'
import { version } from '../version.js'
import { askIpam } from './ipam.js'
import { isMasqueraded, masquerade, masqueradeNoMore } from './masquerade.js'
import { CODE, Refusal, refusalOf } from './refusal.js'
import {
  type Attachment,
  type CableWish,
  type Command,
  type Configuration,
  isAtLeast,
  prefixOf,
  type Result,
  readAttachment,
  readCableWish,
  readCommand,
  readConfiguration,
  readResult,
  readValid,
  VERSIONS,
} from './request.js'
import { checkWiring, planWiring, wire } from './wiring.js'

const ABOUT = `uveth-cni ${version()}: a CNI plugin: a container's way out is a pair of uveth
CNI protocol versions supported: ${VERSIONS.join(', ')}
A container runtime runs it; README, "Kubernetes", has a configuration.
`

/** One run. The exit code is left in process.exitCode. */
export async function run(words: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  if (words.includes('--help') || words.includes('-h')) return void process.stdout.write(ABOUT)
  if (env.CNI_COMMAND === undefined) return void process.stderr.write(ABOUT)
  let cniVersion: string = VERSIONS[VERSIONS.length - 1] as string
  try {
    const command = readCommand(env)
    if (command === undefined) return answer({ cniVersion, supportedVersions: VERSIONS })
    const input = fs.readFileSync(0, 'utf8')
    const configuration = readConfiguration(input, command)
    cniVersion = configuration.cniVersion
    const result = await COMMANDS[command](new Order(configuration, input, command), env)
    if (result !== undefined) answer({ cniVersion, ...result })
  } catch (error) {
    const { code, message: msg, details } = refusalOf(error)
    answer({ cniVersion, code, msg, details })
    process.exitCode = 1
  }
}

function answer(object: object): void {
  process.stdout.write(`${JSON.stringify(object, undefined, 2)}\n`)
}

/** A command with its configuration. */
class Order {
  readonly configuration: Configuration
  readonly client: ControlClient
  readonly #input: string
  readonly #command: Command

  constructor(configuration: Configuration, input: string, command: Command) {
    this.configuration = configuration
    this.client = new ControlClient({ socket: socketPath(configuration.socket || undefined) })
    this.#input = input
    this.#command = command
  }

  ipam(command: Command = this.#command): Result {
    return askIpam(this.configuration, command, this.#input)
  }

  /** An order to the daemon; one that does not answer is `code`. */
  async give<T>(code: number, give: (client: ControlClient) => Promise<T>): Promise<T> {
    try {
      return await give(this.client)
    } catch (error) {
      if (isUnreachable(error)) throw new Refusal(code, (error as Error).message, HINT)
      throw error
    }
  }
}

const HINT = 'uveth daemon must run on this node, and its socket be reachable (key "socket")'

function isUnreachable(error: unknown): boolean {
  const { syscall = '', code = '' } = error as NodeJS.ErrnoException
  return syscall === 'connect' || code === 'ECONNRESET'
}

const COMMANDS: Record<Command, (order: Order, env: NodeJS.ProcessEnv) => Promise<object | undefined>> = {
  ADD: add,
  DEL: del,
  CHECK: check,
  GC: collect,
  STATUS: status,
}

async function add(order: Order, env: NodeJS.ProcessEnv): Promise<object> {
  const { configuration } = order
  const attachment = readAttachment(configuration, env)
  const wish = readCableWish(configuration, env)
  needOtherNamespace(attachment, env)
  // Before addresses are asked for: what is here already, or without a daemon, has nothing to give back.
  if (await order.give(CODE.later, (client) => isThere(client, attachment.id)))
    throw new Refusal(
      CODE.cable,
      `container ${attachment.containerId} has ${attachment.ifname} in this network already`,
    )
  const given = order.ipam()
  let made = false
  try {
    const plan = planWiring(given)
    const pair = await order.give(CODE.later, (client) => make(client, attachment, wish))
    made = true
    wire(attachment, plan)
    await order.give(CODE.later, (client) => keep(client, attachment))
    const { ipMasq, ipMasqBackend = '' } = configuration
    const cidrs = (given.ips ?? []).map(({ address }) => address)
    if (ipMasq) masquerade(attachment.id, cidrs, ipMasqBackend)
    return resultOf(configuration, attachment, pair, given)
  } catch (error) {
    // What cannot be taken back must not hide what went wrong.
    await undo(order, attachment, made).catch(() => {})
    throw error
  }
}

async function isThere(client: ControlClient, id: string): Promise<boolean> {
  const pairs = await client.call<PairView[]>('pair.list')
  return pairs.some((pair) => pair.id === id)
}

async function make(
  client: ControlClient,
  { id, netns, ifname, host }: Attachment,
  { mtu, mac, impair }: CableWish,
): Promise<PairView> {
  const size = mtu === undefined ? {} : { mtu }
  const a = {
    name: ifname,
    netns,
    ...size,
    ...(mac && { address: mac }),
    ...(impair.egress && { impair: impair.egress }),
  }
  const b = { name: host, ...size, ...(impair.ingress && { impair: impair.ingress }) }
  try {
    return await client.call<PairView>('pair.add', { body: { id, a, b } })
  } catch (error) {
    throw configured(error)
  }
}

/** A value that the daemon refuses stands in the configuration, under the name that it has there. */
function configured(error: unknown): unknown {
  const nameOf = (attribute: string) => attribute.replace(/^[ab]\./, '').replace(/^address$/, 'mac')
  const { code, attribute, message } = renamed(error, nameOf) as UvethError
  return code === 'EINVAL' && attribute !== undefined ? new Refusal(CODE.configuration, message) : error
}

/** What it has been given stands in the daemon's file, if there is one, before the runtime hears of it. */
async function keep(client: ControlClient, { id }: Attachment): Promise<void> {
  await client.call('pair.set', { ref: `id:${id}`, body: { a: {}, b: {} } })
}

async function undo(order: Order, { id }: Attachment, made: boolean): Promise<void> {
  try {
    order.ipam('DEL')
  } finally {
    masqueradeNoMore(id)
    if (made) await remove(order.client, id)
  }
}

/** Gone is gone: that there is no such pair, or nobody who could have one, is no fault. */
async function remove(client: ControlClient, id: string): Promise<void> {
  try {
    await client.call('pair.del', { ref: `id:${id}` })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENODEV' && !isUnreachable(error)) throw error
  }
}

function resultOf(
  { cniVersion, dns }: Configuration,
  attachment: Attachment,
  pair: PairView,
  given: Result,
): object {
  const { ifname, netns } = attachment
  const mtu = (size: number) => (isAtLeast(cniVersion, '1.1.0') ? { mtu: size } : {})
  const version = (address: string) =>
    isAtLeast(cniVersion, '1.0.0') ? {} : { version: address.includes(':') ? '6' : '4' }
  return {
    interfaces: [
      { name: pair.b.name, mac: pair.b.address, ...mtu(pair.b.mtu) },
      { name: ifname, mac: pair.a.address, ...mtu(pair.a.mtu), sandbox: netns },
    ],
    ips: (given.ips ?? []).map((ip) => ({ ...ip, ...version(ip.address), interface: 1 })),
    routes: given.routes ?? [],
    dns: dns === undefined || Object.keys(dns).length === 0 ? (given.dns ?? {}) : dns,
  }
}

async function del(order: Order, env: NodeJS.ProcessEnv): Promise<undefined> {
  const { id } = readAttachment(order.configuration, env)
  order.ipam()
  masqueradeNoMore(id)
  await remove(order.client, id)
}

async function check(order: Order, env: NodeJS.ProcessEnv): Promise<undefined> {
  const { configuration } = order
  const attachment = readAttachment(configuration, env)
  if (!configuration.prevResult)
    throw new Refusal(CODE.configuration, 'prevResult: CHECK needs the result of ADD')
  const prevResult = readResult(configuration.prevResult, 'prevResult')
  order.ipam()
  await order.give(CODE.later, (client) => client.call('pair.get', { ref: `id:${attachment.id}` }))
  const own =
    prevResult.interfaces?.findIndex(({ name, sandbox }) => name === attachment.ifname && sandbox) ?? -1
  if (own < 0) throw new Refusal(CODE.configuration, `prevResult: it has no interface ${attachment.ifname}`)
  const ips = (prevResult.ips ?? []).filter((ip) => ip.interface === undefined || ip.interface === own)
  checkWiring(attachment, planWiring({ ...prevResult, ips }), prevResult.interfaces?.[own]?.mac)
  const { ipMasq, ipMasqBackend = '' } = configuration
  const cidrs = ips.map(({ address }) => address)
  if (ipMasq && !isMasqueraded(attachment.id, cidrs, ipMasqBackend))
    throw new Refusal(CODE.changed, 'it is not as ADD has made it: its rules for ipMasq are not there')
}

/** What cannot be taken away keeps nothing else; it is told in the end. */
async function collect(order: Order): Promise<undefined> {
  const kept = readValid(order.configuration)
  const prefix = prefixOf(order.configuration.name)
  const [pairs, { state }] = await order.give(CODE.later, (client) =>
    Promise.all([client.call<PairView[]>('pair.list'), client.call<Health>('health')]),
  )
  const failures: unknown[] = []
  const known = [...(kept === undefined ? [] : pairs), ...(state?.pending ?? [])]
  for (const { id } of known) {
    if (!id.startsWith(prefix) || kept?.has(id)) continue
    masqueradeNoMore(id)
    await remove(order.client, id).catch((error) => failures.push(error))
  }
  order.ipam()
  if (failures.length > 0) throw failures[0]
}

/** What the daemon says of itself, as far as it is read here. */
interface Health {
  creation: { reason: string | null }
  /** Pairs that are wanted, and could not be made. */
  state?: { pending: { id: string }[] }
}

async function status(order: Order): Promise<undefined> {
  const { creation } = await order.give(CODE.unavailable, (client) => client.call<Health>('health'))
  if (creation.reason !== null)
    throw new Refusal(CODE.unavailable, `the daemon cannot make pairs: ${creation.reason}`)
  order.ipam()
}

function inodeAt(netns: string): number {
  try {
    return withNetnsDescriptor(netns, inodeOf)
  } catch {
    throw new Refusal(CODE.namespace, `CNI_NETNS: '${netns}' is no network namespace`)
  }
}

/** CNI_NETNS_OVERRIDE is libcni's word for whoever means it. */
function needOtherNamespace(
  { netns }: Attachment,
  { CNI_NETNS_OVERRIDE: override = '' }: NodeJS.ProcessEnv,
): void {
  if (inodeAt(netns) !== inodeOfNetns(undefined) || ['1', 'true'].includes(override)) return
  throw new Refusal(CODE.namespace, `CNI_NETNS: '${netns}' is the network namespace of the plugin itself`)
}
