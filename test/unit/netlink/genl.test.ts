// Generic netlink: the header, and what is said of a family.

import { expect, test } from 'vitest'
import { DecodeError } from '../../../src/netlink/attribute.js'
import { encodeFamily, genlHeader, parseGenlHeader } from '../../../src/netlink/genl.js'
import { hex } from './bytes.js'

test('the header', () => {
  expect(genlHeader({ cmd: 3, version: 1 })).toEqual(hex('03', '01', '00 00'))
  expect(parseGenlHeader(hex('03', '01', '00 00'))).toEqual({ cmd: 3, version: 1 })
  expect(() => parseGenlHeader(hex('03 01 00'))).toThrow(DecodeError)
})

test('what a server says of its family, in the kernel’s order', () => {
  const served = { id: 0x15, name: 'ethtool', version: 1, hdrsize: 0, maxattr: 32 }
  expect(encodeFamily({ ...served, ops: [{ id: 1, flags: 0x0a }] })).toEqual(
    hex(
      '01 02 00 00', // CTRL_CMD_NEWFAMILY, version
      '0c 00 02 00', // CTRL_ATTR_FAMILY_NAME
      '65 74 68 74 6f 6f 6c 00', // "ethtool"
      '06 00 01 00 15 00 00 00', // CTRL_ATTR_FAMILY_ID
      '08 00 03 00 01 00 00 00', // CTRL_ATTR_VERSION
      '08 00 04 00 00 00 00 00', // CTRL_ATTR_HDRSIZE
      '08 00 05 00 20 00 00 00', // CTRL_ATTR_MAXATTR
      // The commands stand last, in a list that does not carry NLA_F_NESTED.
      '18 00 06 00', // CTRL_ATTR_OPS
      '14 00 01 00', // the first
      '08 00 01 00 01 00 00 00', // CTRL_ATTR_OP_ID
      '08 00 02 00 0a 00 00 00', // CTRL_ATTR_OP_FLAGS
    ),
  )
})
