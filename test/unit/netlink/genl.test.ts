// Generic netlink: the header, and the question for a family's number.

import { expect, test } from 'vitest'
import { DecodeError } from '../../../src/netlink/attribute.js'
import {
  encodeFamily,
  genlHeader,
  getFamilyRequest,
  parseFamily,
  parseGenlHeader,
} from '../../../src/netlink/genl.js'
import { expectRobust, hex } from './bytes.js'

const family = [
  '01', // CTRL_CMD_NEWFAMILY
  '02', // version
  '00 00',
  '0c 00',
  '02 00', // CTRL_ATTR_FAMILY_NAME
  '65 74 68 74 6f 6f 6c 00', // "ethtool"
  '06 00',
  '01 00', // CTRL_ATTR_FAMILY_ID
  '15 00',
  '00 00',
  '08 00',
  '03 00', // CTRL_ATTR_VERSION
  '01 00 00 00',
  '08 00',
  '04 00', // CTRL_ATTR_HDRSIZE
  '00 00 00 00',
  '08 00',
  '05 00', // CTRL_ATTR_MAXATTR
  '20 00 00 00',
  '04 00',
  '06 80', // CTRL_ATTR_OPS, which is not read
]

const message = (payload: Uint8Array, type = 0x10) => ({ type, flags: 0, seq: 1, pid: 2, payload })

test('the header', () => {
  expect(genlHeader({ cmd: 3, version: 1 })).toEqual(hex('03', '01', '00 00'))
  expect(parseGenlHeader(hex('03', '01', '00 00'))).toEqual({ cmd: 3, version: 1 })
  expect(() => parseGenlHeader(hex('03 01 00'))).toThrow(DecodeError)
})

test('asks for a family by name', () => {
  const request = getFamilyRequest('veth')
  expect(request.payload).toEqual(
    hex(
      '03', // CTRL_CMD_GETFAMILY
      '01', // version
      '00 00',
      '09 00', // nla_len
      '02 00', // CTRL_ATTR_FAMILY_NAME
      '76 65 74 68 00', // "veth"
      '00 00 00',
    ),
  )
  expect(request).toMatchObject({ name: 'CTRL_CMD_GETFAMILY', subject: 'veth', type: 0x10, flags: 5 })
})

test('parses the answer', () => {
  const expected = { id: 0x15, name: 'ethtool', version: 1, hdrsize: 0, maxattr: 32 }
  expect(parseFamily(message(hex(...family)))).toEqual(expected)
})

test('refuses another message, and a family without a number', () => {
  expect(() => parseFamily(message(hex(...family), 0x15))).toThrow(DecodeError)
  expect(() => parseFamily(message(hex('02', ...family.slice(1))))).toThrow(DecodeError)
  expect(() => parseFamily(message(hex('01', '02', '00 00')))).toThrow(DecodeError)
})

test('stands anything', () => {
  expectRobust((payload) => parseFamily(message(payload)), hex(...family))
})

test('what a server says of its family is what a client reads', () => {
  const served = {
    id: 0x15,
    name: 'ethtool',
    version: 1,
    hdrsize: 0,
    maxattr: 32,
    ops: [{ id: 1, flags: 0x0a }],
  }
  const { ops, ...expected } = served
  const payload = encodeFamily(served)
  expect(parseFamily(message(payload))).toEqual(expected)
  // The commands stand last, in a list that does not carry NLA_F_NESTED.
  expect(payload.subarray(-24)).toEqual(
    hex(
      '18 00 06 00', // CTRL_ATTR_OPS
      '14 00 01 00', // the first
      '08 00 01 00 01 00 00 00', // CTRL_ATTR_OP_ID
      '08 00 02 00 0a 00 00 00', // CTRL_ATTR_OP_FLAGS
    ),
  )
  expect(ops).toHaveLength(1)
})
