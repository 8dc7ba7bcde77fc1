// Routes on bytes, against what a kernel has said (captured of `ip -6 route` and `ip route`).

import { expect, test } from 'vitest'
import { type Prefix, parsePrefix } from '../../../src/frame/address.js'
import { AttributeDecoder, AttributeWriter } from '../../../src/netlink/attribute.js'
import * as nl from '../../../src/netlink/constants.js'
import type { Client, Message, Request } from '../../../src/netlink/message.js'
import {
  addRoute,
  givenRoutes,
  giveRoute,
  missingRoute,
  parseGivenRoute,
  placeTaken,
  reroutedLink,
} from '../../../src/netlink/routes.js'

function heard(answer: (request: Request) => Message[] = () => []): Client & { requests: Request[] } {
  const requests: Request[] = []
  return {
    requests,
    request(request) {
      requests.push(request)
      return answer(request)
    },
  }
}

function attributesOf(payload: Uint8Array): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>()
  const attributes = new AttributeDecoder(payload, 12)
  while (attributes.next()) found.set(attributes.type, attributes.bytes())
  attributes.end()
  return found
}

test('a route by a gateway, with its metrics', () => {
  const client = heard()
  const destination = parsePrefix('10.1.0.0/16') as Prefix
  addRoute(client, 7, {
    destination,
    gateway: Uint8Array.of(10, 0, 0, 1),
    mtu: 1400,
    advmss: 1360,
    priority: 5,
  })
  const [{ type, flags, payload, subject }] = client.requests as [Request]
  expect({ type, subject }).toEqual({ type: nl.RTM_NEWROUTE, subject: '10.1.0.0/16' })
  expect(flags & (nl.NLM_F_CREATE | nl.NLM_F_EXCL)).toBe(nl.NLM_F_CREATE | nl.NLM_F_EXCL)
  expect([...payload.subarray(0, 12)]).toEqual([nl.AF_INET, 16, 0, 0, 0, 3, 0, 1, 0, 0, 0, 0])
  const attributes = attributesOf(payload)
  expect([...(attributes.get(nl.RTA_DST) ?? [])]).toEqual([10, 1, 0, 0])
  expect([...(attributes.get(nl.RTA_GATEWAY) ?? [])]).toEqual([10, 0, 0, 1])
  expect(attributes.has(nl.RTA_METRICS)).toBe(true)
})

test('a default route has no destination; a scope is said', () => {
  const client = heard()
  addRoute(client, 7, { destination: parsePrefix('::/0') as Prefix, scope: nl.RT_SCOPE_LINK })
  const [{ payload }] = client.requests as [Request]
  expect([payload[0], payload[1], payload[6]]).toEqual([nl.AF_INET6, 0, nl.RT_SCOPE_LINK])
  expect(attributesOf(payload).has(nl.RTA_DST)).toBe(false)
})

function route(header: number[], fill: (writer: AttributeWriter) => void): Message {
  const writer = new AttributeWriter(Uint8Array.from([...header, 0, 0, 0, 0]))
  fill(writer)
  return { type: nl.RTM_NEWROUTE, flags: 0, seq: 1, pid: 0, payload: writer.finish() }
}

test('a route is there where all that is wished for it is there', () => {
  const gateway = Uint8Array.of(10, 0, 0, 1)
  const by = (oif: number) => (writer: AttributeWriter) =>
    writer
      .u32(nl.RTA_TABLE, 77)
      .bytes(nl.RTA_DST, Uint8Array.of(10, 1, 0, 0))
      .bytes(nl.RTA_METRICS, Uint8Array.of(8, 0, 2, 0, 20, 5, 0, 0))
      .u32(nl.RTA_PRIORITY, 9)
      .bytes(nl.RTA_GATEWAY, gateway)
      .u32(nl.RTA_OIF, oif)
  const header = [nl.AF_INET, 16, 0, 0, 77, nl.RTPROT_BOOT, 0, nl.RTN_UNICAST]
  const missing = (route: object, oif = 7) => {
    const client = heard(({ payload }) => (payload[0] === nl.AF_INET ? [listed(oif)] : []))
    const wanted = { destination: parsePrefix('10.1.0.0/16') as Prefix, ...route }
    return missingRoute(client, 7, [wanted]) !== undefined
  }
  const listed = (oif: number) => route(header, by(oif))
  const last = { gateway, priority: 9, mtu: 1300, table: 77 }
  expect([missing({}), missing({ gateway }), missing(last)]).toEqual([false, false, false])
  const others = [{ table: 254 }, { priority: 8 }, { mtu: 1301 }, { gateway: Uint8Array.of(10, 0, 0, 2) }]
  expect(others.map((wish) => missing({ ...last, ...wish }))).toEqual(others.map(() => true))
  expect(missing({ destination: parsePrefix('10.1.0.0/17') as Prefix })).toBe(true)
  expect(missing(last, 8)).toBe(true)
})

test.each<[string, number, (writer: AttributeWriter) => void, boolean]>([
  ['by hand', nl.RTPROT_BOOT, (writer) => writer.u32(nl.RTA_OIF, 7), true],
  ['by a service', nl.RTPROT_STATIC, (writer) => writer.u32(nl.RTA_OIF, 7), true],
  ['by the kernel', 2, (writer) => writer.u32(nl.RTA_OIF, 7), false],
  ['by a router', 9, (writer) => writer.u32(nl.RTA_OIF, 7), false],
  ['by a routing daemon', 12, (writer) => writer.u32(nl.RTA_OIF, 7), false],
  ['over no link, or several', nl.RTPROT_BOOT, (writer) => writer.u32(nl.RTA_TABLE, 254), false],
])('given %s: protocol %i', (_, protocol, fill, given) => {
  const message = route([nl.AF_INET, 16, 0, 0, nl.RT_TABLE_MAIN, protocol, 0, nl.RTN_UNICAST], fill)
  expect(parseGivenRoute(message)?.ifindex).toBe(given ? 7 : undefined)
  expect(parseGivenRoute({ ...message, type: nl.RTM_DELROUTE }) !== undefined).toBe(given)
  expect(parseGivenRoute({ ...message, type: nl.RTM_NEWADDR })).toBeUndefined()
})

