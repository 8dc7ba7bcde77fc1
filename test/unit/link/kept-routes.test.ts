// When the routes of a TAP are asked for again: whenever they may be others, and not otherwise, since to ask takes time.

import { expect, test } from 'vitest'
import type { Hint } from '../../../src/link/device.js'
import { KeptRoutes } from '../../../src/link/kept-routes.js'
import { placeOf } from '../../../src/netlink/routes.js'

/** To 10.N.0.0/16, in the main table. */
const route = (net: number) =>
  Uint8Array.of(2, 16, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0, 8, 0, 1, 0, 10, net, 0, 0, 8, 0, 15, 0, 254, 0, 0, 0)
const STILL = { readdressed: false, switched: false, moved: false }
const of = { of: 'link', nsid: -1, ifindex: 7 } as const
const place = (net: number): Hint => ({ of: 'route', nsid: -1, place: placeOf(route(net)) })

function asked(routes: KeptRoutes, since = STILL, found: Uint8Array[] | 'refused' = [route(1)]): boolean {
  let times = 0
  routes.look(since, () => {
    times++
    return found === 'refused' ? undefined : found
  })
  return times > 0
}

function withOne(): KeptRoutes {
  const routes = KeptRoutes.of(undefined)
  expect(asked(routes)).toBe(true)
  return routes
}

test.each<[string, boolean, boolean, Hint | undefined, Partial<typeof STILL>]>([
  ['nothing', false, false, undefined, {}],
  ['something of its link', false, false, of, {}],
  ['a route of its own', true, true, { ...of, routes: true }, {}],
  ['that something was missed', true, true, { of: 'all' }, {}],
  ['a route in the place of its own', false, true, place(1), {}],
  ['a route in another place', false, false, place(2), {}],
  ['that it was down', false, true, { ...of, down: true }, {}],
  ['that it is down, or up', false, true, of, { switched: true }],
  ['another address', false, true, of, { readdressed: true }],
  ['that it has moved', true, true, of, { moved: true }],
])('after %s: %s where it had none, %s where it had one', (_, none, one, hint, since) => {
  const expected = [none, one]
  const seen = [new KeptRoutes(), withOne()].map((routes) => {
    if (hint !== undefined) routes.hear(hint)
    return [asked(routes, { ...STILL, ...since }), asked(routes)]
  })
  expect(seen).toEqual(expected.map((now) => [now, false]))
})

test('nobody is looked at for a route in another place', () => {
  expect([withOne().hear(place(2)), withOne().hear(place(1)), new KeptRoutes().hear(place(1))]).toEqual([
    false,
    true,
    false,
  ])
})

test('where the kernel tells nothing they are asked for now and then, and not by each look', () => {
  const routes = new KeptRoutes()
  const looks = Array.from({ length: 30 }, () => {
    routes.hear({ of: 'away' })
    return asked(routes, STILL, [])
  })
  expect(looks.filter((one) => one)).toHaveLength(3)
})

test('too many are not kept, nor asked for until they are gone', () => {
  const routes = withOne()
  routes.hear({ ...of, routes: true })
  const many = Array.from({ length: 1001 }, (_, net) => route(net & 255))
  expect(asked(routes, STILL, many)).toBe(true)
  expect(routes.known).toEqual([])
  routes.hear({ ...of, routes: true })
  expect(asked(routes, { ...STILL, readdressed: true })).toBe(false)
  routes.hear({ ...of, down: true })
  expect(asked(routes)).toBe(true)
  expect(routes.known).toEqual([route(1)])
})

test('where they cannot be asked for they are as they were', () => {
  const given = KeptRoutes.of([route(2)])
  expect(asked(given, STILL, 'refused')).toBe(true)
  expect(given.known).toEqual([route(2)])
  const routes = withOne()
  routes.hear({ ...of, routes: true })
  expect(asked(routes, STILL, 'refused')).toBe(true)
  expect(routes.known).toEqual([route(1)])
})
