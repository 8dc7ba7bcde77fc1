// The kernel's side of networks: bridges, their ports, a container's way out. Called by driver.ts and resume.ts; filter.ts
// runs its programs here.
// Done by `ip` and `iptables`, in processes of their own: what takes RTNL is not for the daemon's main thread, and an
// engine whose bridges are the kernel's has both.

import { spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { UvethError } from '../errors.js'
import { isNamespace } from '../netns/names.js'
import type { Endpoint, Network, Subnet } from './records.js'
import { gatewayOf } from './request.js'
import { bridgeLines, publishes } from './rules.js'

export async function hasBridge({ bridge, p2p }: Network): Promise<boolean> {
  return p2p || (await works('ip', 'link', 'show', 'dev', bridge))
}

export async function makeBridge(network: Network): Promise<void> {
  if (network.p2p) return
  try {
    const [add = '', ...lines] = bridgeLines(network)
    await run(['ip', ...add.split(' ')])
    allow(network)
    if (publishes(network)) allowLoopback(network) // made again, its containers live
    await run(['ip', '-batch', '-'], `${lines.join('\n')}\n`)
  } catch (error) {
    await removeBridge(network).catch(() => {}) // what failed first is told
    throw error
  }
}

/** Somebody else may have taken it away. */
export async function removeBridge({ bridge, p2p }: Network): Promise<void> {
  if (p2p) return
  let ended = false
  const removed = run(['ip', 'link', 'del', 'dev', bridge])
    .catch((error: Error) => {
      if (!error.message.includes('Cannot find device')) throw error
    })
    .finally(() => {
      ended = true
    })
  removed.catch(() => {}) // told below
  // Nobody sees it any more long before the kernel has taken back its memory, which `ip` waits for.
  while (!ended && existsSync(`/proc/sys/net/ipv4/conf/${bridge}`)) await setTimeout(2)
  if (ended) await removed
}

/**
 * Plugs an end into its network's bridge. One whose container has published ports may be sent what it has sent: where
 * the packet filter sees what crosses bridges (br_netfilter), a container that asks for its own port gets it so.
 */
export async function plug(link: string, { bridge }: Network, { ports }: Endpoint): Promise<void> {
  const lines = [`link set dev ${link} master ${bridge}`]
  if (ports !== undefined) lines.push(`link set dev ${link} type bridge_slave hairpin on`)
  await run(['ip', '-batch', '-'], `${lines.join('\n')}\n`)
}

/** Interfaces that are made again in the container have IPv6, which the engine gives to each that it moves there. */
export async function allowSix(sandbox: string): Promise<void> {
  const path = '/proc/sys/net/ipv6/conf/default/disable_ipv6'
  if (isNamespace(sandbox)) await works('nsenter', `--net=${sandbox}`, 'sh', '-c', `echo 0 >${path}`)
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
  const six = subnets.some(({ pool }) => pool.includes(':'))
  if (six) set(`/proc/sys/net/ipv6/conf/${bridge}/disable_ipv6`, '0')
  if (internal) return
  set('/proc/sys/net/ipv4/ip_forward', '1')
  if (six) set('/proc/sys/net/ipv6/conf/all/forwarding', '1')
}

/** Answers of a container come back to 127.0.0.1, too, where somebody there asks it by a published port; false: they do not. */
export function allowLoopback({ bridge }: Network): boolean {
  return set(`/proc/sys/net/ipv4/conf/${bridge}/route_localnet`, '1')
}

/** Read-only settings may be what they should be: the engine sees to some of them as well. */
function set(path: string, value: string): boolean {
  try {
    writeFileSync(path, value)
    return true
  } catch {
    return false
  }
}

async function works(...words: string[]): Promise<boolean> {
  return await run(words).then(
    () => true,
    () => false,
  )
}

/** What a program prints; what it complains of is the error. */
export async function run(words: readonly string[], input?: string): Promise<string> {
  const [file = '', ...args] = words
  const child = spawn(file, args, { stdio: 'pipe' })
  child.stdin.on('error', () => {}) // it has ended before it read
  child.stdin.end(input)
  let [said, complaint] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text
  })
  await new Promise<void>((done, failed) => {
    child.once('error', () => failed(refusal('ENOENT', `'${file}' is not installed, and networks need it`)))
    child.once('close', (code) =>
      code === 0 ? done() : failed(refusal('EIO', `${file}: ${complaint.trim() || `it ended with ${code}`}`)),
    )
  })
  return said
}

function refusal(code: string, why: string): UvethError {
  return new UvethError(`${code}: ${why.replaceAll('\n', ': ')}`, { code, syscall: 'spawn' })
}
