// A lab as a file: nodes and links, in containerlab's words for links (brief and extended form), with faults beside
// them. Tables only; labs/file-plan.ts makes plans of them, `uveth apply` asks, and editors get the JSON Schema.

import { invalid } from '../errors.js'
import { END, PAIR } from './end.js'
import { IMPAIR } from './impair.js'
import { RULE } from './rule.js'
import { SCHEDULE_FILE } from './schedule.js'
import {
  about,
  type Given,
  inWords,
  list,
  object,
  oneOf,
  orNull,
  type Read,
  type Shape,
  table,
  text,
  value,
  wrong,
} from './shape.js'
import { isTunnel, VXLAN } from './vxlan.js'

/** It stands in names of namespaces and in ids of pairs. */
const NAME = text(
  '1 to 16 letters, digits, "_" and "-", the first one a letter or a digit',
  /^[A-Za-z0-9][A-Za-z0-9_-]{0,15}$/,
)
const NODE_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,15}$/
const NODE_WORDS = '1 to 16 letters, digits, "_", "." and "-", the first one a letter or a digit'

const FAULTS = {
  impair: about(
    'what is done to frames that are sent: of the link at both ends, of an endpoint at that one',
    inWords(IMPAIR, 'delay 10ms loss 1%'),
  ),
  rules: about(
    'for single frames that are sent, in their order',
    list('an array of rules', inWords(RULE, 'drop udp dport 53 nth 3'), true),
  ),
}

const ENDPOINT_PARTS = object(
  {
    node: text('the name of a node'),
    interface: END.parts.name,
    mac: END.parts.address,
    ipv4: about('address with prefix length', text('an address like 10.0.0.1/24', /^[\d.]+\/\d+$/)),
    ipv6: about('address with prefix length', text('an address like fd00::1/64', /^[\da-fA-F:.]+\/\d+$/)),
    txQueueLength: END.parts.txQueueLength,
    up: about('default true', END.parts.up),
    ...FAULTS,
    schedule: about('what its impairment and the carrier are to be at which time', SCHEDULE_FILE),
  },
  ['node', 'interface'],
)
export type FileEndpoint = Given<typeof ENDPOINT_PARTS>

const TUNNEL = object(
  {
    vxlan: about('instead of an interface: a VXLAN tunnel to another host', VXLAN),
    ...FAULTS,
    schedule: ENDPOINT_PARTS.parts.schedule,
  },
  ['vxlan'],
)
export type FileTunnel = Given<typeof TUNNEL>

const ENDPOINT: Shape<string | FileEndpoint, FileEndpoint> = {
  schema: { anyOf: [{ type: 'string', pattern: '^[^:]+:[^:]+$' }, ENDPOINT_PARTS.schema] },
  read(given, attribute) {
    const [node, name, ...rest] = typeof given === 'string' ? given.split(':') : []
    const short = node !== undefined && name !== undefined && rest.length === 0
    if (typeof given === 'string' && !short)
      throw wrong(attribute, '"NODE:INTERFACE" or an object with node and interface', given)
    const endpoint = short ? { node, interface: name } : given
    ENDPOINT_PARTS.read(endpoint, attribute)
    return endpoint as FileEndpoint
  },
}

const ENDPOINTS: Shape<
  readonly (string | FileEndpoint | FileTunnel)[],
  [FileEndpoint, FileEndpoint | FileTunnel]
> = {
  schema: {
    type: 'array',
    prefixItems: [ENDPOINT.schema, { anyOf: [ENDPOINT.schema, TUNNEL.schema] }],
    minItems: 2,
    maxItems: 2,
  },
  read(given, attribute) {
    if (!Array.isArray(given) || given.length !== 2) throw wrong(attribute, 'two endpoints', given)
    const [first, second] = [`${attribute}.0`, `${attribute}.1`]
    if (isTunnel(given[0])) throw invalid(`${first}: a tunnel is the second endpoint of its link`, first)
    const a = ENDPOINT.read(given[0], first)
    if (!isTunnel(given[1])) return [a, ENDPOINT.read(given[1], second)]
    TUNNEL.read(given[1], second)
    return [a, given[1]]
  },
}

/** containerlab's, which mean nothing here. */
const ANY = value<unknown>('anything', {}, (given) => given ?? null)

const LINK = object(
  {
    type: about('of the extended form; other types are not made here', oneOf('veth')),
    endpoints: about(
      'two: "NODE:INTERFACE", or an object of the extended form; the second one may be a tunnel: { vxlan: { id: 42, remote: 192.0.2.7 } }',
      ENDPOINTS,
    ),
    mtu: END.parts.mtu,
    queues: PAIR.parts.queues,
    ...FAULTS,
    vars: ANY,
    labels: ANY,
  },
  ['endpoints'],
)

const NODE = object({
  netns: about('a network namespace that is there: a name, a path or a process id', END.parts.netns),
  container: about('name or id of a container that runs', text('a name or an id')),
})

export const LAB_FILE = object(
  {
    name: about('of the lab: its namespaces are called NAME-NODE', NAME),
    topology: object(
      {
        nodes: about(
          'by name; without netns and container, a namespace is made. "host" is there always: where the order is given',
          table(NODE_WORDS, NODE_NAME, orNull(NODE)),
        ),
        links: list('an array of links', LINK, true),
      },
      ['nodes', 'links'],
    ),
  },
  ['name', 'topology'],
)
export type ReadFile = Read<typeof LAB_FILE>
