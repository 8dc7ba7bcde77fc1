// What an IPAM plugin gives, down to the routes of a pod: what Go writes where there is nothing is nothing.

import { chmodSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { askIpam } from '../../../src/cni/ipam.js'
import { planWiring } from '../../../src/cni/wiring.js'
import { formatAddress } from '../../../src/frame/address.js'
import { Folder } from '../../support/daemon.js'

/** What comes of the answer of an IPAM plugin. */
function planOf(answer: object) {
  using folder = new Folder()
  const file = folder.file('odd')
  writeFileSync(file, `#!/bin/sh\ncat >/dev/null\necho '${JSON.stringify(answer)}'\n`)
  chmodSync(file, 0o755)
  vi.stubEnv('CNI_PATH', dirname(file))
  onTestFinished(() => void vi.unstubAllEnvs())
  const configuration = { cniVersion: '1.0.0', name: 'net', ipam: { type: 'odd' } }
  return planWiring(askIpam(configuration, 'ADD', '{}'))
}

test('lists that are none', () => {
  expect(planOf({ ips: null, routes: null }).container).toEqual({ addresses: [], routes: [] })
})

test.each([null, ''])('a route without a gateway of its own, by %j', (gw) => {
  const ips = [{ address: '10.0.0.2/24', gateway: '10.0.0.1' }]
  const { routes } = planOf({ ips, routes: [{ dst: '0.0.0.0/0', gw, mtu: null, scope: null }] }).container
  const { gateway, ...rest } = routes.at(-1) as (typeof routes)[number]
  expect(gateway && formatAddress(gateway)).toBe('10.0.0.1')
  expect(Object.keys(rest)).toEqual(['destination'])
})
