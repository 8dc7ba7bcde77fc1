// Device features: the bytes of the requests, the kernel's verbose bitsets, and the two operations
// over a client that answers from a table.

import { expect, test } from 'vitest'
import { AttributeWriter } from '../../../src/netlink/attribute.js'
import * as nl from '../../../src/netlink/constants.js'
import {
  getFeatures,
  getFeaturesRequest,
  parseFeatures,
  setFeatures,
  setFeaturesRequest,
} from '../../../src/netlink/ethtool.js'
import { genlHeader } from '../../../src/netlink/genl.js'
import type { Request } from '../../../src/netlink/message.js'
import { expectRobust, hex } from './bytes.js'

const message = (payload: Uint8Array, type = 0x15) => ({ type, flags: 0, seq: 1, pid: 2, payload })

test('asks for verbose bitsets', () => {
  const request = getFeaturesRequest(0x15, 7)
  expect(request).toMatchObject({ name: 'ETHTOOL_MSG_FEATURES_GET', type: 0x15, flags: 5 })
  expect(request.payload).toEqual(
    hex(
      '0b', // ETHTOOL_MSG_FEATURES_GET
      '01', // version
      '00 00',
      '0c 00',
      '01 80', // ETHTOOL_A_FEATURES_HEADER, nested
      '08 00',
      '01 00', // ETHTOOL_A_HEADER_DEV_INDEX
      '07 00 00 00',
    ),
  )
})

test('names the features that it changes, and wants no list back', () => {
  expect(setFeaturesRequest(0x15, 7, { ab: true, c: false }).payload).toEqual(
    hex(
      '0c', // ETHTOOL_MSG_FEATURES_SET
      '01',
      '00 00',
      '14 00',
      '01 80', // ETHTOOL_A_FEATURES_HEADER, nested
      '08 00',
      '01 00', // ETHTOOL_A_HEADER_DEV_INDEX
      '07 00 00 00',
      '08 00',
      '03 00', // ETHTOOL_A_HEADER_FLAGS
      '02 00 00 00', // ETHTOOL_FLAG_OMIT_REPLY
      '24 00',
      '03 80', // ETHTOOL_A_FEATURES_WANTED, nested
      '20 00',
      '03 80', // ETHTOOL_A_BITSET_BITS, nested
      '10 00',
      '01 80', // ETHTOOL_A_BITSET_BITS_BIT, nested
      '07 00',
      '02 00', // ETHTOOL_A_BITSET_BIT_NAME
      '61 62 00', // "ab"
      '00',
      '04 00',
      '03 00', // ETHTOOL_A_BITSET_BIT_VALUE: on
      '0c 00',
      '01 80',
      '06 00',
      '02 00',
      '63 00', // "c", without a value: off
      '00 00',
    ),
  )
})

/** A bitset as the kernel writes it: with a mask the bits carry values, without one they are all set. */
function bitset(writer: AttributeWriter, type: number, bits: Record<string, boolean> | string[]): void {
  writer.nested(type, (set) => {
    if (Array.isArray(bits)) set.flag(nl.ETHTOOL_A_BITSET_NOMASK)
    set.u32(2, 64) // ETHTOOL_A_BITSET_SIZE
    set.nested(nl.ETHTOOL_A_BITSET_BITS, (list) => {
      const entries: [string, boolean][] = Array.isArray(bits)
        ? bits.map((b) => [b, false])
        : Object.entries(bits)
      for (const [name, value] of entries) {
        list.nested(nl.ETHTOOL_A_BITSET_BITS_BIT, (bit) => {
          bit.u32(1, 0) // ETHTOOL_A_BITSET_BIT_INDEX
          bit.string(nl.ETHTOOL_A_BITSET_BIT_NAME, name)
          if (value) bit.flag(nl.ETHTOOL_A_BITSET_BIT_VALUE)
        })
      }
    })
  })
}

function features(): Uint8Array {
  const writer = new AttributeWriter(genlHeader({ cmd: nl.ETHTOOL_MSG_FEATURES_GET, version: 1 }))
  writer.nested(nl.ETHTOOL_A_FEATURES_HEADER, (header) => header.u32(nl.ETHTOOL_A_HEADER_DEV_INDEX, 7))
  bitset(writer, nl.ETHTOOL_A_FEATURES_HW, { tso: true, gro: true, lro: false })
  bitset(writer, nl.ETHTOOL_A_FEATURES_WANTED, ['tso', 'gro'])
  bitset(writer, nl.ETHTOOL_A_FEATURES_ACTIVE, ['gro'])
  bitset(writer, nl.ETHTOOL_A_FEATURES_NOCHANGE, ['lro'])
  return writer.finish()
}

test('reads bitsets with and without a mask', () => {
  expect(Object.fromEntries(parseFeatures(message(features())))).toEqual({
    tso: { hw: true, wanted: true, active: false, nochange: false },
    gro: { hw: true, wanted: true, active: true, nochange: false },
    lro: { hw: false, wanted: false, active: false, nochange: true },
  })
})

test('stands anything', () => {
  expectRobust((payload) => parseFeatures(message(payload)), features())
})

test('the operations ask for the number of the family first', () => {
  const family = new AttributeWriter(genlHeader({ cmd: nl.CTRL_CMD_NEWFAMILY, version: 2 }))
    .u16(nl.CTRL_ATTR_FAMILY_ID, 0x15)
    .finish()
  const asked: Request[] = []
  const client = {
    request(request: Request) {
      asked.push(request)
      if (request.type === nl.GENL_ID_CTRL) return [message(family, nl.GENL_ID_CTRL)]
      return request.name === 'ETHTOOL_MSG_FEATURES_GET' ? [message(features())] : []
    },
  }
  expect(getFeatures(client, 7).get('gro')).toMatchObject({ active: true })
  setFeatures(client, 7, { gro: false })
  expect(asked.map(({ name, type }) => [name, type])).toEqual([
    ['CTRL_CMD_GETFAMILY', nl.GENL_ID_CTRL],
    ['ETHTOOL_MSG_FEATURES_GET', 0x15],
    ['CTRL_CMD_GETFAMILY', nl.GENL_ID_CTRL],
    ['ETHTOOL_MSG_FEATURES_SET', 0x15],
  ])
})
