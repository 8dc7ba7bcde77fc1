// Generic netlink: the genlmsghdr, and what the controller says of a family. Called by servers/family.ts, which is one,
// and by ethtool.ts, which asks one of the kernel's. Pure functions on bytes, but for the question that a client carries.

import { AttributeDecoder, AttributeWriter, DecodeError } from './attribute.js'
import {
  CTRL_ATTR_FAMILY_ID,
  CTRL_ATTR_FAMILY_NAME,
  CTRL_ATTR_HDRSIZE,
  CTRL_ATTR_MAXATTR,
  CTRL_ATTR_OP_FLAGS,
  CTRL_ATTR_OP_ID,
  CTRL_ATTR_OPS,
  CTRL_ATTR_VERSION,
  CTRL_CMD_GETFAMILY,
  CTRL_CMD_NEWFAMILY,
  GENL_ID_CTRL,
} from './constants.js'
import { type Client, only, requestOf } from './message.js'

export const GENL_HDRLEN = 4

export interface GenlHeader {
  cmd: number
  version: number
}

// struct genlmsghdr { __u8 cmd; __u8 version; __u16 reserved; }
export function genlHeader({ cmd, version }: GenlHeader): Uint8Array {
  return Uint8Array.of(cmd, version, 0, 0)
}

/** The header of a message's payload; its attributes begin at GENL_HDRLEN. */
export function parseGenlHeader(payload: Uint8Array): GenlHeader {
  const [cmd, version] = payload
  if (payload.length < GENL_HDRLEN || cmd === undefined || version === undefined) {
    throw new DecodeError(`a generic netlink message of ${payload.length} bytes`)
  }
  return { cmd, version }
}

/** What a family server offers: `flags` of a command are GENL_*. */
export interface ServedFamily {
  id: number
  name: string
  version: number
  hdrsize: number
  maxattr: number
  ops: readonly { id: number; flags: number }[]
}

/** Version of the controller, the family that tells of the others. */
const CTRL_VERSION = 2

/** Payload of the CTRL_CMD_NEWFAMILY about a family, with its attributes in the kernel's order. */
export function encodeFamily({ id, name, version, hdrsize, maxattr, ops }: ServedFamily): Uint8Array {
  // The lists carry no NLA_F_NESTED here: the kernel sets none, and clients of 2007 know no such flag.
  const list = new AttributeWriter()
  for (const [index, op] of ops.entries()) {
    const fields = new AttributeWriter().u32(CTRL_ATTR_OP_ID, op.id).u32(CTRL_ATTR_OP_FLAGS, op.flags)
    list.bytes(index + 1, fields.finish())
  }
  return new AttributeWriter(genlHeader({ cmd: CTRL_CMD_NEWFAMILY, version: CTRL_VERSION }))
    .string(CTRL_ATTR_FAMILY_NAME, name)
    .u16(CTRL_ATTR_FAMILY_ID, id)
    .u32(CTRL_ATTR_VERSION, version)
    .u32(CTRL_ATTR_HDRSIZE, hdrsize)
    .u32(CTRL_ATTR_MAXATTR, maxattr)
    .bytes(CTRL_ATTR_OPS, list.finish())
    .finish()
}

/** The number of one of the kernel's families; ENOENT if it has none of that name. */
export function familyId(client: Client, name: string): number {
  const header = genlHeader({ cmd: CTRL_CMD_GETFAMILY, version: CTRL_VERSION })
  const question = new AttributeWriter(header).string(CTRL_ATTR_FAMILY_NAME, name).finish()
  const { payload } = only(client.request(requestOf('CTRL_CMD_GETFAMILY', name, GENL_ID_CTRL, question)))
  let id = 0
  const attributes = new AttributeDecoder(payload, GENL_HDRLEN)
  while (attributes.next()) if (attributes.type === CTRL_ATTR_FAMILY_ID) id = attributes.u16()
  attributes.end()
  return id
}
