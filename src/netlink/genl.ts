// Generic netlink: the genlmsghdr, and how a client learns the number of a family from its name.
// Called by ethtool.ts; the header functions also serve the control server, which is a family
// itself. Pure functions on bytes.

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
import { type Message, type Request, requestOf } from './message.js'

export const GENL_HDRLEN = 4

export interface GenlHeader {
  cmd: number
  version: number
}

export interface Family {
  id: number
  name: string
  version: number
  hdrsize: number
  maxattr: number
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

export function getFamilyRequest(name: string): Request {
  const header = genlHeader({ cmd: CTRL_CMD_GETFAMILY, version: 1 })
  return requestOf(
    'CTRL_CMD_GETFAMILY',
    name,
    GENL_ID_CTRL,
    new AttributeWriter(header).string(CTRL_ATTR_FAMILY_NAME, name).finish(),
  )
}

export function parseFamily(message: Message): Family {
  const { cmd } = parseGenlHeader(message.payload)
  if (message.type !== GENL_ID_CTRL || cmd !== CTRL_CMD_NEWFAMILY)
    throw new DecodeError('not a CTRL_CMD_NEWFAMILY')
  const family: Family = { id: 0, name: '', version: 0, hdrsize: 0, maxattr: 0 }
  const attributes = new AttributeDecoder(message.payload, GENL_HDRLEN)
  while (attributes.next()) {
    if (attributes.type === CTRL_ATTR_FAMILY_ID) family.id = attributes.u16()
    else if (attributes.type === CTRL_ATTR_FAMILY_NAME) family.name = attributes.string()
    else if (attributes.type === CTRL_ATTR_VERSION) family.version = attributes.u32()
    else if (attributes.type === CTRL_ATTR_HDRSIZE) family.hdrsize = attributes.u32()
    else if (attributes.type === CTRL_ATTR_MAXATTR) family.maxattr = attributes.u32()
  }
  attributes.end()
  if (family.id === 0) throw new DecodeError('a family without an id')
  return family
}

/** What a family server offers: `flags` of a command are GENL_*. */
export interface ServedFamily extends Family {
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
