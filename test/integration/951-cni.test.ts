// `uveth-cni`: a container's attachment from ADD to DEL. Debian's `ptp` is the judge of what a pod and its host are to
// look like.

import { afterAll, beforeAll, describe, expect } from 'vitest'
import { type Answered, CniNode, PLUGIN } from '../support/cni.js'
import { Netns } from '../support/netns.js'
import { CNI_PLUGINS, needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'sysctl', 'ip', 'nsenter', 'ping', 'cni-plugins')
const withVeth = needs('root', 'tun', 'netns', 'sysctl', 'ip', 'nsenter', 'veth', 'ping', 'cni-plugins')

let node: CniNode
beforeAll(async () => {
  node = await CniNode.start()
})
afterAll(async () => {
  await node?.[Symbol.asyncDispose]()
})

/** What a namespace looks like, without what differs from one interface to the next. */
function view(netns: Netns, ifname: string): object {
  const link = netns.link(ifname)
  const addresses = JSON.parse(netns.ip('-j', 'addr', 'show', 'dev', ifname))[0].addr_info as Record<
    string,
    unknown
  >[]
  const routes = [4, 6].flatMap((family) => JSON.parse(netns.ip('-j', '-d', `-${family}`, 'route', 'show')))
  return {
    ...{ mtu: link.mtu, up: link.flags.includes('UP') },
    addresses: addresses
      .filter(({ scope }) => scope === 'global')
      .map(({ local, prefixlen, broadcast }) => [local, prefixlen, broadcast]),
    routes: routes
      .filter(
        ({ dst, flags }: { dst: string; flags: string[] }) => dst !== 'fe80::/64' && !flags.includes('dead'),
      )
      .map(({ dev, ...route }: { dev: string }) => JSON.stringify({ ...route, own: dev === ifname }))
      .sort(),
  }
}

describe('as ptp does it', () => {
  withVeth('the same addresses and routes in the pod and on its host', async () => {
    await using pod = Netns.create('pod')
    await using ptpHome = Netns.create('ptp-home')
    await using ptpPod = Netns.create('ptp-pod')
    const ours = await node.ask({ pod, config: node.network('alike') })
    const config = node.network('alike-ptp', { type: 'ptp' })
    const theirs = await node.ask({ pod: ptpPod, config, program: [`${CNI_PLUGINS}/ptp`], home: ptpHome })
    expect(ours).toMatchObject({ code: 0, stderr: '' })
    const plain = (text: string) =>
      JSON.parse(text.replaceAll(/"veth\w+"/g, '"host"').replaceAll(/"([\da-f]{2}:){5}..+?"/g, '"mac"'))
    const sandboxed = JSON.stringify(theirs.json).replace(ptpPod.path, pod.path)
    expect(plain(JSON.stringify(ours.json))).toEqual(plain(sandboxed))
    expect(view(pod, 'eth0')).toEqual(view(ptpPod, 'eth0'))
    const hostOf = ({ json }: Answered) => json.interfaces[0].name
    expect(view(node.daemon.home, hostOf(ours))).toEqual(view(ptpHome, hostOf(theirs)))
    for (const gateway of ['10.77.0.1', 'fd77::1'])
      expect(pod.exec('ping', '-c', '1', gateway)).toContain(' 0% packet loss')
    expect((await node.ask({ command: 'DEL', pod, config: node.network('alike') })).code).toBe(0)
    expect(pod.names()).toEqual(['lo'])
    expect(node.leasesOf('alike')).toEqual([])
  })

  test('results as each version of the specification has them', async () => {
    for (const [cniVersion, version, mtu] of [
      ['0.3.1', '4', undefined],
      ['0.4.0', '4', undefined],
      ['1.0.0', undefined, undefined],
      ['1.1.0', undefined, 1400],
    ] as const) {
      await using pod = Netns.create('pod')
      const none = cniVersion === '1.1.0' && { ipam: undefined } // Debian's IPAM does not know it
      const config = node.network('versions', { cniVersion, ...none })
      const { json } = await node.ask({ pod, config })
      expect(json).toMatchObject({ cniVersion, dns: {} })
      expect(json.interfaces[1]).toMatchObject({ name: 'eth0', sandbox: pod.path })
      expect(json.interfaces[1].mtu).toBe(mtu)
      expect(json.ips[0]?.version).toBe(version)
      expect((await node.ask({ command: 'DEL', pod, config })).code).toBe(0)
    }
  })

  test('VERSION, and what a person sees who runs it', async () => {
    const { json } = await node.ask({ command: 'VERSION', config: '' })
    expect(json.supportedVersions).toEqual(['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'])
    const { code, stderr } = await node.ask({
      config: '',
      program: ['env', '-u', 'CNI_COMMAND', process.execPath, PLUGIN],
    })
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringContaining('CNI protocol versions supported: 0.3.0'),
    })
  })
})

