// What a container runtime asks of the CNI plugin: its environment and the network configuration on standard input,
// checked before anything is made. Called by plugin.ts. Unknown keys are left alone, as the specification wants.

import { createHash } from 'node:crypto'
import { POD_PREFIX } from '../contract/pods.js'
import { UvethError } from '../errors.js'
import { parseImpairWords } from '../faults/impair-words.js'
import { parseJson, VALID } from './json.js'
import { CODE, Refusal } from './refusal.js'

export const VERSIONS = ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const

/** The commands, with the variables that each needs and the first version of a configuration that may ask for it. */
const COMMANDS = {
  ADD: { needs: ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH'], from: '0.3.0' },
  DEL: { needs: ['CNI_CONTAINERID', 'CNI_IFNAME', 'CNI_PATH'], from: '0.3.0' },
  CHECK: { needs: ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH'], from: '0.4.0' },
  GC: { needs: ['CNI_PATH'], from: '1.1.0' },
  STATUS: { needs: ['CNI_PATH'], from: '1.1.0' },
} as const
export type Command = keyof typeof COMMANDS

const ID = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/

/** A wish for both directions, or for each, in the words of `impair` or as the library has them. */
interface Impairments {
  egress?: object | undefined
  ingress?: object | undefined
}

interface Address {
  address: string
  gateway?: string
  interface?: number
  version?: string
}

export interface RouteWish {
  dst: string
  gw?: string
  mtu?: number
  advmss?: number
  priority?: number
  table?: number
  scope?: number
}

/** What IPAM gives, and what is handed on. */
export interface Result {
  interfaces?: { name: string; mac?: string; mtu?: number; sandbox?: string }[]
  ips?: Address[]
  routes?: RouteWish[]
  dns?: object
}

/** The network configuration, as far as the plugin reads it. */
export interface Configuration {
  cniVersion: string
  name: string
  mtu?: number
  socket?: string
  ipMasq?: boolean
  ipMasqBackend?: string
  ipam?: { type?: string }
  dns?: object
  impair?: unknown
  prevResult?: Result
  args?: { cni?: { mac?: string; uveth?: { impair?: unknown } } }
  runtimeConfig?: {
    mac?: string
    bandwidth?: { ingressRate?: number; egressRate?: number }
    'io.kubernetes.cri.pod-annotations'?: Record<string, string>
  }
  /** Null is Go's empty list. */
  'cni.dev/valid-attachments'?: { containerID: string; ifname: string }[] | null
}

/** One interface of one container in one network. */
export interface Attachment {
  containerId: string
  netns: string
  ifname: string
  /** Of its pair. */
  id: string
  /** Name of the host's end. */
  host: string
}

/** What its cable is to be like. */
export interface CableWish {
  mtu: number | undefined
  mac: string | undefined
  impair: Impairments
}

/** Pairs of one network begin so. */
export function prefixOf(network: string): string {
  return `${POD_PREFIX}${hash(network, 8)}-`
}

export function idOf(network: string, containerId: string, ifname: string): string {
  return prefixOf(network) + hash(`${network}\0${containerId}\0${ifname}`, 24)
}

function hash(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits)
}

/** The command, once its variables are there; undefined for VERSION. */
export function readCommand(env: NodeJS.ProcessEnv): Command | undefined {
  const command = env.CNI_COMMAND ?? ''
  if (command === 'VERSION') return undefined
  if (!Object.hasOwn(COMMANDS, command))
    throw new Refusal(CODE.environment, `unknown CNI_COMMAND: ${command}`)
  const { needs } = COMMANDS[command as Command]
  const missing = needs.filter((name) => (env[name] ?? '') === '')
  if (missing.length > 0)
    throw new Refusal(CODE.environment, `required env variables [${missing.join(',')}] missing`)
  return command as Command
}

export function readConfiguration(text: string, command: Command): Configuration {
  const given = parse(text)
  const { cniVersion = '0.1.0', name } = given
  if (!(VERSIONS as readonly unknown[]).includes(cniVersion))
    throw new Refusal(
      CODE.version,
      'incompatible CNI versions',
      `config is "${cniVersion}", plugin supports ${JSON.stringify(VERSIONS)}`,
    )
  if (!isAtLeast(cniVersion, COMMANDS[command].from))
    throw new Refusal(CODE.version, `config version does not allow ${command}`)
  if (typeof name !== 'string' || !ID.test(name))
    throw new Refusal(CODE.configuration, `name: ${shown(name)} is no name of a network`)
  return { ...given, cniVersion, name }
}

/** Of the configuration, as JSON: an object whose values have the types that are read of them. */
function parse(text: string): Configuration {
  let given: unknown
  try {
    given = parseJson(text)
  } catch (error) {
    throw new Refusal(CODE.decode, `the network configuration is no JSON: ${(error as Error).message}`)
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new Refusal(CODE.decode, 'the network configuration is no JSON object')
  for (const [key, type] of TYPES) {
    const path = key.startsWith('cni.dev/') ? [key] : key.split('.')
    const value = path.reduce((at: unknown, part) => Object(at)[part], given)
    if (value !== undefined && value !== null && !type.is(value))
      throw new Refusal(CODE.configuration, `${key}: ${shown(value)} is not ${type.words}`)
  }
  return given as Configuration
}

const TEXT = { words: 'a text', is: (value: unknown) => typeof value === 'string' }
const FLAG = { words: 'true or false', is: (value: unknown) => typeof value === 'boolean' }
const OBJECT = {
  words: 'an object',
  is: (value: unknown) => typeof value === 'object' && !Array.isArray(value),
}
const LIST = { words: 'a list', is: Array.isArray }
const COUNT = {
  words: 'a whole number',
  is: (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0,
}
const TYPES = [
  ...(
    ['cniVersion', 'socket', 'ipMasqBackend', 'ipam.type', 'runtimeConfig.mac', 'args.cni.mac'] as const
  ).map((key) => [key, TEXT] as const),
  ...(['ipam', 'dns', 'prevResult', 'args', 'runtimeConfig', 'runtimeConfig.bandwidth'] as const).map(
    (key) => [key, OBJECT] as const,
  ),
  ...(['mtu', 'runtimeConfig.bandwidth.ingressRate', 'runtimeConfig.bandwidth.egressRate'] as const).map(
    (key) => [key, COUNT] as const,
  ),
  ['ipMasq', FLAG],
  ...(
    ['cni.dev/valid-attachments', 'prevResult.ips', 'prevResult.routes', 'prevResult.interfaces'] as const
  ).map((key) => [key, LIST] as const),
] as const

/** The lists of a result: fields, and whether each entry has to have them. */
const RESULT = [
  ['ips', [['address', TEXT, true] as const, ['gateway', TEXT, false] as const]],
  [
    'routes',
    [
      ['dst', TEXT, true] as const,
      ['gw', TEXT, false] as const,
      ...(['mtu', 'advmss', 'priority', 'table', 'scope'] as const).map(
        (key) => [key, COUNT, false] as const,
      ),
    ],
  ],
  [
    'interfaces',
    [['name', TEXT, true] as const, ['mac', TEXT, false] as const, ['sandbox', TEXT, false] as const],
  ],
] as const

/**
 * Ids of the attachments that are to stay. Undefined where the runtime has not said: libcni, asked so, deletes each
 * attachment that it knows first, and what others have attached is not stale for that.
 */
export function readValid({ name, ...given }: Configuration): Set<string> | undefined {
  if (given[VALID] === undefined) return undefined
  const ids = (given[VALID] ?? []).map((each: unknown) => {
    const { containerID, ifname } = Object(each) as { containerID?: unknown; ifname?: unknown }
    if (typeof containerID === 'string' && typeof ifname === 'string') return idOf(name, containerID, ifname)
    throw new Refusal(CODE.configuration, `${VALID}: ${shown(each)} has not the texts containerID and ifname`)
  })
  return new Set(ids)
}

/** What an IPAM plugin has answered, once it has the types that are read of it. */
export function readResult(given: unknown, from: string): Result {
  const faulty = (what: string) => new Refusal(CODE.decode, `${from}: its result ${what}`)
  if (!OBJECT.is(given) || given === null) throw faulty('is no JSON object')
  for (const [list, fields] of RESULT) {
    const entries = (given as Record<string, unknown>)[list] ?? []
    if (!Array.isArray(entries)) throw faulty(`has ${list} that are no list: ${shown(entries)}`)
    for (const entry of entries) {
      const found = Object(entry) as Record<string, unknown>
      const wrong = fields.find(([key, type, needed]) =>
        (found[key] ?? undefined) === undefined ? needed : !type.is(found[key]),
      )
      if (wrong) throw faulty(`has ${list} of which ${wrong[0]} is not ${wrong[1].words}: ${shown(entry)}`)
    }
  }
  return given as Result
}

/** The attachment that the environment names. `netns` may be empty for DEL. */
export function readAttachment(configuration: Configuration, env: NodeJS.ProcessEnv): Attachment {
  const { CNI_CONTAINERID: containerId = '', CNI_NETNS: netns = '', CNI_IFNAME: ifname = '' } = env
  if (!ID.test(containerId))
    throw new Refusal(CODE.environment, `invalid characters in CNI_CONTAINERID: ${shown(containerId)}`)
  if (Buffer.byteLength(ifname) > 15 || ['.', '..'].includes(ifname) || /[/:%\s]/.test(ifname))
    throw new Refusal(
      CODE.environment,
      `CNI_IFNAME: ${shown(ifname)} is no interface name of 1 to 15 bytes, without "/", ":", "%" and white space`,
    )
  const id = idOf(configuration.name, containerId, ifname)
  return { containerId, netns, ifname, id, host: `veth${hash(id, 8)}` }
}

/** For ADD only: a slip in a pod's annotation must not keep the pod from being deleted. */
export function readCableWish(configuration: Configuration, env: NodeJS.ProcessEnv): CableWish {
  const { runtimeConfig, args, mtu } = configuration
  return {
    mtu: mtu || undefined,
    mac: runtimeConfig?.mac ?? args?.cni?.mac ?? readArgs(env.CNI_ARGS).MAC,
    impair: readImpairments(configuration),
  }
}

/** `K=V;K2=V2` */
function readArgs(text = ''): Record<string, string | undefined> {
  const pairs = text.split(';').filter((pair) => pair !== '')
  const faulty = pairs.find((pair) => !pair.includes('='))
  if (faulty !== undefined)
    throw new Refusal(CODE.environment, `CNI_ARGS: ${shown(faulty)} is not written as KEY=VALUE`)
  return Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  )
}

/** The pod's annotation before the runtime's arguments before the network's own; then a rate, where none is wished for. */
function readImpairments({ runtimeConfig = {}, args, impair }: Configuration): Impairments {
  const annotation = runtimeConfig['io.kubernetes.cri.pod-annotations']?.['uveth-impair']
  const { egress, ingress } = eachWay(annotation ?? args?.cni?.uveth?.impair ?? impair)
  const { egressRate, ingressRate } = runtimeConfig.bandwidth ?? {}
  return { egress: within(egress, egressRate), ingress: within(ingress, ingressRate) }
}

function within(wish: object | undefined, rate: number | undefined): object | undefined {
  return rate === undefined || rate === 0 ? wish : { rate, ...wish }
}

function eachWay(given: unknown): Impairments {
  if (given === undefined || given === null || given === '') return {}
  if (typeof given === 'string') return { egress: inWords(given), ingress: inWords(given) }
  if (typeof given !== 'object' || Array.isArray(given))
    throw new Refusal(CODE.configuration, `impair: ${shown(given)} is neither words of impair nor an object`)
  const { egress, ingress, ...both } = given as { egress?: unknown; ingress?: unknown }
  if (egress === undefined && ingress === undefined) return { egress: both, ingress: both }
  const [stray] = Object.keys(both)
  if (stray !== undefined)
    throw new Refusal(CODE.configuration, `impair: ${shown(stray)} does not stand beside egress and ingress`)
  return { egress: oneWay(egress), ingress: oneWay(ingress) }
}

function oneWay(given: unknown): object | undefined {
  return typeof given === 'string' ? inWords(given) : ((given ?? undefined) as object | undefined)
}

/** `none`, as for a link: a perfect cable. */
function inWords(text: string): object | undefined {
  const words = text.trim()
  if (words === '' || words === 'none') return undefined
  try {
    return parseImpairWords(words.split(/\s+/))
  } catch (error) {
    if (error instanceof UvethError)
      throw new Refusal(CODE.configuration, `impair: ${error.message}`, error.hint)
    throw error
  }
}

/** Versions of the specification have one digit each. */
export function isAtLeast(version: string, other: string): boolean {
  return version >= other
}

function shown(value: unknown): string {
  return JSON.stringify(value) ?? 'nothing'
}
