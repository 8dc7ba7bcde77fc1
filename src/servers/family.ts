// The generic-netlink family `veth` as a pure function: a request and its sender in, answers or an
// order out. Called by netlink.ts, which carries orders out. Codes and the order of the checks are
// those of the kernel's generic netlink and of the original driver; clients of 2007 leave sequence
// number, port id and version uninitialised, so nothing here looks at them.

import { constants } from 'node:os'
import { AttributeDecoder } from '../netlink/attribute.js'
import * as nl from '../netlink/constants.js'
import { encodeFamily, GENL_HDRLEN, parseGenlHeader, type ServedFamily } from '../netlink/genl.js'
import { encodeAck, encodeMessage, type Message } from '../netlink/message.js'

const { E2BIG, EINVAL, EMSGSIZE, ENODEV, ENOENT, EOPNOTSUPP, EPERM } = constants.errno

const VETH_CMD_ADD = 1
const VETH_CMD_DEL = 2
const VETH_ATTR_DEVNAME = 1
const VETH_ATTR_PEERNAME = 2
/** With the terminator. */
const IFNAMSIZ = 16

const ORDER_FLAGS = nl.GENL_ADMIN_PERM | nl.GENL_CMD_CAP_DO | nl.GENL_CMD_CAP_HASPOL
const LOOKUP_FLAGS = nl.GENL_CMD_CAP_DO | nl.GENL_CMD_CAP_DUMP | nl.GENL_CMD_CAP_HASPOL

/** The first number that kernels give to a family without one of its own (GENL_START_ALLOC). */
const VETH_ID = 0x13

const VETH: ServedFamily = {
  id: VETH_ID,
  name: 'veth',
  version: 1,
  hdrsize: 0,
  maxattr: VETH_ATTR_PEERNAME,
  ops: [
    { id: VETH_CMD_ADD, flags: ORDER_FLAGS },
    { id: VETH_CMD_DEL, flags: ORDER_FLAGS },
  ],
}

const CONTROLLER: ServedFamily = {
  id: nl.GENL_ID_CTRL,
  name: 'nlctrl',
  version: 2,
  hdrsize: 0,
  maxattr: nl.CTRL_ATTR_OPS,
  ops: [{ id: nl.CTRL_CMD_GETFAMILY, flags: LOOKUP_FLAGS }],
}

const FAMILIES = [CONTROLLER, VETH]

/** Bytes of a refused request that come back; of a longer one only the header does. */
const LONGEST_ECHO = 64 * 1024

export interface Sender {
  /** Port id. */
  port: number
  /** Whether it may order, and not only look up. */
  admin: boolean
}

/** Names may be anything that fits; whether they are allowed is for the pair to say. */
export type Order = { op: 'add'; name: string; peer: string } | { op: 'del'; name: string }

/** What a message comes to: answers, or an order, whose outcome `outcomeOf` answers. */
export type Reading = { answers: Uint8Array[] } | { order: Order }

/** What `message` asks for. Never throws, whatever the bytes. */
export function readMessage(message: Message, sender: Sender): Reading {
  const { type, flags, payload } = message
  if ((flags & nl.NLM_F_REQUEST) === 0 || type < nl.NLMSG_MIN_TYPE) return { answers: [] }
  const refuse = (number: number): Reading => ({ answers: outcomeOf(message, sender.port, -number) })
  const family = FAMILIES.find(({ id }) => id === type)
  if (family === undefined) return refuse(ENOENT)
  if (payload.length < GENL_HDRLEN) return refuse(EINVAL)
  const op = family.ops.find(({ id }) => id === parseGenlHeader(payload).cmd)
  if (op === undefined) return refuse(EOPNOTSUPP)
  if ((op.flags & nl.GENL_ADMIN_PERM) !== 0 && !sender.admin) return refuse(EPERM)
  const dump = (flags & nl.NLM_F_DUMP) === nl.NLM_F_DUMP
  if (family === CONTROLLER)
    return dump ? { answers: dumpFamilies(message, sender) } : lookUp(message, sender)
  if (dump) return refuse(EOPNOTSUPP)
  const order = readOrder(op.id, payload)
  return typeof order === 'number' ? refuse(order) : { order }
}

