// `peer vxlan id N remote ADDR …` behind `type veth`: words in, a wish out; src/iproute/vxlan.ts.

import { expect, test } from 'vitest'
import { parseAdd } from '../../../src/iproute/grammar.js'

const add = (words: string) => parseAdd(`x0 type veth peer ${words}`.split(' '), (text) => text).wish.b

test('a tunnel: values as they are written, numbers where they can be read', () => {
  expect(add('vxlan id 42 remote 192.0.2.1')).toEqual({ vxlan: { id: 42, remote: '192.0.2.1' } })
  expect(add('vxlan remote fd00::1 local fd00::2 vni 0x2a dstport 8472')).toEqual({
    vxlan: { remote: 'fd00::1', local: 'fd00::2', id: 42, port: 8472 },
  })
  expect(add('vxlan id much remote here')).toEqual({ vxlan: { id: 'much', remote: 'here' } })
})

test.each([
  ['5', 5000],
  ['0.5', 500],
  ['250ms', 250],
  ['1S', 1000],
  ['off', undefined],
])('keepalive %s: %s ms', (words, keepalive) => {
  expect(add(`vxlan id 42 remote 192.0.2.1 keepalive ${words}`)).toEqual({
    vxlan: { id: 42, remote: '192.0.2.1', keepalive },
  })
})

test('an interface that is called so stays one', () => {
  expect(add('vxlan')).toEqual({ name: 'vxlan' })
  expect(add('vxlan mtu 1400 up')).toEqual({ name: 'vxlan', mtu: 1400, up: true })
  expect(add('name vxlan')).toEqual({ name: 'vxlan' })
})

test.each([
  ['vxlan id 42', /not enough information: a tunnel takes "remote"/],
  ['vxlan remote 192.0.2.1', /not enough information: a tunnel takes "id"/],
  ['vxlan id 42 remote', /remote is not complete: it takes a value/],
  ['vxlan id 1 vni 2 remote 192.0.2.1', /duplicate "vni": "2" is the second value/],
  [
    'vxlan id 42 remote 192.0.2.1 mtu 1400',
    /argument "mtu" is wrong: a tunnel takes "id", "remote", "local", "dstport", "keepalive", and/,
  ],
  ['vxlan id 42 remote 192.0.2.1 keepalive often', /keepalive takes seconds, a time like "500ms", or "off"/],
  ['vxlan id 42 remote 192.0.2.1 keepalive -1', /keepalive takes seconds/],
  ['vxlan dev eth0 id 42', /argument "dev" is wrong: a tunnel takes/],
  ['vxlan id 42 remote 192.0.2.1 nolearning', /argument "nolearning" is wrong/],
])('misuse: %s', (words, sentence) => {
  expect(() => add(words)).toThrow(sentence)
})
