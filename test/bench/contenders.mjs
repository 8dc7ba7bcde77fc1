// The cables that are compared, one entry each, all of one shape: start() answers a pair that carries traffic
// between the two namespaces of the testbed. measures.mjs uses them and never asks which one it has.
// An entry must not tune anything that a user of it would not: no pinning, no priorities, no sysctls.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { release } from 'node:os'
import { fileURLToPath } from 'node:url'
import { inside, ip, LEFT, linksOf, RIGHT, run, start, until } from './testbed.mjs'
import { has, PROGRAM } from './tools.mjs'

/** @import { Cable, CableEnd, Contender, Program, Values } from './types.d.ts' */

const THROUGH = fileURLToPath(new URL('./through.mjs', import.meta.url))
const TUNNEL = fileURLToPath(new URL('./tunnel.mjs', import.meta.url))
const COMMAND = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** @param {string} line */
export const saysReady = (line) => line === 'ready'

/** Ends are opened at home under these names before they move, so the names carry the run's pid. */
const A = `uvb${process.pid}l`
const B = `uvb${process.pid}r`
const ADDRESS_A = '10.99.0.1'
export const ADDRESS_B = '10.99.0.2'
const PREFIX = 24
/** What tunnels go through: a pair of the kernel's, from the one namespace to the other. */
const OUTER_A = `uvb${process.pid}o`
const OUTER_B = `uvb${process.pid}p`
const HOST_A = '10.98.0.1'
const HOST_B = '10.98.0.2'
const VNI = '42'
const VXLAN_PORT = '4789'
/** Inside of 1,500 bytes outside. */
const INNER_MTU = '1450'
const CHECK_PORT = 5999
/** As through.mjs has it. */
const DELAY_US = 1_000
const SOCAT_TAP = 'TUN,tun-type=tap,iff-no-pi,tun-name='

/** @type {readonly Contender[]} */
export const CONTENDERS = [
  {
    name: 'uveth',
    title: 'uveth run',
    missing: () => (existsSync(COMMAND) ? undefined : 'not built (npm run build)'),
    start: startUveth,
  },
  {
    name: 'kernel',
    title: 'kernel veth',
    missing: () => undefined,
    start: startKernel,
  },
  {
    name: 'relay',
    title: 'C relay, vnet header',
    missing: () => undefined,
    start: () => startTaps(PROGRAM.relay, ['-v', A, B], saysReady),
  },
  {
    name: 'relay-plain',
    title: 'C relay, plain',
    missing: () => undefined,
    start: () => startTaps(PROGRAM.relay, [A, B], saysReady),
  },
  {
    name: 'relay-uring',
    title: 'C relay, io_uring',
    missing: noUring,
    start: () => startTaps(PROGRAM.uring, [A, B], saysReady),
  },
  {
    name: 'socat',
    title: 'socat, two TAPs',
    missing: () => (has('socat') ? undefined : 'socat is not installed'),
    start: () => startTaps('socat', [`${SOCAT_TAP}${A}`, `${SOCAT_TAP}${B}`]),
  },
  through('loss', 'uveth, a loss of 1e-7 %'),
  through('rule', 'uveth, a rule that matches nothing'),
  through('hook', 'uveth, a hook that reads lengths'),
  through('capture', 'uveth, a capture to a file'),
  through('delay', 'uveth, a delay of 1 ms'),
  {
    name: 'relay-delay',
    title: 'C relay, a delay of 1 ms',
    missing: () => undefined,
    start: () => startTaps(PROGRAM.delayed, [String(DELAY_US), A, B], saysReady),
  },
  {
    name: 'kernel-vxlan',
    title: 'kernel vxlan to kernel vxlan, over kernel veth',
    missing: noVxlan,
    start: startKernelTunnels,
  },
  {
    name: 'uveth-vxlan',
    title: 'uveth tunnel to kernel vxlan, over kernel veth',
    missing: () => (existsSync(COMMAND) ? noVxlan() : 'not built (npm run build)'),
    start: startTunnel,
  },
]

/** Only making one tells; it is gone at once. */
function noVxlan() {
  const name = `uvb${process.pid}v`
  const add = ['link', 'add', name, 'type', 'vxlan', 'id', VNI, 'dstport', VXLAN_PORT]
  if (spawnSync('ip', add, { stdio: 'ignore' }).status !== 0) return 'this kernel has no vxlan'
  spawnSync('ip', ['link', 'del', name], { stdio: 'ignore' })
  return undefined
}

/** Multishot reads came with Linux 6.7. */
function noUring() {
  const [major = 0, minor = 0] = release().split('.').map(Number)
  if (major < 6 || (major === 6 && minor < 7)) return 'needs Linux 6.7'
  const off = '/proc/sys/kernel/io_uring_disabled'
  return existsSync(off) && Number(readFileSync(off, 'utf8')) > 0 ? 'io_uring is switched off' : undefined
}

/**
 * A pair that something looks into (through.mjs).
 * @param {string} what
 * @param {string} title
 * @returns {Contender}
 */
function through(what, title) {
  return {
    name: `uveth-${what}`,
    title,
    missing: () => (existsSync(COMMAND) ? undefined : 'not built (npm run build)'),
    start: () => startThrough(what),
  }
}

async function startUveth() {
  const namespaces = ['--netns-a', LEFT, '--netns-b', RIGHT]
  const addresses = ['--addr-a', `${ADDRESS_A}/${PREFIX}`, '--addr-b', `${ADDRESS_B}/${PREFIX}`]
  const args = [COMMAND, 'run', A, B, ...namespaces, ...addresses, '--quiet', '--json']
  const forwarder = await start(process.execPath, args, (line) => line.includes('"event":"ready"'))
  return cable(forwarder)
}

