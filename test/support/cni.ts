// A machine on which a container runtime runs CNI plugins: a command in the environment, a configuration on standard
// input, in the namespace that a daemon stands in. Addresses are `host-local`'s, whose leases lie in the daemon's folder.

import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { inside, ROOT, TestDaemon } from './daemon.js'
import type { Netns } from './netns.js'
import { CNI_PLUGINS } from './skip.js'

export const PLUGIN: string = `${ROOT}dist/cni/main.js`

const RANGES = [[{ subnet: '10.77.0.0/24' }], [{ subnet: 'fd77::/64' }]]
const ROUTES = [{ dst: '0.0.0.0/0' }, { dst: '::/0' }, { dst: '192.0.2.0/24', gw: '10.77.0.1' }]

export interface Asked {
  command?: string
  pod?: Netns | undefined
  container?: string
  config: object | string
  env?: Record<string, string>
  /** Another plugin than ours. */
  program?: string[]
  home?: Netns
}

export interface Answered {
  code: number | null
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came back
  json: any
  stderr: string
}

export class CniNode implements AsyncDisposable {
  readonly daemon: TestDaemon

  private constructor(daemon: TestDaemon) {
    this.daemon = daemon
  }

  /** `words` are the daemon's. */
  static async start(...words: string[]): Promise<CniNode> {
    const daemon = await TestDaemon.start(...words)
    daemon.home.ip('link', 'set', 'lo', 'up')
    return new CniNode(daemon)
  }

  /** Runs a plugin: ADD of the container `c1` unless it says otherwise. */
  async ask({
    command = 'ADD',
    pod,
    container = 'c1',
    config,
    env,
    program,
    home,
  }: Asked): Promise<Answered> {
    const netns: Record<string, string> = pod === undefined ? {} : { CNI_NETNS: pod.path }
    const asked = {
      CNI_COMMAND: command,
      CNI_CONTAINERID: container,
      CNI_IFNAME: 'eth0',
      CNI_PATH: CNI_PLUGINS,
    }
    const plugin = program ?? [process.execPath, PLUGIN]
    const [file = '', ...words] = [...inside(home ?? this.daemon.home), ...plugin]
    const child = spawn(file, words, { env: { PATH: process.env.PATH, ...asked, ...netns, ...env } })
    const said = { stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', (text) => (said.stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text) => (said.stderr += text))
    child.stdin.on('error', () => {}).end(typeof config === 'string' ? config : JSON.stringify(config))
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
    return { code, json: said.stdout === '' ? undefined : JSON.parse(said.stdout), stderr: said.stderr }
  }

  /** The configuration of a network. */
  network(name: string, more: object = {}, ipam: object = {}): Record<string, unknown> {
    const { folder, socket } = this.daemon
    const leases = { type: 'host-local', dataDir: folder.path, ranges: RANGES, routes: ROUTES }
    const own = { type: 'uveth-cni', socket, mtu: 1400, ipam: { ...leases, ...ipam } }
    return { cniVersion: '1.0.0', name, ...own, ...more }
  }

  /** Addresses that are taken in a network. */
  leasesOf(name: string): string[] {
    const folder = this.daemon.folder.file(name)
    return existsSync(folder)
      ? readdirSync(folder).filter((file) => /^[\da-f]+[.:][\da-f.:]+$/.test(file))
      : []
  }

  async pairs(): Promise<{ id: string }[]> {
    return (await this.daemon.ask('GET', '/v1/pairs')).json
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon[Symbol.asyncDispose]()
  }
}
