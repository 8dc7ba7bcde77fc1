// Features of a link: what is asked of the kernel's family "ethtool", and what its answers mean.

import { expect, test } from 'vitest'
import { DecodeError } from '../../../src/netlink/attribute.js'
import { wantedFeatures, wantFeatures } from '../../../src/netlink/ethtool.js'
import type { Message, Request } from '../../../src/netlink/message.js'
import { hex } from './bytes.js'

const FAMILY = 0x15
const SEVEN = '07 00 00 00'

const message = (type: number, ...payload: string[]): Message => ({
  ...{ type, flags: 0, seq: 1, pid: 0 },
  payload: hex(...payload),
})
const family = message(16, '01 02 00 00', '06 00 01 00', '15 00', '00 00')

/** A kernel that knows the family, and answers everything else with this. */
function answering(answer: Message[]) {
  const asked: Request[] = []
  const request = (request: Request): Message[] => {
    if (request.type === 0x10) return [family]
    asked.push(request)
    return answer
  }
  return { request, asked }
}

test('the wanted ones are those that the bitset names; others are of other sets', () => {
  const wanted = ['10 00 03 80', '0c 00 03 80', '08 00 01 80', '04 00 02 00']
  const active = ['14 00 04 80', '10 00 03 80', '0c 00 01 80', '07 00 02 00', '62 62 00', '00']
  const named = ['14 00 03 80', '10 00 03 80', '0c 00 01 80', '07 00 02 00', '61 61 00', '00']
  const client = answering([message(FAMILY, '0b 01 00 00', ...wanted, ...active, ...named)])
  expect(wantedFeatures(client, 7)).toEqual(new Set(['', 'aa']))
  const [asked] = client.asked
  expect(asked).toMatchObject({ type: FAMILY, name: 'ETHTOOL_MSG_FEATURES_GET', subject: 'ifindex 7' })
  expect(asked?.payload).toEqual(
    hex('0b 01 00 00', '14 00 01 80', '08 00 01 00', SEVEN, '08 00 03 00', '00 00 00 00'),
  )
})

test('an answer that is cut short is no answer', () => {
  expect(() => wantedFeatures(answering([message(FAMILY, '0b 01 00 00', '10 00 03 80')]), 7)).toThrow(
    DecodeError,
  )
})

test('wishes name their features: with a value those that are to be, without those that are not', () => {
  const client = answering([])
  wantFeatures(
    client,
    7,
    new Map([
      ['aa', true],
      ['bb', false],
    ]),
  )
  expect(client.asked[0]?.payload).toEqual(
    hex(
      ...['0c 01 00 00', '14 00 01 80', '08 00 01 00', SEVEN, '08 00 03 00', '02 00 00 00'],
      ...['24 00 03 80', '20 00 03 80'],
      ...['10 00 01 80', '07 00 02 00', '61 61 00', '00', '04 00 03 00'],
      ...['0c 00 01 80', '07 00 02 00', '62 62 00', '00'],
    ),
  )
})