/** The answer to a datagram that was too long to be received whole. */
export function refuseCut(message: Message, port: number): Uint8Array[] {
  if ((message.flags & nl.NLM_F_REQUEST) === 0 || message.type < nl.NLMSG_MIN_TYPE) return []
  return [encodeAck(message, port, -EMSGSIZE, true)]
}

/** The answer to a request that was carried out (0) or refused: success only where it was asked for. */
export function outcomeOf(message: Message, port: number, errno: number): Uint8Array[] {
  if (errno === 0) return (message.flags & nl.NLM_F_ACK) === 0 ? [] : [encodeAck(message, port, 0)]
  return [encodeAck(message, port, errno, message.payload.length > LONGEST_ECHO)]
}

/** CTRL_CMD_GETFAMILY for one family, by its name or else its id. Everybody may ask. */
function lookUp(message: Message, { port }: Sender): Reading {
  const attributes = new AttributeDecoder(message.payload, GENL_HDRLEN)
  let found: ServedFamily | undefined
  let refusal = EINVAL // neither name nor id
  while (attributes.next()) {
    const { type } = attributes
    if (type === nl.CTRL_ATTR_FAMILY_NAME) {
      const names = [attributes.string(), text(attributes.bytes())]
      found = FAMILIES.find(({ name }) => names.includes(name))
    } else if (type === nl.CTRL_ATTR_FAMILY_ID) {
      const id = attributes.u16()
      found = FAMILIES.find((family) => family.id === id)
    } else continue
    if (attributes.fault !== undefined) break // an id of a wrong length
    refusal = ENOENT
  }
  if (found === undefined) return { answers: outcomeOf(message, port, -refusal) }
  return { answers: [newFamily(message, port, found, 0), ...outcomeOf(message, port, 0)] }
}

function dumpFamilies(message: Message, { port }: Sender): Uint8Array[] {
  const { seq } = message
  const done = { type: nl.NLMSG_DONE, flags: nl.NLM_F_MULTI, seq, pid: port, payload: new Uint8Array(4) }
  return [...FAMILIES.map((family) => newFamily(message, port, family, nl.NLM_F_MULTI)), encodeMessage(done)]
}

function newFamily({ seq }: Message, port: number, family: ServedFamily, flags: number): Uint8Array {
  return encodeMessage({ type: nl.GENL_ID_CTRL, flags, seq, pid: port, payload: encodeFamily(family) })
}

/** The order, or a positive errno. As in the kernel, a faulty tail of attributes counts as absent. */
function readOrder(cmd: number, payload: Uint8Array): Order | number {
  const attributes = new AttributeDecoder(payload, GENL_HDRLEN)
  let device: Uint8Array | undefined
  let other: Uint8Array | undefined
  while (attributes.next()) {
    if (attributes.type === VETH_ATTR_DEVNAME) device = attributes.bytes()
    else if (attributes.type === VETH_ATTR_PEERNAME) other = attributes.bytes()
  }
  const name = readName(device)
  if (cmd === VETH_CMD_DEL) {
    if (name === EINVAL && device?.length !== 0) return ENODEV // no interface is called that
    return typeof name === 'number' ? name : { op: 'del', name }
  }
  const peer = readName(other)
  if (typeof name === 'number') return name
  return typeof peer === 'number' ? peer : { op: 'add', name, peer }
}

/** A name, or a positive errno. The length that is checked includes the terminator. */
function readName(payload: Uint8Array | undefined): string | number {
  if (payload === undefined) return ENOENT
  if (payload.length > IFNAMSIZ) return E2BIG
  return text(payload) || EINVAL
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The text up to the first NUL; without one the last byte stands where the terminator should, and
 * may be garbage. Empty where the bytes are no UTF-8, which no name of a pair can be.
 */
function text(payload: Uint8Array): string {
  const nul = payload.indexOf(0)
  try {
    return utf8.decode(payload.subarray(0, nul < 0 ? -1 : nul))
  } catch {
    return ''
  }
}
