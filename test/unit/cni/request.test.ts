// What a cable is to be like, as the CNI plugin reads it: whose word goes before whose, and slips.

import { expect, test } from 'vitest'
import {
  type CableWish,
  idOf,
  readCableWish,
  readConfiguration,
  readResult,
  readValid,
} from '../../../src/cni/request.js'

function wishOf(more: object): CableWish {
  const text = JSON.stringify({ cniVersion: '1.0.0', name: 'net', ...more })
  return readCableWish(readConfiguration(text, 'ADD'), {})
}

test('a slip is refused', () => {
  expect(() => wishOf({ impair: { egress: 'loss 1%', loss: 2 } })).toThrow(
    'impair: "loss" does not stand beside egress and ingress',
  )
  expect(() => wishOf({ impair: 'none loss 1%' })).toThrow(/^impair: EINVAL: what is "none"/)
  // The plugin reads no files of the node.
  expect(() => wishOf({ impair: 'delay 1ms 1ms distribution' })).toThrow(
    /it takes uniform, normal, pareto, paretonormal$/,
  )
  expect(() => wishOf({ impair: 'rate trace /etc/passwd' })).toThrow(/files are not read here$/)
})

test.each(['', ' ', 'none'])('a pod in a bad network has a perfect cable by %j', (words) => {
  const annotated = { 'io.kubernetes.cri.pod-annotations': { 'uveth-impair': words } }
  expect(wishOf({ impair: 'loss 1%', runtimeConfig: annotated }).impair).toEqual({})
  expect(wishOf({ impair: { egress: 'loss 1%', ingress: words } }).impair).toEqual({
    egress: { loss: { random: 1 } },
  })
})

test('what Go writes where there is nothing is nothing', () => {
  const none = wishOf({})
  for (const more of [
    { runtimeConfig: null },
    { args: null },
    { runtimeConfig: { bandwidth: { egressRate: null } } },
  ])
    expect(wishOf(more)).toEqual(none)
  expect(wishOf({ args: { cni: null }, mtu: null, runtimeConfig: { mac: null } })).toEqual(none)
})

test('GC: who does not say what is valid ends nothing', () => {
  const key = 'cni.dev/valid-attachments'
  const valid = (more: object) => {
    const text = JSON.stringify({ cniVersion: '1.1.0', name: 'net', ...more })
    return readValid(readConfiguration(text, 'GC'))
  }
  expect(valid({})).toBeUndefined()
  for (const entry of [null, 'c1', { containerID: 'c1' }, { containerID: 1, ifname: 'eth0' }])
    expect(() => valid({ [key]: [entry] })).toThrow(
      `${key}: ${JSON.stringify(entry)} has not the texts containerID and ifname`,
    )
  expect(valid({ [key]: null })).toEqual(new Set())
  expect(valid({ [key]: [{ containerID: 'c1', ifname: 'eth0', more: 1 }] })).toEqual(
    new Set([idOf('net', 'c1', 'eth0')]),
  )
})

test.each<[unknown, string]>([
  [undefined, 'is no JSON object'],
  [null, 'is no JSON object'],
  [[], 'is no JSON object'],
  ['x', 'is no JSON object'],
  [{ ips: {} }, 'has ips that are no list: {}'],
  [{ ips: [null] }, 'has ips of which address is not a text: null'],
  [{ ips: [{ address: 5 }] }, 'has ips of which address is not a text: {"address":5}'],
  [
    { ips: [{ address: 'a', gateway: 1 }] },
    'has ips of which gateway is not a text: {"address":"a","gateway":1}',
  ],
  [{ routes: 'all' }, 'has routes that are no list: "all"'],
  [{ routes: [{}] }, 'has routes of which dst is not a text: {}'],
  [
    { routes: [{ dst: '::/0', mtu: '9' }] },
    'has routes of which mtu is not a whole number: {"dst":"::/0","mtu":"9"}',
  ],
])('an IPAM plugin that answers %j is told what is wrong with it', (answer, sentence) => {
  expect(() => readResult(answer, 'ipam x')).toThrow(`ipam x: its result ${sentence}`)
})

test('an IPAM plugin may answer more than is read, and Go what is nothing', () => {
  const answer = { ips: [{ address: '10.0.0.2/24', gateway: null }], routes: null, more: [1] }
  expect(readResult(answer, 'ipam x')).toBe(answer)
})