describe('the life of an attachment', () => {
  test('CHECK finds what was changed', async () => {
    await using pod = Netns.create('pod')
    const config = node.network('checked')
    const { json: prevResult } = await node.ask({ pod, config })
    const check = () => node.ask({ command: 'CHECK', pod, config: { ...config, prevResult } })
    expect(await check()).toMatchObject({ code: 0, json: undefined })
    pod.ip('route', 'del', 'default')
    expect((await check()).json).toMatchObject({
      code: 101,
      msg: expect.stringContaining('route to 0.0.0.0/0'),
    })
    pod.ip('addr', 'flush', 'dev', 'eth0')
    expect((await check()).json).toMatchObject({
      code: 101,
      msg: expect.stringContaining('address 10.77.0.2'),
    })
    pod.ip('link', 'set', 'eth0', 'address', '02:00:00:00:00:99')
    expect((await check()).json).toMatchObject({ code: 101, msg: expect.stringContaining('eth0 is not') })
    expect((await node.ask({ command: 'DEL', pod, config })).code).toBe(0)
    expect((await check()).json).toMatchObject({ code: 999 }) // host-local has forgotten it
  })

  test('CHECK finds what keeps a container from being reached, on either side', async () => {
    await using pod = Netns.create('pod')
    const config = node.network('unreached')
    const { json: prevResult } = await node.ask({ pod, config })
    const host = prevResult.interfaces[0].name
    const check = async (more: object = {}) =>
      (
        await node.ask({
          command: 'CHECK',
          pod,
          config: { ...config, prevResult: { ...prevResult, ...more } },
        })
      ).json
    const finds = async (what: string, more: object = {}) =>
      expect(await check(more)).toMatchObject({ code: 101, msg: `it is not as ADD has made it: ${what}` })
    const [first, ...others] = prevResult.routes
    for (const odd of [{ table: 77 }, { priority: 9 }, { mtu: 1300 }])
      await finds('eth0 has not the route to 0.0.0.0/0', { routes: [...others, { ...first, ...odd }] })
    const { home } = node.daemon
    const [{ address }] = prevResult.ips
    home.ip('route', 'del', address.replace('/24', ''))
    await finds(`${host} has not the route to ${address.replace('/24', '')}`)
    home.ip('route', 'add', address.replace('/24', ''), 'dev', host, 'scope', 'host')
    home.ip('addr', 'del', 'fd77::1/128', 'dev', host)
    await finds(`${host} has not the address fd77::1`)
    home.ip('addr', 'add', 'fd77::1/128', 'dev', host)
    const [pair] = await node.pairs()
    const carrier = (on: string) => node.daemon.ask('PATCH', `/v1/pairs/id:${pair?.id}`, { carrier: on })
    expect((await carrier('off')).status).toBe(200)
    await finds('eth0 has no carrier')
    await carrier('auto')
    expect(await check()).toBeUndefined()
    home.ip('link', 'set', host, 'down')
    await finds(`eth0 has no carrier`)
    pod.ip('link', 'set', 'eth0', 'down')
    await finds('eth0 is down')
    expect((await node.ask({ command: 'DEL', pod, config })).code).toBe(0)
  })

  const sealed = needs('root', 'tun', 'netns', 'sysctl', 'ip', 'nsenter', 'unshare', 'cni-plugins')
  sealed('settings that are right already may be read-only', async () => {
    await using pod = Netns.create('pod')
    const config = node.network('sealed')
    const readOnly = 'mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && exec "$@"'
    const program = ['unshare', '-m', 'sh', '-c', readOnly, 'sh', process.execPath, PLUGIN]
    const set = (value: string) => {
      for (const name of ['ipv4/ip_forward', 'ipv6/conf/all/forwarding'])
        node.daemon.home.exec('sh', '-c', `echo ${value} >/proc/sys/net/${name}`)
    }
    set('0')
    const refused = await node.ask({ pod, config, program })
    expect(refused.json).toMatchObject({
      code: 100,
      msg: expect.stringMatching(/^\/proc\/sys\/.* cannot be written/),
    })
    expect(node.leasesOf('sealed')).toEqual([])
    set('1')
    expect((await node.ask({ pod, config, program })).code).toBe(0)
    expect((await node.ask({ command: 'DEL', pod, config })).code).toBe(0)
  })

  test('DEL again, without a namespace, and without a daemon', async () => {
    const pod = Netns.create('pod')
    const config = node.network('gone', { ipMasq: true })
    expect((await node.ask({ pod, config })).code).toBe(0)
    pod.delete()
    for (const socket of [node.daemon.socket, node.daemon.socket, '/run/none.sock'])
      expect(await node.ask({ command: 'DEL', config: { ...config, socket } })).toMatchObject({
        code: 0,
        json: undefined,
      })
    expect(node.leasesOf('gone')).toEqual([])
    expect(await node.pairs()).toEqual([])
  })

  test('a pod that went while no daemon was there is not wanted any more; another one is', async () => {
    await using own = await CniNode.start('--state', 'FOLDER/pairs.json')
    await using kept = Netns.create('kept')
    const gone = Netns.create('gone')
    const config = own.network('later', { cniVersion: '1.1.0', ipam: undefined })
    for (const pod of [kept, gone])
      expect((await own.ask({ pod, container: pod === kept ? 'kept' : 'gone', config })).code).toBe(0)
    await own.daemon.kill()
    expect((await own.ask({ command: 'DEL', pod: gone, container: 'gone', config })).code).toBe(0)
    gone.delete()
    await own.daemon.restart()
    expect(kept.names()).toEqual(['lo', 'eth0'])
    expect((await own.daemon.ask('GET', '/v1/health')).json).toMatchObject({
      status: 'ok',
      pairs: 1,
      state: { pending: [] },
    })
  })

  test('GC keeps what is valid, and STATUS says whether there is a daemon', async () => {
    await using kept = Netns.create('kept')
    await using lost = Netns.create('lost')
    const config = node.network('swept', { cniVersion: '1.1.0', ipam: undefined })
    const other = node.network('other', { ipam: undefined })
    expect((await node.ask({ pod: kept, container: 'kept', config })).code).toBe(0)
    expect((await node.ask({ pod: lost, container: 'lost', config })).code).toBe(0)
    expect((await node.ask({ pod: lost, config: other, env: { CNI_IFNAME: 'eth1' } })).code).toBe(0)
    // A runtime that does not say what is valid, as cnitool, has deleted what it knows.
    expect((await node.ask({ command: 'GC', config })).code).toBe(0)
    expect(await node.pairs()).toHaveLength(3)
    const valid = { 'cni.dev/valid-attachments': [{ containerID: 'kept', ifname: 'eth0' }] }
    expect((await node.ask({ command: 'GC', config: { ...config, ...valid } })).code).toBe(0)
    expect(kept.names()).toEqual(['lo', 'eth0'])
    expect(lost.names()).toEqual(['lo', 'eth1'])
    expect((await node.ask({ command: 'STATUS', config })).code).toBe(0)
    const none = await node.ask({ command: 'STATUS', config: { ...config, socket: '/run/none.sock' } })
    expect(none.json).toMatchObject({ code: 50 })
    const nobody = { ...config, 'cni.dev/valid-attachments': null }
    expect((await node.ask({ command: 'GC', config: nobody })).code).toBe(0)
    expect((await node.ask({ command: 'DEL', config: other, env: { CNI_IFNAME: 'eth1' } })).code).toBe(0)
    expect(await node.pairs()).toEqual([])
  })

  test('ten at once', async () => {
    const config = node.network('crowd')
    const pods = Array.from({ length: 10 }, () => Netns.create('pod'))
    try {
      const all = (command: string) =>
        Promise.all(pods.map((pod, at) => node.ask({ command, pod, container: `c${at}`, config })))
      const made = await all('ADD')
      expect(made.map(({ code }) => code)).toEqual(Array(10).fill(0))
      expect(new Set(made.map(({ json }) => json.ips[0].address)).size).toBe(10)
      const [first, last] = [pods[0] as Netns, made[9]?.json.ips[0].address.replace('/24', '')]
      expect(first.exec('ping', '-c', '1', last)).toContain(' 0% packet loss')
      expect((await all('DEL')).map(({ code }) => code)).toEqual(Array(10).fill(0))
      expect(node.leasesOf('crowd')).toEqual([])
    } finally {
      for (const pod of pods) pod[Symbol.dispose]()
    }
  })
})
