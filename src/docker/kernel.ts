// The kernel's side of networks: bridges, their ports, the packet filter, a container's way out. Called by driver.ts.
// Done by `ip` and `iptables`, in processes of their own: what takes RTNL is not for the daemon's main thread, and an
// engine whose bridges are the kernel's has both.

import { spawn } from 'node:child_process'
import { statfsSync, writeFileSync } from 'node:fs'
import { UvethError } from '../errors.js'
import type { Network, Subnet } from './records.js'
import { gatewayOf } from './request.js'
import { bridgeLines, CHAIN, type Family, HOOKS, isOf, noRules, rulesFor, TABLES } from './rules.js'

/** Type of the file system that namespaces are files of. */
const NSFS_MAGIC = 0x6e736673

/** Makes its bridge, unless that is there. */
export async function makeBridge(network: Network): Promise<void> {
  if (network.p2p || (await works('ip', 'link', 'show', 'dev', network.bridge))) return
  try {
    allow(network)
    await run(['ip', '-batch', '-'], `${bridgeLines(network).join('\n')}\n`)
  } catch (error) {
    await removeBridge(network)
    throw error
  }
}

export async function removeBridge({ bridge, p2p }: Network): Promise<void> {
  if (!p2p) await works('ip', 'link', 'del', 'dev', bridge) // somebody may have taken it away
}

/** Plugs an end into its network's bridge. */
export async function plug(link: string, { bridge }: Network): Promise<void> {
  await run(['ip', 'link', 'set', 'dev', link, 'master', bridge])
}

/** The packet filter says what these networks may. */
export async function applyRules(networks: readonly Network[]): Promise<void> {
  const bridged = networks.filter(({ p2p }) => !p2p)
  const six = bridged.some(({ subnets }) => subnets.some(({ pool }) => isOf('ip6tables', pool)))
  await applyFamily('iptables', bridged)
  await applyFamily('ip6tables', six ? bridged : [])
}

async function applyFamily(family: Family, networks: readonly Network[]): Promise<void> {
  const hooks = TABLES.map(async (table) => ({
    table,
    hooked: await works(family, '-w', '-t', table, '-C', HOOKS[table], '-j', CHAIN),
  }))
  const found = await Promise.all(hooks)
  const tablesOf = (wanted: boolean) =>
    found.filter(({ hooked }) => hooked === wanted).map(({ table }) => table)
  const text = networks.length > 0 ? rulesFor(family, networks, tablesOf(false)) : noRules(tablesOf(true))
  if (text.trim() !== '') await run([`${family}-restore`, '--noflush', '-w'], text)
}

/** The namespace of a container that has ended is no file of one any more. */
export function isThere(sandbox: string): boolean {
  try {
    return statfsSync(sandbox).type === NSFS_MAGIC
  } catch {
    return false
  }
}

/** Interfaces that are made again in the container have IPv6, which the engine gives to each that it moves there. */
export async function allowSix(sandbox: string): Promise<void> {
  const path = '/proc/sys/net/ipv6/conf/default/disable_ipv6'
  if (isThere(sandbox)) await works('nsenter', `--net=${sandbox}`, 'sh', '-c', `echo 0 >${path}`)
}

/** What the engine has set when the container joined, and went with its interface. */
export async function addRoutes(sandbox: string, link: string, subnets: readonly Subnet[]): Promise<void> {
  for (const gateway of subnets.map(gatewayOf).filter((found) => found !== '')) {
    const words = ['ip', gateway.includes(':') ? '-6' : '-4', 'route', 'replace', 'default', 'via', gateway]
    await run(['nsenter', `--net=${sandbox}`, ...words, 'dev', link])
  }
}

/** Packets are forwarded, and a bridge with IPv6 addresses has IPv6. */
function allow({ bridge, internal, subnets }: Network): void {
  void bridge
  if (internal) return
  set('/proc/sys/net/ipv4/ip_forward')
  if (subnets.some(({ pool }) => pool.includes(':'))) set('/proc/sys/net/ipv6/conf/all/forwarding')
}

function set(path: string): void {
  try {
    writeFileSync(path, '1')
  } catch {} // read-only, and perhaps what it should be: the engine sees to it as well
}

async function works(...words: string[]): Promise<boolean> {
  return await run(words).then(
    () => true,
    () => false,
  )
}

/** Runs a program; what it complains of is the error. */
async function run(words: readonly string[], input?: string): Promise<void> {
  const [file = '', ...args] = words
  const child = spawn(file, args, { stdio: ['pipe', 'ignore', 'pipe'] })
  child.stdin.on('error', () => {}) // it has ended before it read
  child.stdin.end(input)
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text
  })
  await new Promise<void>((done, failed) => {
    child.once('error', () => failed(refusal('ENOENT', `'${file}' is not installed, and networks need it`)))
    child.once('close', (code) =>
      code === 0 ? done() : failed(refusal('EIO', `${file}: ${complaint.trim() || `it ended with ${code}`}`)),
    )
  })
}

function refusal(code: string, why: string): UvethError {
  return new UvethError(`${code}: ${why.replaceAll('\n', ': ')}`, { code, syscall: 'spawn' })
}
