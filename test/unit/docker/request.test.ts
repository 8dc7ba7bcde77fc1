// What the engine asks, read: misuse first, each with its sentence.

import { expect, test } from 'vitest'
import { planOf, readEndpoint, readNetwork } from '../../../src/docker/request.js'

const ID = 'f00dcafe'.repeat(8)
const POOL = { AddressSpace: 'LocalDefault', Pool: '10.99.0.0/24', Gateway: '10.99.0.1/24', AuxAddresses: {} }

function network(generic: object = {}, more: object = {}, options: object = {}) {
  const Options = { 'com.docker.network.generic': generic, ...options }
  return readNetwork({ NetworkID: ID, Options, IPv4Data: [POOL], IPv6Data: [], ...more })
}

test.each([
  ['no id', () => readNetwork({}), "EINVAL: NetworkID must be an id of the engine's, not ''"],
  ['a request without a body', () => readNetwork(undefined), /^EINVAL: the request is empty/],
  [
    'an id with a path in it',
    () => network({}, { NetworkID: '../../etc/passwd' }),
    /NetworkID must be an id/,
  ],
  ['an id that is none', () => network({}, { NetworkID: 7 }), 'EINVAL: NetworkID must be a text, not 7'],
  ['a request that is none', () => readNetwork([]), 'EINVAL: the request must be an object, not []'],
  [
    'options that are none',
    () => network({}, { Options: 'x' }),
    'EINVAL: Options must be an object, not "x"',
  ],
  [
    'an option with a slip',
    () => network({ impiar: 'loss 1%' }),
    "EINVAL: there is no option 'impiar': -o takes impair, p2p and com.docker.network.driver.mtu",
  ],
  ['p2p', () => network({ p2p: 'maybe' }), 'EINVAL: p2p must be true or false, not "maybe"'],
  [
    'an MTU',
    () => network({ 'com.docker.network.driver.mtu': '67' }),
    "EINVAL: com.docker.network.driver.mtu must be a whole number from 68 to 65521, not '67'",
  ],
  ['an impairment', () => network({ impair: 'delay 10mss' }), /^EINVAL: impair delay must be a time/],
  ['a word of one', () => network({ impair: 'speed 3' }), /^EINVAL: what is "speed"\? Here may stand limit/],
  [
    'a subnet',
    () => network({}, { IPv4Data: [{ Pool: '10.99.0.0/33' }] }),
    "EINVAL: Pool must be an IP address with prefix length, not '10.99.0.0/33'",
  ],
  ['subnets', () => network({}, { IPv4Data: {} }), 'EINVAL: IPv4Data must be an array, not {}'],
  [
    'internal',
    () => network({}, {}, { 'com.docker.network.internal': 1 }),
    'EINVAL: com.docker.network.internal must be true or false, not 1',
  ],
  [
    "an endpoint's option with a slip",
    () => readEndpoint({ NetworkID: ID, EndpointID: ID, Options: { 'com.x': 1, imp: 'loss 1%' } }),
    "EINVAL: there is no option 'imp': driver-opt takes impair",
  ],
  [
    "an endpoint's impairment",
    () => readEndpoint({ NetworkID: ID, EndpointID: ID, Options: { impair: 'loss 101%' } }),
    /^EINVAL: impair loss must be/,
  ],
])('%s is refused with a sentence', (_, read, sentence) => {
  expect(read).toThrow(sentence)
})

test('a network as the bridge driver of the engine would have it, whatever else is said', () => {
  const found = network(
    { 'com.example.note': 'x' },
    { Unknown: { to: 'us' } },
    { 'com.docker.network.enable_ipv4': true },
  )
  expect(found).toEqual({
    id: ID,
    bridge: 'uv-f00dcafef00',
    internal: false,
    p2p: false,
    masquerade: true,
    subnets: [{ pool: '10.99.0.0/24', gateway: '10.99.0.1/24' }],
    endpoints: {},
  })
})

test('its options', () => {
  const generic = {
    impair: ' delay 10ms  loss 1% ',
    p2p: 'true',
    'com.docker.network.driver.mtu': '1400',
    'com.docker.network.bridge.enable_ip_masquerade': 'false',
  }
  const wanted = { impair: 'delay 10ms  loss 1%', p2p: true, mtu: 1400, masquerade: false, internal: true }
  expect(network(generic, {}, { 'com.docker.network.internal': 'true' })).toMatchObject(wanted)
  expect(planOf(wanted.impair)).toMatchObject({ delay: { time: 10 }, loss: { random: 1 } })
})

test('without addresses, as --ipam-driver null leaves it', () => {
  const none = { Pool: '0.0.0.0/0', Gateway: '' }
  expect(network({}, { IPv4Data: [none], IPv6Data: null })).toMatchObject({ subnets: [] })
})

test('an endpoint has a MAC address of its IPv4 address, unless the engine has chosen one', () => {
  const endpoint = (Interface: object) => readEndpoint({ NetworkID: ID, EndpointID: ID, Interface })
  expect(endpoint({ Address: '10.99.0.2/24', AddressIPv6: 'fd00::2/64', MacAddress: '' })).toEqual({
    endpoint: { mac: '02:42:0a:63:00:02', addresses: ['10.99.0.2/24', 'fd00::2/64'] },
    chosen: false,
  })
  expect(endpoint({ MacAddress: '02:00:00:00:00:07' })).toMatchObject({
    endpoint: { mac: '02:00:00:00:00:07', addresses: [] },
    chosen: true,
  })
  const drawn = endpoint({}).endpoint.mac
  expect(drawn).toMatch(/^02:42(:[0-9a-f]{2}){4}$/)
  expect(endpoint({}).endpoint.mac).toBe(drawn)
})