test('of all routes of a link, those of a routing daemon are not asked for', () => {
  const client = heard()
  givenRoutes(client, 7)
  const asked = client.requests.map(({ payload }) => [payload[0], payload[5]])
  const families = [nl.AF_INET, nl.AF_INET6]
  expect(asked).toEqual(
    families.flatMap((family) => [nl.RTPROT_BOOT, nl.RTPROT_STATIC].map((by) => [family, by])),
  )
})

test('a route that runs out is not given for good', () => {
  const at = (seconds: number) =>
    route([nl.AF_INET6, 64, 0, 0, nl.RT_TABLE_MAIN, nl.RTPROT_BOOT, 0, nl.RTN_UNICAST], (writer) =>
      writer.u32(nl.RTA_OIF, 7).bytes(nl.RTA_CACHEINFO, cacheinfo(seconds * 100)),
    )
  expect([0, 60, -1].map((left) => parseGivenRoute(at(left))?.ifindex)).toEqual([7, undefined, undefined])
})

function cacheinfo(expires: number): Uint8Array {
  const bytes = Buffer.alloc(32)
  if (nl.HOST_LITTLE_ENDIAN) bytes.writeInt32LE(expires, 8)
  else bytes.writeInt32BE(expires, 8)
  return bytes
}

test('a route in the place of another: the same network, table, priority and kind of service, over any link', () => {
  const header = [nl.AF_INET, 16, 0, 0, 77, nl.RTPROT_BOOT, 0, nl.RTN_UNICAST]
  const listed = (oif: number, { table = 77, priority = 9, header: own = header } = {}) =>
    route(own, (writer) =>
      writer
        .u32(nl.RTA_TABLE, table)
        .bytes(nl.RTA_DST, Uint8Array.of(10, 1, 0, 0))
        .u32(nl.RTA_PRIORITY, priority)
        .u32(nl.RTA_OIF, oif),
    )
  const taken = (message: Message) => placeTaken({ ...message, flags: nl.NLM_F_REPLACE | nl.NLM_F_CREATE })
  expect(placeTaken(listed(7))).toBeUndefined()
  expect(taken(listed(7))).toEqual(expect.any(String))
  expect(taken(listed(8))).toBe(taken(listed(7)))
  const others = [{ table: 78 }, { priority: 8 }, { header: [nl.AF_INET, 16, 0, 4, ...header.slice(4)] }]
  for (const other of others) expect(taken(listed(7, other))).not.toBe(taken(listed(7)))
})

test('what several routes go by has ended: those of its link are others', () => {
  const payload = new AttributeWriter(new Uint8Array(8)).u32(1, 5).u32(nl.NHA_OIF, 7).finish()
  const message = { type: nl.RTM_DELNEXTHOP, flags: 0, seq: 0, pid: 0, payload }
  expect([reroutedLink(message), reroutedLink({ ...message, type: nl.RTM_DELNEXTHOP + 1 })]).toEqual([
    7,
    undefined,
  ])
})

test('what was given is given again to another link, as it was; what stands on others behind these', () => {
  const gateway = (oif: number, onlink: number) => (writer: AttributeWriter) =>
    writer
      .u32(nl.RTA_TABLE, 254)
      .u32(nl.RTA_OIF, oif)
      .bytes(nl.RTA_GATEWAY, Uint8Array.of(10, 0, 0, 1))
      .bytes(nl.RTA_METRICS, Uint8Array.of(8, 0, 2, 0, onlink, 5, 0, 0))
      .bytes(nl.RTA_CACHEINFO, new Uint8Array(32))
      .u32(nl.RTA_NH_ID, 5)
  const header = [nl.AF_INET, 0, 0, 0, nl.RT_TABLE_MAIN, nl.RTPROT_BOOT, 0, nl.RTN_UNICAST]
  const byGateway = route(header, gateway(7, 20))
  byGateway.payload.set([nl.RTNH_F_ONLINK | 16, 1], 8) // linkdown, and a flag of the kernel's own
  const near = route([...header.slice(0, 6), nl.RT_SCOPE_LINK, nl.RTN_UNICAST], (writer) =>
    writer.bytes(nl.RTA_DST, Uint8Array.of(10, 0, 0, 1)).u32(nl.RTA_OIF, 7),
  )
  const listed = [byGateway, route(header, gateway(8, 30)), near]
  const routes = givenRoutes(
    heard(({ payload }) => (payload[0] === nl.AF_INET ? listed : [])),
    7,
  )
  const client = heard()
  for (const given of routes) giveRoute(client, 9, given)
  const [first, second] = client.requests.map(({ payload }) => payload) as [Uint8Array, Uint8Array]
  expect(client.requests).toHaveLength(2)
  expect([first[6], second[6]]).toEqual([nl.RT_SCOPE_LINK, 0])
  expect([...second.subarray(8, 12)]).toEqual([nl.RTNH_F_ONLINK, 0, 0, 0])
  const attributes = attributesOf(second)
  expect([...attributes.keys()]).toEqual([nl.RTA_TABLE, nl.RTA_GATEWAY, nl.RTA_METRICS, nl.RTA_OIF])
  expect(attributes.get(nl.RTA_OIF)?.[0]).toBe(9)
})
