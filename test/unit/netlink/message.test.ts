// nlmsghdr, several messages in one datagram, and NLMSG_ERROR with extended acknowledgements.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DecodeError } from '../../../src/netlink/attribute.js'
import * as nl from '../../../src/netlink/constants.js'
import {
  encodeAck,
  encodeMessage,
  firstHeader,
  only,
  parseAck,
  parseMessages,
  requestOf,
} from '../../../src/netlink/message.js'
import { expectRobust, hex } from './bytes.js'

const first = [
  '15 00 00 00', // nlmsg_len: 16 + 5
  '12 00', // nlmsg_type
  '05 00', // nlmsg_flags
  '04 03 02 01', // nlmsg_seq
  '68 74 65 76', // nlmsg_pid
  '0a 0b 0c 0d 0e', // payload
  '00 00 00', // padding
]
const firstMessage = {
  type: 0x12,
  flags: 5,
  seq: 0x01020304,
  pid: 0x76657468,
  payload: hex('0a 0b 0c 0d 0e'),
}
const empty = ['10 00 00 00', '01 00', '00 00', '00 00 00 00', '00 00 00 00']
const emptyMessage = { type: 1, flags: 0, seq: 0, pid: 0, payload: hex() }

test('encodes, padded so that messages can follow each other', () => {
  expect(encodeMessage(firstMessage)).toEqual(hex(...first))
})

describe('parseMessages', () => {
  test.each<[string, string[], object[]]>([
    ['nothing', [], []],
    ['one', first, [firstMessage]],
    ['one without its padding', first.slice(0, -1), [firstMessage]],
    ['two', [...first, ...empty], [firstMessage, emptyMessage]],
    ['a tail shorter than a header is ignored', [...empty, '10 00 00 00'], [emptyMessage]],
    [
      'a length below the header ends the datagram',
      [...empty, '0f 00 00 00', ...empty.slice(1)],
      [emptyMessage],
    ],
    ['a length of zero ends the datagram', [...empty, '00 00 00 00', ...empty.slice(1)], [emptyMessage]],
    ['a length past the end ends the datagram', [...empty, '11 00 00 00', ...empty.slice(1)], [emptyMessage]],
    ['the largest length ends the datagram', [...empty, 'ff ff ff ff', ...empty.slice(1)], [emptyMessage]],
  ])('%s', (_, fields, messages) => {
    expect(parseMessages(hex(...fields))).toEqual(messages)
  })

  test('no truncation makes a message up', () => {
    const bytes = hex(...first)
    for (let length = 0; length < 21; length++) expect(parseMessages(bytes.subarray(0, length))).toEqual([])
  })

  test('stands anything', () => {
    expectRobust(parseMessages, hex(...first, ...empty))
  })

  test('what is encoded is parsed', () => {
    const message = fc.record({
      type: fc.nat({ max: 0xffff }),
      flags: fc.nat({ max: 0xffff }),
      seq: fc.nat({ max: 0xffffffff }),
      pid: fc.nat({ max: 0xffffffff }),
      payload: fc.uint8Array().map((bytes) => new Uint8Array(bytes)),
    })
    fc.assert(
      fc.property(fc.array(message), (messages) => {
        expect(parseMessages(new Uint8Array(Buffer.concat(messages.map(encodeMessage))))).toEqual(messages)
      }),
    )
  })
})

test('the header of a message whose rest is lost', () => {
  expect(firstHeader(hex(...first.slice(0, 5), '0a'))).toEqual([{ ...firstMessage, payload: hex() }])
  expect(firstHeader(hex(...first.slice(0, 4)))).toEqual([])
})

describe('encodeAck', () => {
  const header = (length: string, flags: string) => [
    length, // nlmsg_len
    '02 00', // NLMSG_ERROR
    flags,
    '04 03 02 01', // nlmsg_seq: the request's
    '99 00 00 00', // nlmsg_pid: the requester's port
  ]

  test('a refusal echoes the whole request, without its padding', () => {
    expect(encodeAck(firstMessage, 0x99, -17)).toEqual(
      hex(...header('29 00 00 00', '00 00'), 'ef ff ff ff', ...first.slice(0, -1), '00 00 00'),
    )
  })

  test.each([
    ['an acknowledgement', 0, '00 00 00 00'],
    ['a capped refusal', -17, 'ef ff ff ff'],
  ])('%s echoes the header, and says that this is all', (_, errno, bytes) => {
    const ack = encodeAck(firstMessage, 0x99, errno, true)
    expect(ack).toEqual(hex(...header('24 00 00 00', '00 01'), bytes, ...first.slice(0, 5)))
    expect(parseAck(only(parseMessages(ack)))).toMatchObject({ errno })
  })
})