async function startKernel() {
  await ip('-n', LEFT, 'link', 'add', A, 'type', 'veth', 'peer', 'name', B, 'netns', RIGHT)
  await bringUp()
  return cable(undefined)
}

async function startKernelTunnels() {
  await layOuter()
  await addKernelTunnel(LEFT, A, HOST_B)
  await addKernelTunnel(RIGHT, B, HOST_A)
  await bringUp()
  return cable(undefined)
}

/** What the tunnel leaves and comes to is in the left namespace, as its interface is. */
async function startTunnel() {
  await layOuter()
  await addKernelTunnel(RIGHT, B, HOST_A)
  const argv = [process.execPath, TUNNEL, A, INNER_MTU, VNI, HOST_B]
  const forwarder = await start(...inside(LEFT, argv), saysReady)
  await bringUp()
  return cable(forwarder, 'over the kernel')
}

async function layOuter() {
  await ip('-n', LEFT, 'link', 'add', OUTER_A, 'type', 'veth', 'peer', 'name', OUTER_B, 'netns', RIGHT)
  await ready(LEFT, OUTER_A, HOST_A)
  await ready(RIGHT, OUTER_B, HOST_B)
}

/**
 * @param {string} namespace
 * @param {string} name
 * @param {string} remote
 */
async function addKernelTunnel(namespace, name, remote) {
  const words = ['type', 'vxlan', 'id', VNI, 'remote', remote, 'dstport', VXLAN_PORT]
  await ip('-n', namespace, 'link', 'add', name, 'mtu', INNER_MTU, ...words)
}

/** @param {string} what */
async function startThrough(what) {
  const a = [A, LEFT, `${ADDRESS_A}/${PREFIX}`]
  const b = [B, RIGHT, `${ADDRESS_B}/${PREFIX}`]
  return cable(await start(process.execPath, [THROUGH, what, ...a, ...b], saysReady))
}

/**
 * A program that opens two TAPs at home; without `isReady` the TAPs' appearance is the sign.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {(line: string) => boolean} [isReady]
 */
async function startTaps(command, args, isReady) {
  const forwarder = await start(command, args, isReady)
  try {
    if (!isReady) await until(`${command} has made its TAPs`, () => ip('link', 'show', 'dev', B))
    await ip('link', 'set', A, 'netns', LEFT)
    await ip('link', 'set', B, 'netns', RIGHT)
    await bringUp()
  } catch (error) {
    await forwarder.stop()
    throw error
  }
  return cable(forwarder)
}

async function bringUp() {
  await ready(LEFT, A, ADDRESS_A)
  await ready(RIGHT, B, ADDRESS_B)
}

/**
 * @param {string} namespace
 * @param {string} name
 * @param {string} address
 */
async function ready(namespace, name, address) {
  await ip('-n', namespace, 'link', 'set', name, 'addrgenmode', 'none').catch(() => undefined)
  await ip('-n', namespace, 'address', 'add', `${address}/${PREFIX}`, 'dev', name)
  await ip('-n', namespace, 'link', 'set', name, 'up')
}

/**
 * @param {Program | undefined} forwarder
 * @param {'over the kernel'} [beside] links stand beside the forwarder's own, and are left to the benchmark
 * @returns {Promise<Cable>}
 */
async function cable(forwarder, beside) {
  const stop = async () => {
    const values = forwarder ? await stopForwarder(forwarder) : {}
    if (forwarder === undefined || beside) await removeLinks()
    else await noLinksLeft()
    return values
  }
  try {
    const ends = await Promise.all([endOf(LEFT, A), endOf(RIGHT, B)])
    await carryOneByte()
    return { pid: forwarder?.pid, a: ends[0], b: ends[1], stop }
  } catch (error) {
    await stop().catch(() => undefined)
    throw error
  }
}

/**
 * @param {string} namespace
 * @param {string} name
 * @returns {Promise<CableEnd>}
 */
async function endOf(namespace, name) {
  const link = (await linksOf(namespace)).find(({ ifname }) => ifname === name)
  if (!link) throw new Error(`${name} is not in namespace ${namespace}`)
  return { name, mac: link.address }
}

/** Also fills both neighbour tables, so that no measure begins with an ARP exchange. */
async function carryOneByte() {
  const port = String(CHECK_PORT)
  const server = await start(...inside(RIGHT, [PROGRAM.rtt, 'server', ADDRESS_B, port]), saysReady)
  try {
    await run(...inside(LEFT, [PROGRAM.rtt, 'client', ADDRESS_B, port, '1']))
  } finally {
    await server.stop()
  }
}

/**
 * @param {Program} forwarder
 * @returns {Promise<Values>} what it said of itself at the end
 */
async function stopForwarder(forwarder) {
  const outcome = await forwarder.stop()
  const expected = [0, 'SIGTERM', 143] // uveth's; the relay's, which has no handler; socat's
  if (!expected.includes(outcome)) {
    throw new Error(`the forwarder ended with ${outcome} ${forwarder.complaint()}`.trim())
  }
  const said = forwarder.said()
  return said.startsWith('{"records"') ? JSON.parse(said) : {}
}

async function noLinksLeft() {
  await until('the links are gone', nothingLeft, 2_000).catch(async (error) => {
    await removeLinks()
    throw error
  })
}

async function removeLinks() {
  for (const link of await linksOf(LEFT)) await ip('-n', LEFT, 'link', 'del', link.ifname)
  for (const link of await linksOf(RIGHT)) await ip('-n', RIGHT, 'link', 'del', link.ifname)
}

async function nothingLeft() {
  const links = await Promise.all([linksOf(LEFT), linksOf(RIGHT)])
  return links.flat().length === 0
}
