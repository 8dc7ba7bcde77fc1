// What a cable is to be like, as the CNI plugin reads it: whose word goes before whose, and slips.

import { expect, test } from 'vitest'
import { type CableWish, readCableWish, readConfiguration } from '../../../src/cni/request.js'

function wishOf(more: object): CableWish {
  const text = JSON.stringify({ cniVersion: '1.0.0', name: 'net', ...more })
  return readCableWish(readConfiguration(text, 'ADD'), {})
}

test('a slip is refused', () => {
  expect(() => wishOf({ impair: { egress: 'loss 1%', loss: 2 } })).toThrow(
    'impair: "loss" does not stand beside egress and ingress',
  )
  expect(() => wishOf({ impair: 'none loss 1%' })).toThrow(/^impair: EINVAL: what is "none"/)
})

test.each(['', ' ', 'none'])('a pod in a bad network has a perfect cable by %j', (words) => {
  const annotated = { 'io.kubernetes.cri.pod-annotations': { 'uveth-impair': words } }
  expect(wishOf({ impair: 'loss 1%', runtimeConfig: annotated }).impair).toEqual({})
  expect(wishOf({ impair: { egress: 'loss 1%', ingress: words } }).impair).toEqual({
    egress: { loss: { random: 1 } },
  })
})
