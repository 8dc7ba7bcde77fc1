// `uveth-cni`: impairments of a network and of one pod, bandwidth and MAC addresses that a runtime wishes for, ipMasq, and
// a plugin that is chained behind it.

import { afterAll, beforeAll, describe, expect } from 'vitest'
import { CniNode } from '../support/cni.js'
import { Netns } from '../support/netns.js'
import { CNI_PLUGINS, needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'sysctl', 'ip', 'nsenter', 'ping', 'cni-plugins')

let node: CniNode
beforeAll(async () => {
  node = await CniNode.start()
})
afterAll(async () => {
  await node?.[Symbol.asyncDispose]()
})

describe('impaired, masqueraded, and with wishes of the runtime', () => {
  interface Ways {
    egress: unknown
    ingress: unknown
  }

  async function impairments(config: Record<string, unknown>): Promise<Ways> {
    await using pod = Netns.create('pod')
    expect(await node.ask({ pod, config })).toMatchObject({ code: 0 })
    const [pair] = (await node.daemon.ask('GET', '/v1/pairs')).json
    expect((await node.ask({ command: 'DEL', pod, config })).code).toBe(0)
    return { egress: pair.a.impair, ingress: pair.b.impair }
  }

  const plain = (more: object) => node.network('impaired', { ipam: undefined, ...more })
  const annotated = { runtimeConfig: { 'io.kubernetes.cri.pod-annotations': { 'uveth-impair': 'loss 5%' } } }

  test.each<[string, object, object, object]>([
    ['in words, both ways', { impair: 'delay 5ms' }, { delay: { time: 5 } }, { delay: { time: 5 } }],
    ['as the library has it', { impair: { loss: 2 } }, { loss: { random: 2 } }, { loss: { random: 2 } }],
    [
      'each way',
      { impair: { egress: 'loss 2%', ingress: { delay: 1 } } },
      { loss: { random: 2 } },
      { delay: { time: 1 } },
    ],
    [
      "by the runtime's arguments before the network's",
      { impair: 'loss 9%', args: { cni: { uveth: { impair: 'loss 3%' } } } },
      { loss: { random: 3 } },
      { loss: { random: 3 } },
    ],
    [
      "by the pod's annotation before both",
      { impair: 'loss 9%', ...annotated },
      { loss: { random: 5 } },
      { loss: { random: 5 } },
    ],
    [
      'bandwidth, where no rate is wished for',
      { runtimeConfig: { bandwidth: { ingressRate: 8_000_000, egressRate: 4_000_000, ingressBurst: 1 } } },
      { rate: { rate: 4_000_000 } },
      { rate: { rate: 8_000_000 } },
    ],
  ])('%s', async (_, more, egress, ingress) => {
    expect(await impairments(plain(more))).toMatchObject({ egress, ingress })
  })

  test('a MAC address: of CNI_ARGS, of args, of runtimeConfig', async () => {
    const mac = '02:11:22:33:44:55'
    for (const [more, env] of [
      [{}, { CNI_ARGS: `IgnoreUnknown=1;MAC=${mac}` }],
      [{ args: { cni: { mac } } }, {}],
      [{ runtimeConfig: { mac }, args: { cni: { mac: '02:00:00:00:00:01' } } }, {}],
    ] as const) {
      await using pod = Netns.create('pod')
      const config = plain(more)
      expect((await node.ask({ pod, config, env })).json.interfaces[1].mac).toBe(mac)
      expect(pod.link('eth0').address).toBe(mac)
      expect((await node.ask({ command: 'DEL', pod, config })).code).toBe(0)
    }
  })

  const masqueraded = needs(
    'root',
    'tun',
    'netns',
    'sysctl',
    'ip',
    'nsenter',
    'ping',
    'cni-plugins',
    'iptables',
    'nft',
    'tcpdump',
  )
  masqueraded.each(['iptables', 'nftables'])(
    'ipMasq by %s: beyond the host its address is seen',
    async (backend) => {
      await using pod = Netns.create('pod')
      await using beyond = Netns.create('beyond')
      const wish = {
        id: 'out',
        a: { name: 'out0', up: true, addresses: ['192.0.2.1/24'] },
        b: { name: 'x', netns: beyond.path, up: true, addresses: ['192.0.2.2/24'] },
      }
      expect((await node.daemon.ask('POST', '/v1/pairs', wish)).status).toBe(201)
      const config = node.network(
        'hidden',
        { ipMasq: true, ipMasqBackend: backend },
        { ranges: [[{ subnet: '10.78.0.0/24' }]], routes: [{ dst: '0.0.0.0/0' }] },
      )
      const { json: prevResult, code } = await node.ask({ pod, config })
      expect(code).toBe(0)
      // There is no route back to the pod's network.
      expect(pod.exec('ping', '-c', '2', '192.0.2.2')).toContain(' 0% packet loss')
      const rules = () => node.daemon.home.exec('nft', 'list', 'ruleset')
      expect(rules()).toMatch(/masquerade/i)
      const check = async () =>
        (await node.ask({ command: 'CHECK', pod, config: { ...config, prevResult } })).json
      expect(await check()).toBeUndefined()
      if (backend === 'iptables') node.daemon.home.exec('iptables', '-t', 'nat', '-F', 'POSTROUTING')
      else node.daemon.home.exec('nft', 'flush', 'ruleset')
      expect(await check()).toMatchObject({ code: 101, msg: expect.stringContaining('ipMasq') })
      expect((await node.ask({ command: 'DEL', pod, config })).code).toBe(0)
      expect(rules()).not.toMatch(/masquerade|10\.78/i)
      await node.daemon.ask('DELETE', '/v1/pairs/id:out')
    },
  )

  test('a chained sbr puts our routes into tables of its own, and CHECK finds them there', async () => {
    await using pod = Netns.create('pod')
    const config = node.network('sourced')
    const { json: ours } = await node.ask({ pod, config })
    const program = [`${CNI_PLUGINS}/sbr`]
    const chained = { cniVersion: '1.0.0', name: 'sourced', type: 'sbr' }
    const added = await node.ask({ pod, config: { ...chained, prevResult: ours }, program })
    expect(added.code).toBe(0)
    expect(pod.ip('route')).not.toContain('default')
    expect(pod.ip('route', 'show', 'table', '100')).toContain('default via 10.77.0.1')
    const checked = { ...config, prevResult: added.json }
    expect(await node.ask({ command: 'CHECK', pod, config: checked })).toMatchObject({ code: 0 })
    expect((await node.ask({ command: 'DEL', pod, config: chained, program })).code).toBe(0)
    expect((await node.ask({ command: 'DEL', pod, config })).code).toBe(0)
  })

  test('a chained portmap takes our result', async () => {
    await using pod = Netns.create('pod')
    const config = node.network('chained')
    const { json: prevResult } = await node.ask({ pod, config })
    const mapped = {
      ...{ cniVersion: '1.0.0', name: 'chained', type: 'portmap', prevResult },
      runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] },
    }
    const { code, json } = await node.ask({ pod, config: mapped, program: [`${CNI_PLUGINS}/portmap`] })
    expect({ code, ips: json.ips }).toEqual({ code: 0, ips: prevResult.ips })
    expect(
      (await node.ask({ command: 'DEL', pod, config: mapped, program: [`${CNI_PLUGINS}/portmap`] })).code,
    ).toBe(0)
    expect((await node.ask({ command: 'DEL', pod, config })).code).toBe(0)
  })
})