describe('parseAck', () => {
  const echo = ['18 00 00 00', '13 00', '05 00', '01 00 00 00', '00 00 00 00'] // a request of 24 bytes
  const body = ['de ad be ef de ad be ef']
  const attributes = [
    '0b 00', // nla_len
    '01 00', // NLMSGERR_ATTR_MSG
    '74 6f 6f 20 62 69 00', // "too bi"
    '00',
    '08 00',
    '02 00', // NLMSGERR_ATTR_OFFS
    '20 00 00 00',
  ]
  const error = (flags: number, ...fields: string[]) => ({
    ...emptyMessage,
    type: nl.NLMSG_ERROR,
    flags,
    payload: hex(...fields),
  })
  const EPERM = 'ff ff ff ff'

  test.each<[string, number, string[], object]>([
    ['success', 0, ['00 00 00 00', ...echo], { errno: 0, sentence: '', offset: undefined }],
    ['the bare errno', 0, [EPERM], { errno: -1, sentence: '', offset: undefined }],
    ['the request echoed', 0, [EPERM, ...echo, ...body], { errno: -1, sentence: '', offset: undefined }],
    [
      'a sentence behind the echoed request',
      nl.NLM_F_ACK_TLVS,
      [EPERM, ...echo, ...body, ...attributes],
      { errno: -1, sentence: 'too bi', offset: 32 },
    ],
    [
      'a sentence behind a capped request',
      nl.NLM_F_ACK_TLVS | nl.NLM_F_CAPPED,
      [EPERM, ...echo, ...attributes],
      { errno: -1, sentence: 'too bi', offset: 32 },
    ],
    [
      'attributes that are not announced are not read',
      nl.NLM_F_CAPPED,
      [EPERM, ...echo, ...attributes],
      { errno: -1, sentence: '', offset: undefined },
    ],
    [
      'attributes of kinds that are not read',
      nl.NLM_F_ACK_TLVS | nl.NLM_F_CAPPED,
      [EPERM, ...echo, '08 00', '05 00', '01 00 00 00'], // NLMSGERR_ATTR_MISS_TYPE
      { errno: -1, sentence: '', offset: undefined },
    ],
  ])('%s', (_, flags, fields, ack) => {
    expect(parseAck(error(flags, ...fields))).toEqual(ack)
  })

  test('an NLMSG_DONE has its attributes right behind the errno', () => {
    const done = error(nl.NLM_F_ACK_TLVS, EPERM, ...attributes)
    expect(parseAck(done, false)).toEqual({ errno: -1, sentence: 'too bi', offset: 32 })
  })

  test.each<[string, number, string[]]>([
    ['no errno', 0, ['ff ff ff']],
    ['attributes without a request', nl.NLM_F_ACK_TLVS, [EPERM, ...attributes.slice(4)]],
    [
      'a request that is longer than the message',
      nl.NLM_F_ACK_TLVS,
      [EPERM, 'ff ff ff ff', ...echo.slice(1), ...body],
    ],
    [
      'attributes cut short',
      nl.NLM_F_ACK_TLVS | nl.NLM_F_CAPPED,
      [EPERM, ...echo, ...attributes.slice(0, 2)],
    ],
  ])('refuses %s', (_, flags, fields) => {
    expect(() => parseAck(error(flags, ...fields))).toThrow(DecodeError)
  })

  test.each([0, nl.NLM_F_ACK_TLVS, nl.NLM_F_ACK_TLVS | nl.NLM_F_CAPPED])(
    'stands anything, flags %i',
    (flags) => {
      const decode = (payload: Uint8Array) => parseAck({ ...error(flags), payload })
      expectRobust(decode, hex(EPERM, ...echo, ...body, ...attributes))
    },
  )
})

test('a request asks for an acknowledgement, a dump ends with its own', () => {
  const { NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP, NLM_F_CREATE, NLM_F_EXCL } = nl
  expect(requestOf('X', 'y', 18, hex()).flags).toBe(NLM_F_REQUEST | NLM_F_ACK)
  expect(requestOf('X', 'y', 18, hex(), NLM_F_DUMP).flags).toBe(NLM_F_REQUEST | NLM_F_DUMP)
  const create = NLM_F_CREATE | NLM_F_EXCL
  expect(requestOf('X', 'y', 20, hex(), create).flags).toBe(NLM_F_REQUEST | NLM_F_ACK | create)
})

test('only() takes an answer of one message', () => {
  expect(only([emptyMessage])).toBe(emptyMessage)
  expect(() => only([])).toThrow(DecodeError)
  expect(() => only([emptyMessage, emptyMessage])).toThrow(DecodeError)
})
