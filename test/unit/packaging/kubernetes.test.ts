// The manifests for a cluster agree with the rest of the tree: the rights of the daemon, the image's paths, and what the
// plugin reads of a configuration.

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { readAttachment, readCableWish, readConfiguration } from '../../../src/cni/request.js'

const ROOT = new URL('../../../', import.meta.url).pathname
const read = (file: string) => readFileSync(ROOT + file, 'utf8')
const parsed = (file: string) => parseAllDocuments(read(file)).map((document) => document.toJS())
const kinds = Object.fromEntries(parsed('packaging/kubernetes/uveth.yaml').map((one) => [one.kind, one]))
const pod = kinds.DaemonSet.spec.template.spec
const conflist = JSON.parse(kinds.ConfigMap.data['10-uveth.conflist'].replace('SUBNET', '10.244.0.0/24'))

test('the agent has the rights of the service, and no more', () => {
  const [, names = ''] = /^CapabilityBoundingSet=(.*)$/m.exec(read('packaging/uveth.service')) ?? []
  const { capabilities, allowPrivilegeEscalation } = pod.containers[0].securityContext
  expect(capabilities.drop).toEqual(['ALL'])
  expect(capabilities.add.map((name: string) => `CAP_${name}`)).toEqual(names.split(' '))
  expect(allowPrivilegeEscalation).toBe(false)
})

test('volumes that are mounted are there, and the other way round', () => {
  const names = pod.volumes.map(({ name }: { name: string }) => name)
  const mounts = [...pod.initContainers, ...pod.containers].flatMap(({ volumeMounts }) => volumeMounts)
  expect(new Set(mounts.map(({ name }) => name))).toEqual(new Set(names))
})

test('what is installed on a node is where the image has it', () => {
  expect(read('Dockerfile')).toContain('WORKDIR /opt/uveth\n')
  expect(kinds.ConfigMap.data['uveth-cni']).toContain('/opt/uveth/dist/cni/main.js')
  expect(JSON.parse(read('package.json')).bin['uveth-cni']).toBe('./dist/cni/main.js')
})

test('the plugin takes the configuration, and the annotation of the example', () => {
  const [{ capabilities, ...plugin }] = conflist.plugins
  const [{ metadata }] = parsed('packaging/kubernetes/example-pod.yaml')
  const key = Object.keys(capabilities).find((name) => name.endsWith('pod-annotations')) ?? ''
  const asked = { ...plugin, cniVersion: conflist.cniVersion, name: conflist.name }
  const text = JSON.stringify({ ...asked, runtimeConfig: { [key]: metadata.annotations } })
  const env = { CNI_CONTAINERID: 'c', CNI_NETNS: '/run/netns/x', CNI_IFNAME: 'eth0' }
  const configuration = readConfiguration(text, 'ADD')
  const { impair } = readCableWish(configuration, env)
  expect(impair).toEqual({
    egress: { delay: { time: 80, jitter: 10 }, loss: { random: 1 } },
    ingress: { delay: { time: 80, jitter: 10 }, loss: { random: 1 } },
  })
  expect(readAttachment(configuration, env).host).toMatch(/^veth[\da-f]{8}$/)
})
