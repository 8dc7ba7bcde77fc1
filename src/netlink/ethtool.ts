// Features of a link, as `ethtool -k` lists them and `ethtool -K` wants them, over the kernel's generic-netlink family
// "ethtool" (Linux 5.7). Called by link/offloads.ts, with a socket of the namespace that the link is in. Each call waits
// for RTNL.

import { AttributeDecoder, AttributeWriter } from './attribute.js'
import * as nl from './constants.js'
import { familyId, GENL_HDRLEN, genlHeader } from './genl.js'
import { type Client, only, type Request, requestOf } from './message.js'

const GET = { cmd: nl.ETHTOOL_MSG_FEATURES_GET, name: 'ETHTOOL_MSG_FEATURES_GET' }
const SET = { cmd: nl.ETHTOOL_MSG_FEATURES_SET, name: 'ETHTOOL_MSG_FEATURES_SET' }

/** The features that are wanted of a link, whether it has them or not, by their names in the kernel. */
export function wantedFeatures(client: Client, ifindex: number): Set<string> {
  const { payload } = only(client.request(request(client, GET, ifindex, 0)))
  const wanted = new Set<string>()
  const attributes = new AttributeDecoder(payload, GENL_HDRLEN)
  while (attributes.next())
    if (attributes.type === nl.ETHTOOL_A_FEATURES_WANTED) attributes.nested((set) => readNames(set, wanted))
  attributes.end()
  return wanted
}

/** Wants these features of it, or wants them not, as `ethtool -K` does; it has them where it can. */
export function wantFeatures(client: Client, ifindex: number, wishes: ReadonlyMap<string, boolean>): void {
  const set = (writer: AttributeWriter) => {
    writer.nested(nl.ETHTOOL_A_FEATURES_WANTED, (bitset) =>
      bitset.nested(nl.ETHTOOL_A_BITSET_BITS, (bits) => {
        for (const [name, on] of wishes)
          bits.nested(nl.ETHTOOL_A_BITSET_BITS_BIT, (bit) => write(bit, name, on))
      }),
    )
  }
  client.request(request(client, SET, ifindex, nl.ETHTOOL_FLAG_OMIT_REPLY, set))
}

function write(bit: AttributeWriter, name: string, on: boolean): void {
  bit.string(nl.ETHTOOL_A_BITSET_BIT_NAME, name)
  if (on) bit.flag(nl.ETHTOOL_A_BITSET_BIT_VALUE)
}

/** A bitset without a mask: the bits that it names are set. */
function readNames(bitset: AttributeDecoder, into: Set<string>): void {
  each(bitset, nl.ETHTOOL_A_BITSET_BITS, (bits) =>
    each(bits, nl.ETHTOOL_A_BITSET_BITS_BIT, (bit) => {
      while (bit.next()) if (bit.type === nl.ETHTOOL_A_BITSET_BIT_NAME) into.add(bit.string())
    }),
  )
}

function each(outer: AttributeDecoder, type: number, read: (inner: AttributeDecoder) => void): void {
  while (outer.next()) if (outer.type === type) outer.nested(read)
}

/** The kernel keeps a family's number for as long as it runs. */
let family: number | undefined

function request(
  client: Client,
  { cmd, name }: typeof GET,
  ifindex: number,
  flags: number,
  fill: (writer: AttributeWriter) => void = () => {},
): Request {
  family ??= familyId(client, nl.ETHTOOL_GENL_NAME)
  const writer = new AttributeWriter(genlHeader({ cmd, version: nl.ETHTOOL_GENL_VERSION }))
  writer.nested(nl.ETHTOOL_A_FEATURES_HEADER, (header) =>
    header.u32(nl.ETHTOOL_A_HEADER_DEV_INDEX, ifindex).u32(nl.ETHTOOL_A_HEADER_FLAGS, flags),
  )
  fill(writer)
  return requestOf(name, `ifindex ${ifindex}`, family, writer.finish())
}
