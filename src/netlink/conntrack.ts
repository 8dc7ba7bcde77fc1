// Connections that the kernel's packet filter follows (nfnetlink): those of a UDP port are forgotten, so that the next
// datagram goes by the rules of now. Called by docker/publish.ts. Knows of no network.

import { AttributeDecoder, AttributeWriter } from './attribute.js'
import * as nl from './constants.js'
import { type Client, type Message, type Request, requestOf } from './message.js'
import { NetlinkSocket } from './socket.js'

// <linux/netfilter/nfnetlink.h>, <linux/netfilter/nfnetlink_conntrack.h>
const NETLINK_NETFILTER = 12
const NFNL_SUBSYS_CTNETLINK = 1
const IPCTNL_MSG_CT_GET = 1
const IPCTNL_MSG_CT_DELETE = 2
const NFGENMSG_LEN = 4
const CTA_TUPLE_ORIG = 1
const CTA_ID = 12
const CTA_ZONE = 18
const CTA_FILTER = 25
const CTA_TUPLE_PROTO = 2
const CTA_PROTO_NUM = 1
const CTA_PROTO_DST_PORT = 3
const CTA_FILTER_ORIG_FLAGS = 1
/** What of the tuple is to be the same: the protocol; and the port of the destination. */
const PROTOCOL = 1 << 3
const PORT = 1 << 5
const IPPROTO_UDP = 17
const DESTINATION = [CTA_TUPLE_ORIG, CTA_TUPLE_PROTO, CTA_PROTO_DST_PORT]
/** What names one to the kernel. */
const NAMING = [CTA_TUPLE_ORIG, CTA_ID, CTA_ZONE]

/**
 * Those of IPv4 or of IPv6 whose first datagram was to one of `ports`; answers how many. `nsFd`: the namespace, -1 for
 * that of the process. Throws what the kernel says, also where it follows none.
 */
export function forgetUdp(version: 4 | 6, ports: readonly number[], nsFd = -1): number {
  if (ports.length === 0) return 0
  const family = version === 4 ? nl.AF_INET : nl.AF_INET6
  using kernel = NetlinkSocket.open(NETLINK_NETFILTER, nsFd)
  return kernel
    .request(listRequest(family, ports))
    .filter(({ payload }) => ports.includes(portOf(payload)))
    .filter((found) => isGone(kernel, deleteRequest(family, found))).length
}

/**
 * The kernel picks them out, from Linux 5.8: those of the only port, or all of UDP. It looks through the whole of its
 * table, some 10 ms for 262,144 places: once for all ports.
 */
function listRequest(family: number, ports: readonly number[]): Request {
  const [port = 0, ...more] = ports
  const same = more.length === 0 ? PROTOCOL | PORT : PROTOCOL
  const payload = new AttributeWriter(nfgenmsg(family))
    .nested(CTA_TUPLE_ORIG, (tuple) =>
      tuple.nested(CTA_TUPLE_PROTO, (proto) =>
        proto
          .u8(CTA_PROTO_NUM, IPPROTO_UDP)
          .bytes(CTA_PROTO_DST_PORT, new Uint8Array([port >> 8, port & 0xff])),
      ),
    )
    .nested(CTA_FILTER, (filter) => filter.u32(CTA_FILTER_ORIG_FLAGS, same))
  return requestFor('IPCTNL_MSG_CT_GET', IPCTNL_MSG_CT_GET, payload, nl.NLM_F_DUMP)
}

function deleteRequest(family: number, { payload }: Message): Request {
  const naming = new AttributeWriter(nfgenmsg(family))
  const attributes = new AttributeDecoder(payload, NFGENMSG_LEN)
  while (attributes.next()) {
    const { type } = attributes
    if (!NAMING.includes(type)) continue
    naming.bytes(type === CTA_TUPLE_ORIG ? type | nl.NLA_F_NESTED : type, attributes.bytes())
  }
  attributes.end()
  return requestFor('IPCTNL_MSG_CT_DELETE', IPCTNL_MSG_CT_DELETE, naming)
}

/** Of the destination. */
function portOf(payload: Uint8Array): number {
  const [first = 0, second = 0] = found(payload, NFGENMSG_LEN, DESTINATION)
  return (first << 8) | second
}

/** What stands at the end of a path of attributes; nothing where there is none. */
function found(bytes: Uint8Array, offset: number, [type, ...more]: readonly number[]): Uint8Array {
  if (type === undefined) return bytes
  const attributes = new AttributeDecoder(bytes, offset)
  while (attributes.next()) if (attributes.type === type) return found(attributes.bytes(), 0, more)
  attributes.end()
  return new Uint8Array()
}

/** False: it had ended by itself. */
function isGone(kernel: Client, request: Request): boolean {
  try {
    kernel.request(request)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return false
  }
}

function requestFor(name: string, type: number, payload: AttributeWriter, flags = 0): Request {
  return requestOf(name, 'udp', (NFNL_SUBSYS_CTNETLINK << 8) | type, payload.finish(), flags)
}

// struct nfgenmsg { __u8 nfgen_family; __u8 version; __be16 res_id; }
function nfgenmsg(family: number): Uint8Array {
  return new Uint8Array([family, 0, 0, 0])
}
