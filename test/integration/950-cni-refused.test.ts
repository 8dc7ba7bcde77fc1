// `uveth-cni` refuses in the words and codes of the specification, and what it refuses leaves nothing behind: no pair, no
// interface, no address that is taken.

import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { type Asked, CniNode } from '../support/cni.js'
import { Netns } from '../support/netns.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'sysctl', 'ip', 'nsenter', 'ping', 'cni-plugins')

let node: CniNode
beforeAll(async () => {
  node = await CniNode.start()
})
afterAll(async () => {
  await node?.[Symbol.asyncDispose]()
})

/** The folder of an IPAM plugin, `odd`, that answers so. */
function odd(answer: string, code = 0): string {
  const file = node.daemon.folder.file('odd')
  writeFileSync(file, `#!/bin/sh\ncat >/dev/null\necho '${answer}'\nexit ${code}\n`, { mode: 0o755 })
  return node.daemon.folder.path
}

describe('refused, and nothing is made', () => {
  const L2 = { ipam: undefined }
  test.each<[string, number, RegExp, () => Partial<Asked>]>([
    ['no JSON', 6, /no JSON/, () => ({ config: '{' })],
    ['no object', 6, /no JSON object/, () => ({ config: '[1]' })],
    [
      'a version to come',
      1,
      /incompatible CNI versions/,
      () => ({ config: node.network('no', { cniVersion: '9.9.9' }) }),
    ],
    ['no version', 1, /incompatible/, () => ({ config: { name: 'no' } })],
    ['no name', 7, /name: nothing/, () => ({ config: { cniVersion: '1.0.0' } })],
    ['a name with a slash', 7, /"a\/b" is no name/, () => ({ config: node.network('a/b') })],
    [
      'mtu in words',
      7,
      /mtu: "big" is not a whole number/,
      () => ({ config: node.network('no', { mtu: 'big' }) }),
    ],
    ['mtu too small', 7, /^EINVAL: mtu must be/, () => ({ config: node.network('no', { ...L2, mtu: 3 }) })],
    [
      'an empty socket, which is the usual one',
      11,
      /\/run\/none\.sock/,
      () => ({ config: node.network('no', { socket: '' }), env: { UVETH_SOCKET: '/run/none.sock' } }),
    ],
    ['an unknown command', 4, /unknown CNI_COMMAND: FOO/, () => ({ command: 'FOO' })],
    ['a word of every object for one', 4, /unknown CNI_COMMAND: toString/, () => ({ command: 'toString' })],
    ['no namespace', 4, /\[CNI_NETNS\] missing/, () => ({ pod: undefined })],
    ['no such namespace', 8, /'\/run\/netns\/none' is no/, () => ({ env: { CNI_NETNS: '/run/netns/none' } })],
    ['a file for a namespace', 8, /'\/etc\/passwd' is no/, () => ({ env: { CNI_NETNS: '/etc/passwd' } })],
    ['another kind of', 8, /is no network/, () => ({ env: { CNI_NETNS: '/proc/self/ns/mnt' } })],
    ["the plugin's own namespace", 8, /of the plugin itself/, () => ({ pod: node.daemon.home })],
    ['a bad container id', 4, /invalid characters in CNI_CONTAINERID/, () => ({ container: '../x' })],
    ['a bad interface', 4, /no interface name/, () => ({ env: { CNI_IFNAME: 'a/b' } })],
    ['a name for the kernel to fill in', 4, /"eth%d" is no/, () => ({ env: { CNI_IFNAME: 'eth%d' } })],
    ['CNI_ARGS without =', 4, /KEY=VALUE/, () => ({ env: { CNI_ARGS: 'IgnoreUnknown' } })],
    [
      'a bad MAC',
      7,
      /^EINVAL: mac must be/,
      () => ({ env: { CNI_ARGS: 'IgnoreUnknown=1;MAC=x' }, config: node.network('no', L2) }),
    ],
    [
      'an unknown IPAM',
      7,
      /failed to find plugin "nope"/,
      () => ({ config: node.network('no', {}, { type: 'nope' }) }),
    ],
    [
      'IPAM with an answer that is none',
      6,
      /^ipam odd: its result has ips of which address is not a text: \{"address":5\}$/,
      () => ({
        config: node.network('no', {}, { type: 'odd' }),
        env: { CNI_PATH: odd('{"ips":[{"address":5}]}') },
      }),
    ],
    [
      'IPAM that refuses without words',
      100,
      /^ipam odd: it ended with 3$/,
      () => ({ config: node.network('no', {}, { type: 'odd' }), env: { CNI_PATH: odd('null', 3) } }),
    ],
    ['IPAM that refuses', 999, /ipam host-local/, () => ({ config: node.network('no', {}, { ranges: [] }) })],
    [
      'bad words of impair',
      7,
      /impair: .*"sideways"/,
      () => ({ config: node.network('no', { impair: 'sideways' }) }),
    ],
    ['impair of another type', 7, /impair: 5/, () => ({ config: node.network('no', { impair: 5 }) })],
    [
      'a bad value of impair',
      7,
      /^EINVAL: impair.loss.random must be/,
      () => ({ config: node.network('no', { impair: { loss: 101 } }) }),
    ],
    [
      'no daemon',
      11,
      /no daemon|ENOENT/,
      () => ({ config: node.network('no', { socket: '/run/none.sock' }) }),
    ],
    [
      'CHECK of old',
      1,
      /does not allow CHECK/,
      () => ({ command: 'CHECK', config: node.network('no', { cniVersion: '0.3.1' }) }),
    ],
    [
      'GC of what is no list of attachments',
      7,
      /valid-attachments: \{\} has not the texts containerID and ifname/,
      () => ({
        command: 'GC',
        config: node.network('no', { ...L2, cniVersion: '1.1.0', 'cni.dev/valid-attachments': [{}] }),
      }),
    ],
    [
      'GC of no list',
      7,
      /^cni\.dev\/valid-attachments: \{"a":1\} is not a list$/,
      () => ({
        command: 'GC',
        config: node.network('no', { ...L2, cniVersion: '1.1.0', 'cni.dev/valid-attachments': { a: 1 } }),
      }),
    ],
    ['GC of old', 1, /does not allow GC/, () => ({ command: 'GC' })],
    ['CHECK without a result', 7, /prevResult/, () => ({ command: 'CHECK' })],
    [
      'CHECK of a faulty result',
      6,
      /^prevResult: its result has interfaces of which name is not a text: null$/,
      () => ({ command: 'CHECK', config: node.network('no', { ...L2, prevResult: { interfaces: [null] } }) }),
    ],
    [
      'CHECK of no result',
      7,
      /prevResult/,
      () => ({ command: 'CHECK', config: node.network('no', { prevResult: null }) }),
    ],
  ])('%s: code %i', async (_, code, message, wrong) => {
    await using pod = Netns.create('pod')
    const { json, code: status } = await node.ask({ pod, config: node.network('no'), ...wrong() })
    expect(json).toMatchObject({ code, msg: expect.stringMatching(message) })
    expect(json.cniVersion).toMatch(/^\d\.\d\.\d$/)
    expect(status).toBe(1)
    expect(await node.pairs()).toEqual([])
    expect(node.leasesOf('no')).toEqual([])
    expect(pod.names()).toEqual(['lo'])
  })

  test('an interface that is there: addresses are given back', async () => {
    await using pod = Netns.create('pod')
    pod.ip('link', 'add', 'eth0', 'type', 'bridge')
    const { json } = await node.ask({ pod, config: node.network('taken', { ipMasq: true }) })
    expect(json).toMatchObject({ code: 100, msg: expect.stringContaining("'eth0'") })
    expect(node.leasesOf('taken')).toEqual([])
    expect(node.daemon.home.names()).toEqual(['lo'])
  })

  test('what ADD refuses in the wishes for a cable keeps nobody from DEL', async () => {
    await using pod = Netns.create('pod')
    const annotated = { 'io.kubernetes.cri.pod-annotations': { 'uveth-impair': 'sideways' } }
    const config = node.network('slip', { ipam: undefined, runtimeConfig: annotated })
    expect((await node.ask({ pod, config })).json).toMatchObject({
      code: 7,
      msg: expect.stringContaining('sideways'),
    })
    const env = { CNI_ARGS: 'IgnoreUnknown' }
    expect(await node.ask({ command: 'DEL', pod, config, env })).toMatchObject({ code: 0, json: undefined })
  })

  test('a second ADD leaves the first one as it is', async () => {
    await using pod = Netns.create('pod')
    const config = node.network(
      'twice',
      {},
      { type: 'static', addresses: [{ address: '10.9.0.2/24', gateway: '10.9.0.1' }], routes: [] },
    )
    expect((await node.ask({ pod, config })).code).toBe(0)
    const again = await node.ask({ pod, config })
    expect(again.json).toMatchObject({ code: 100, msg: 'container c1 has eth0 in this network already' })
    expect(pod.exec('ping', '-c', '1', '10.9.0.1')).toContain(' 0% packet loss')
    expect((await node.ask({ command: 'DEL', pod, config })).code).toBe(0)
  })
})
