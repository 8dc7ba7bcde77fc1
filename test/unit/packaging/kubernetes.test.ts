// The manifests for a cluster agree with the rest of the tree: the rights of the daemon, the image's paths, and what the
// plugin reads of a configuration.

import { execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

test('an agent is installed over one whose plugin is running', () => {
  const folder = mkdtempSync(join(tmpdir(), 'uvt-k8s-'))
  const at = (name: string) => join(folder, name)
  for (const name of ['host/image/bin', 'host/opt/cni/bin', 'host/etc/cni/net.d', 'image', 'config', 'tools'])
    mkdirSync(at(name), { recursive: true })
  for (const name of ['dist', 'native', 'package.json']) writeFileSync(at(`image/${name}`), '')
  for (const [name, text] of Object.entries<string>(kinds.ConfigMap.data))
    writeFileSync(at(`config/${name}`), text)
  writeFileSync(at('tools/node'), '#!/bin/sh\necho 10.9.0.0/24\n', { mode: 0o755 })
  cpSync(
    execFileSync('sh', ['-c', 'command -v sleep'], { encoding: 'utf8' }).trim(),
    at('host/image/bin/node'),
  )
  const running = spawn(at('host/image/bin/node'), ['1000'])
  try {
    const [text] = pod.initContainers[0].args
    const here = text
      .replaceAll('/opt/uveth/', '/image/')
      .replace(/(?<!\w)\/(host|image|config)\//g, `${folder}/$1/`)
    execFileSync('sh', ['-ec', here], { env: { PATH: `${at('tools')}:${process.env.PATH}` }, stdio: 'pipe' })
    expect(readFileSync(at('host/image/bin/node'), 'utf8')).toContain('echo 10.9')
    expect(readdirSync(at('host/etc/cni/net.d'))).toEqual(['10-uveth.conflist'])
    expect(readFileSync(at('host/etc/cni/net.d/10-uveth.conflist'), 'utf8')).toContain('"10.9.0.0/24"')
  } finally {
    running.kill()
    rmSync(folder, { recursive: true })
  }
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
