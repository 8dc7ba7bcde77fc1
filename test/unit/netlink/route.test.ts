// The rtnetlink operations: which requests each sends, over a client that answers from a list.

import { expect, test } from 'vitest'
import { systemError } from '../../../src/errors.js'
import { DecodeError } from '../../../src/netlink/attribute.js'
import type { Message, Request } from '../../../src/netlink/message.js'
import { addAddress, allocNsid, getLink, setLink } from '../../../src/netlink/route.js'
import { setLinkRequest } from '../../../src/netlink/rtnl.js'
import { hex } from './bytes.js'

/** A kernel that answers the requests in turn: messages, or an errno to refuse with. */
function answering(...answers: (Message[] | number)[]) {
  const asked: Request[] = []
  const request = (request: Request): Message[] => {
    const answer = answers[asked.length]
    asked.push(request)
    if (typeof answer === 'number') throw systemError(answer, request.name)
    return answer ?? []
  }
  return { request, asked }
}

const link = (ifindex: string): Message => ({
  type: 16,
  flags: 0,
  seq: 1,
  pid: 0,
  payload: hex('00 00 00 00', ifindex, '00 00 00 00', '00 00 00 00'),
})
const nsid = (value: string): Message[] => [
  { type: 88, flags: 0, seq: 1, pid: 0, payload: hex('00 00 00 00', '08 00', '01 00', value) },
]
const NONE = nsid('ff ff ff ff')
const FOUR = nsid('04 00 00 00')

test('getLink parses what comes', () => {
  expect(getLink(answering([link('07 00 00 00')]), { name: 'v0' }).ifindex).toBe(7)
  expect(() => getLink(answering([]), { name: 'v0' })).toThrow(DecodeError)
})

test('setLink goes up after everything else where IPv6 must stay quiet', () => {
  const client = answering()
  setLink(client, { ifindex: 7, mtu: 1400, addrGenMode: 1, up: true })
  expect(client.asked).toEqual([
    setLinkRequest({ ifindex: 7, mtu: 1400, addrGenMode: 1 }),
    setLinkRequest({ ifindex: 7, up: true }),
  ])
})

test.each([
  { ifindex: 7, mtu: 1400, up: true },
  { ifindex: 7, addrGenMode: 1, up: false },
  { ifindex: 7, addrGenMode: 1 },
])('setLink sends one request: %j', (change) => {
  const client = answering()
  setLink(client, change)
  expect(client.asked).toEqual([setLinkRequest(change)])
})

test('addAddress sends its own', () => {
  const client = answering()
  addAddress(client, 7, { address: hex('0a 00 00 01'), prefixLength: 24 })
  expect(client.asked.map(({ name }) => name)).toEqual(['RTM_NEWADDR'])
})

test.each<[string, (Message[] | number)[], string[]]>([
  ['has one', [FOUR], ['RTM_GETNSID']],
  ['gets one', [NONE, [], FOUR], ['RTM_GETNSID', 'RTM_NEWNSID', 'RTM_GETNSID']],
  ['was given one meanwhile', [NONE, -17, FOUR], ['RTM_GETNSID', 'RTM_NEWNSID', 'RTM_GETNSID']],
])('allocNsid of a namespace that %s', (_, answers, asked) => {
  const client = answering(...answers)
  expect(allocNsid(client, 20)).toBe(4)
  expect(client.asked.map(({ name }) => name)).toEqual(asked)
})

test('allocNsid passes other refusals on', () => {
  expect(() => allocNsid(answering(NONE, -1), 20)).toThrow('EPERM')
})
