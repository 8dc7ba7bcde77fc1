// Labs: nodes (network namespaces, containers) and the cables between them. Tables only; labs/ makes plans of them, and
// the test kit asks for them. A cable is a pair with everything that a pair has.

import { invalid } from '../errors.js'
import { type Cidr, parseCidr } from '../frame/address.js'
import { END, PAIR } from './end.js'
import {
  about,
  at,
  flag,
  type Given,
  list,
  object,
  oneOf,
  oneOrSeveral,
  type Read,
  type Shape,
  table,
  text,
  wrong,
} from './shape.js'
import { isTunnel, VXLAN } from './vxlan.js'

export const NODE_KINDS = ['host', 'router', 'bridge', 'nat'] as const

/** Names of nodes stand in names of namespaces and of files. */
const NODE_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$/
const NODE_NAME_WORDS = '1 to 32 letters, digits, "_", "." and "-", the first one a letter or a digit'

const INTERFACE: Shape<string> = END.parts.name
const INTERFACES = oneOrSeveral('a name of an interface or several', INTERFACE)

export const LAB_NODE = object({
  kind: about(
    'host (default); router: forwards; bridge: its ends are ports of one; nat: a router that gives what leaves by its outside its own address, and takes in nothing that was not asked for',
    oneOf(...NODE_KINDS),
  ),
  forward: about('a host that forwards, as a router does', flag()),
  outside: about('of kind nat: its interface, or several, that lead outside', INTERFACES),
  container: about(
    'name or id of a container that runs: it is the node, and its own interfaces stay as they are',
    text('a name or an id'),
  ),
})
export type NodeWish = Given<typeof LAB_NODE>

const { netns: _netns, name: _name, addresses: _addresses, ...endParts } = END.parts
/** What else is wished of an end than where it is, its name and its addresses. */
const LAB_END = object(endParts)
const { a: _a, b: _b, id: _id, capture: _capture, signal: _signal, ...pairParts } = PAIR.parts
export const CABLE_OPTIONS = object({
  id: about('its name; default: the names of its nodes, client-nat', text(NODE_NAME_WORDS, NODE_NAME)),
  a: about('of the first end: as in createPair; up unless this says otherwise', LAB_END),
  b: LAB_END,
  ...pairParts,
})
export type CableOptions = Given<typeof CABLE_OPTIONS>

/** `client:eth0 192.0.2.2/24`, in its parts. */
export interface EndPlace {
  readonly node: string
  readonly name: string
  readonly addresses: readonly string[]
  readonly cidrs: readonly Cidr[]
}
const PLACE = 'NODE:INTERFACE and addresses, like "client:eth0 192.0.2.2/24 2001:db8::2/64"'

function readPlace(given: unknown, attribute: string): EndPlace {
  const [place = '', ...addresses] = typeof given === 'string' ? given.trim().split(/\s+/) : []
  const [node = '', name = '', ...rest] = place.split(':')
  const cidrs = addresses.flatMap((address) => parseCidr(address) ?? [])
  if (node === '' || name === '' || rest.length > 0 || cidrs.length < addresses.length)
    throw wrong(attribute, PLACE, given)
  INTERFACE.read(name, attribute)
  if (name.includes('%')) throw wrong(attribute, `${PLACE}, with the whole name of the interface`, given)
  return { node, name, addresses, cidrs }
}

const { impair, rules, schedule } = END.parts
const TUNNEL = object(
  { vxlan: about('instead of an interface: a VXLAN tunnel to another host', VXLAN), impair, rules, schedule },
  ['vxlan'],
)
export type LabTunnel = Given<typeof TUNNEL>

type CableWish = readonly [a: string, b: string | LabTunnel, options?: CableOptions]
export interface ReadCable {
  readonly a: EndPlace
  readonly b: EndPlace | LabTunnel
  readonly options: CableOptions
}

const CABLE: Shape<CableWish, ReadCable> = {
  schema: {
    type: 'array',
    prefixItems: [{ type: 'string' }, { anyOf: [{ type: 'string' }, TUNNEL.schema] }, CABLE_OPTIONS.schema],
    minItems: 2,
    maxItems: 3,
  },
  read(given, attribute) {
    if (!Array.isArray(given) || given.length < 2 || given.length > 3)
      throw wrong(attribute, 'an array of two ends and perhaps options', given)
    const [a, b, options = {}] = given as unknown[]
    CABLE_OPTIONS.read(options, attribute)
    const [first, second] = [at(attribute, 'a'), at(attribute, 'b')]
    if (isTunnel(a)) throw invalid(`${first}: a tunnel is the second end of its cable`, first)
    return {
      a: readPlace(a, first),
      b: isTunnel(b) ? readTunnel(b, attribute, options as CableOptions) : readPlace(b, second),
      options: options as CableOptions,
    }
  },
}

function readTunnel(given: LabTunnel, attribute: string, { b, queues = 1 }: CableOptions): LabTunnel {
  const [own, several] = [at(attribute, 'b'), at(attribute, 'queues')]
  TUNNEL.read(given, own)
  if (b !== undefined)
    throw invalid(`${own}: impair, rules and schedule of a tunnel stand beside its vxlan, and no more`, own)
  if (queues > 1) throw invalid(`${several}: a pair with a tunnel has one queue`, several)
  return given
}

const DESTINATIONS = table('a destination', /./, text('a node or an address'))
const ROUTE_TABLE = table(NODE_NAME_WORDS, NODE_NAME, DESTINATIONS)
const ROUTES: Shape<'auto' | Given<typeof ROUTE_TABLE>, 'auto' | Read<typeof ROUTE_TABLE>> = {
  schema: { anyOf: [{ const: 'auto' }, ROUTE_TABLE.schema] },
  read(given, attribute) {
    if (typeof given === 'string' && given !== 'auto')
      throw wrong(attribute, '"auto" or the routes of each node', given)
    return given === 'auto' ? given : ROUTE_TABLE.read(given, attribute)
  },
}

export const LAB = object(
  {
    nodes: about('by their names', table(NODE_NAME_WORDS, NODE_NAME, LAB_NODE)),
    cables: about(
      'each: two ends, as NODE:INTERFACE with addresses, and options of the pair; the second end may be a tunnel: { vxlan: { id: 42, remote: "192.0.2.7" } }',
      list('an array of cables', CABLE, true),
    ),
    routes: about(
      "'auto' (default): the shortest way to each subnet; or for each node, destinations (default, or a prefix) with the node or the address that leads there",
      ROUTES,
    ),
    neighbours: about(
      'nodes know the MAC addresses of their neighbours from the beginning; default true',
      flag(),
    ),
  },
  ['nodes', 'cables'],
)
export type LabWish = Given<typeof LAB>
