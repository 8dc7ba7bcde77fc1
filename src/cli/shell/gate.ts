// The gate of a shell: the end of its pair that stays outside, and what leads on from there. Either this namespace
// forwards and masquerades (openGate), or it is one of a sandbox that a program like pasta carries on from, and has
// nothing else to do than to hand that way on (carriedGate). Called by shell.ts; the rules stand in sandbox/way-out.ts.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { dirname, resolve } from 'node:path'
import { UvethError } from '../../errors.js'
import type { Pair } from '../../index.js'
import { type Carrier, FORWARD, NAME_SERVER, TAKEN } from '../../sandbox/way-out.js'
import { Kept } from './keeper.js'
import { namesBehind, relayNames } from './names.js'

const MTU = 1500
const RESOLV = '/etc/resolv.conf'
/** Interfaces of gates, and the addresses that go with their numbers: a /30 each of 100.64.0.0/16 (RFC 6598). */
const NAME = 'uvsh'
const SLOTS = 2 ** 14
/** The gate's own where the shell has the address that a program has given; the other one is that of a shell around it. */
const LINK_LOCAL = ['169.254.1.1', '169.254.1.2'] as const

export interface Gate {
  /** Of the interface. */
  readonly name: string
  readonly mtu: number
  readonly address: string
  /** With prefix lengths: of the gate's end and of the shell's. */
  readonly cidrs: { readonly gate: string; readonly shell: string }
  /** What resolv.conf is to say; undefined: what it says already. */
  readonly resolv: string | undefined
  /** The address at which the loopback of what is outside is reached, if it is. */
  readonly host: string | undefined
  /** To be called when the pair is there. */
  open(pair: Pair): Promise<void>
  close(): Promise<void>
}

/** Of process `pid`, or of this one. */
export function defaultRoute(pid: number | 'self' = 'self'): { dev: string; gateway: string } | undefined {
  const [, ...rows] = readFileSync(`/proc/${pid}/net/route`, 'utf8').trim().split('\n')
  const row = rows
    .map((line) => line.split('\t'))
    .find(([, to, , , , , , mask]) => to === mask && mask === '00000000')
  if (row === undefined) return undefined
  const [dev = '', , gateway = ''] = row
  return { dev, gateway: Buffer.from(gateway, 'hex').reverse().join('.') }
}

function ip(...words: string[]): void {
  const { status, stderr, error } = spawnSync('ip', words, { encoding: 'utf8' })
  if (status === 0) return
  const why = error?.message ?? stderr.trim().split('\n')[0]
  throw new UvethError(`'ip ${words.join(' ')}': ${why}`, { code: 'ENETUNREACH' })
}

function mtuOf(dev: string | undefined): number {
  return dev === undefined ? MTU : Math.min(MTU, Number(readFileSync(`/sys/class/net/${dev}/mtu`, 'utf8')))
}

/** Both ends know each other: no frame of the shell's is one of ARP. */
function introduce(address: string, pair: Pair): void {
  ip('neigh', 'replace', address, 'lladdr', pair.a.address, 'dev', pair.b.name, 'nud', 'permanent')
}

/** This namespace forwards. Refuses where it cannot. */
export async function openGate(hostLoopback: boolean): Promise<Gate> {
  const mtu = mtuOf(defaultRoute()?.dev)
  for (let slot = firstSlot(); slot < SLOTS; slot++) {
    const [name, address, shell] = [`${NAME}${slot}`, addressIn(slot, 1), addressIn(slot, 2)]
    const { resolv, server } = namesBehind(address)
    const except = server === undefined ? '' : '53'
    const kept = new Kept(FORWARD, 'uveth-gate', [name, address, shell, hostLoopback ? '1' : '', except])
    if (!(await kept.ready())) {
      if (kept.status === TAKEN) continue
      const why = kept.complaint.trim() || 'nftables or iptables is needed'
      throw new UvethError(`the machine cannot forward: ${why}`, { code: 'EOPNOTSUPP' })
    }
    let endRelay = () => {}
    return {
      ...{ name, mtu, address, resolv, host: hostLoopback ? address : undefined },
      cidrs: { gate: `${address}/30`, shell: `${shell}/30` },
      async open(pair) {
        introduce(shell, pair)
        if (hostLoopback) writeFileSync(`/proc/sys/net/ipv4/conf/${name}/route_localnet`, '1')
        if (server !== undefined) endRelay = await relayNames(address, server)
      },
      async close() {
        endRelay()
        await kept.stop()
      },
    }
  }
  throw new UvethError('all names of gates are taken', { code: 'EDQUOT' })
}

/** Behind those of the shells that this one is in. */
function firstSlot(): number {
  const own = Object.values(networkInterfaces()).flatMap((of) => (of ?? []).map(({ address }) => address))
  const used = own.flatMap((address) => {
    const [first, second, third, fourth] = address.split('.').map(Number)
    return first === 100 && second === 64 ? [Math.floor(((third ?? 0) * 256 + (fourth ?? 0)) / 4)] : []
  })
  return Math.max(-1, ...used) + 1
}

function addressIn(slot: number, host: number): string {
  const number = slot * 4 + host
  return `100.64.${number >> 8}.${number & 255}`
}

/** What the process in a sandbox is told. */
export interface Carried {
  readonly user: readonly [uid: number, gid: number]
  readonly resolv: string | undefined
  readonly hostLoopback: boolean
}

/** What resolv.conf is to say in a sandbox, whose /run is empty; and does `carrier` relay questions for names? */
export function namesCarried(carrier: Carrier): { resolv: string; relayed: boolean } {
  const { resolv, server } = namesBehind(NAME_SERVER[carrier])
  return {
    resolv: resolv ?? (existsSync(RESOLV) ? readFileSync(RESOLV, 'utf8') : ''),
    relayed: server !== undefined,
  }
}

/** The address that the program has given to this namespace becomes the shell's. */
export function carriedGate({ resolv, hostLoopback }: Carried): Gate {
  const { dev = '', gateway = '' } = defaultRoute() ?? {}
  const address = LINK_LOCAL[gateway === LINK_LOCAL[0] ? 1 : 0]
  const shell = (networkInterfaces()[dev] ?? []).find(({ family }) => family === 'IPv4')?.address ?? ''
  const name = `${NAME}0`
  const set = (setting: string) => writeFileSync(`/proc/sys/net/ipv4/${setting}`, '1')
  const mtu = mtuOf(dev)
  ensureResolv()
  return {
    ...{ name, mtu, address, resolv, host: hostLoopback ? gateway : undefined },
    cidrs: { gate: `${address}/32`, shell: `${shell}/32` },
    async open(pair) {
      introduce(shell, pair)
      ip('addr', 'flush', 'dev', dev)
      ip('route', 'replace', 'default', 'via', gateway, 'dev', dev, 'onlink')
      ip('route', 'add', shell, 'dev', name)
      set('ip_forward')
      set(`conf/${dev}/proxy_arp`)
    },
    async close() {},
  }
}

/** Where it leads into /run, which is a sandbox's own and empty, there is to be a file that can be mounted on. */
function ensureResolv(): void {
  if (existsSync(RESOLV)) return
  try {
    const target = resolve('/etc', readlinkSync(RESOLV))
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, '')
  } catch {} // there was none outside either
}
