// What a test needs beside Node, asked for by name: `const it = needs('root', 'tun', 'iperf3')`.
// Where all of it is there, `needs` answers vitest's `test`; otherwise `test.skip` with the reason in the
// name of each test, which reporter.ts counts and scripts/test prints. A test never passes by not running.
// Nothing here may change the machine: a probe looks, or works in a namespace that ends with it.

import { spawnSync } from 'node:child_process'
import { accessSync, closeSync, constants, mkdirSync, openSync, readFileSync, rmdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { release } from 'node:os'
import { type TestAPI, test } from 'vitest'
import { hasBird } from './bird.js'
import { hasPromtool } from './promtool.js'
import { SHIMS } from './shim-folders.js'
import { XdpCounter } from './xdp.js'

/** A command that has to be on the PATH. */
type Tool =
  | 'ip'
  | 'ping'
  | 'iperf3'
  | 'tcpdump'
  | 'tshark'
  | 'ethtool'
  | 'groff'
  | 'tc'
  | 'gcc'
  | 'unshare'
  | 'nsenter'
  | 'nft'
  | 'iptables'
  | 'dockerd'
  | 'pasta'
  | 'slirp4netns'
  | 'setpriv'
  | 'setsid'
  | 'bash'
  | 'curl'
  | 'zsh'
  | 'fish'
  | 'script'
  | 'ifconfig'
  | 'python3'
  | 'chromium'
/** Something of the process, the machine or the kernel; see `probes`. */
type Ability = keyof typeof probes
/** At least this kernel: `'kernel 6.8'`. */
type Kernel = `kernel ${number}.${number}`

/** Where scripts/setup has put it. */
export const MININET: string = new URL('../../.cache/mininet', import.meta.url).pathname

/** Debian's CNI plugins, unpacked by the same. */
export const CNI_PLUGINS: string = new URL('../../.cache/cni', import.meta.url).pathname

/** Bits of CapEff in /proc/self/status, from linux/capability.h. */
const CAP = { NET_ADMIN: 12n, NET_RAW: 13n, SYS_ADMIN: 21n }
const CAP_SYS_PTRACE = 19n

const FLOW_TABLE =
  'table ip t { flowtable f { hook ingress priority 0; devices = { lo }; }; chain c { flow add @f; }; }'

// Each answers whether it is there, or, where it can say more than the bare name, why it is not.
const probes = {
  /** uid 0 with the capabilities to make interfaces and namespaces and to open packet sockets. */
  root: () => process.getuid?.() === 0 && Object.values(CAP).every(capable),
  /** uid 0 with the capability to make interfaces, and perhaps no other: a container's root. */
  'net-admin': () => process.getuid?.() === 0 && capable(CAP.NET_ADMIN),
  /** /dev/net/tun can be opened. */
  tun: () => opens('/dev/net/tun'),
  /** A network namespace can be made. */
  netns: () => runs('unshare', '-n', 'true'),
  /** The kernel has its own veth, to compare with. */
  veth: () => runs('unshare', '-n', 'ip', 'link', 'add', 'p0', 'type', 'veth', 'peer', 'name', 'p1'),
  /** The kernel has bridges. */
  bridge: () => runs('unshare', '-n', 'ip', 'link', 'add', 'p0', 'type', 'bridge'),
  /** Its bridges know VLANs, and interfaces can be VLANs of others. */
  vlan: () => addsLinks('add p1 type bridge vlan_filtering 1', 'add link p1 name p0 type vlan id 5'),
  /** Its links can be put together, or apart. */
  bond: () => addsLinks('add p0 type bond'),
  vxlan: () => addsLinks('add p0 type vxlan id 5 dstport 4789'),
  vrf: () => addsLinks('add p0 type vrf table 10'),
  /** nftables can leave a flow to its interfaces. */
  'flow table': () => runs('unshare', '-n', 'nft', FLOW_TABLE),
  /** The shim's client was built: it needs a libc that can be linked into it. */
  client: () => SHIMS.length > 1,
  /** Programs for XDP can be loaded: CAP_BPF, or root of the machine. */
  bpf,
  /** A memory cgroup (v1) can be made. */
  'memory-cgroup': () => makes('/sys/fs/cgroup/memory'),
  /** A systemd that can be pid 1 of namespaces of its own. */
  systemd: () =>
    executable('/lib/systemd/systemd') &&
    runs('unshare', '-pfmuiC', 'mount', '-t', 'tmpfs', 'tmpfs', '/etc/systemd/system'),
  /** The kernel has IPv6. */
  ipv6: () => readable('/proc/net/if_inet6'),
  /** The raw-socket package is built for the Node that runs. */
  'raw-socket': rawSocket,
  /** Another uid can be taken: in a user namespace there may be one only. */
  'other users': () => runs('setpriv', '--reuid', '65534', '--clear-groups', 'true'),
  /** CAP_SYS_PTRACE: to look into processes that have other capabilities. */
  'sys-ptrace': () => capable(CAP_SYS_PTRACE),
  /** /proc/sys can be written: containers have it read-only. */
  sysctl: () => allows('/proc/sys/net/ipv4/ip_forward', constants.W_OK),
  /** A container engine answers, and scripts/docker-test has built the images. */
  'container engine': () => runs('docker', 'info'),
  'images of scripts/docker-test': () =>
    Boolean(process.env.UVETH_IMAGE) && Boolean(process.env.UVETH_PLAIN_IMAGE),
  /** `docker compose`, or the docker-compose of old. */
  compose: () => runs('docker', 'compose', 'version') || runs('docker-compose', 'version'),
  /** Debian's Python with its pyroute2. */
  pyroute2: () => runs('/usr/bin/python3', '-c', 'import pyroute2'),
  /** Prometheus's, which scripts/setup fetches. */
  promtool: hasPromtool,
  /** A routing daemon, which scripts/setup fetches. */
  bird: hasBird,
  /** Debian's Mininet, which scripts/setup unpacks. */
  mininet: () => executable(`${MININET}/bin/mnexec`),
  /** The reference plugins of CNI, which scripts/setup unpacks. */
  'cni-plugins': () => executable(`${CNI_PLUGINS}/host-local`),
  /** npm has the package's own dependencies, or its registry answers. */
  registry: () =>
    runs('npm', 'view', 'pino', 'version', '--prefer-offline', '--fetch-retries=0', '--fetch-timeout=10000'),
}

const answers = new Map<string, true | string>()

/** vitest's `test`, or its `test.skip` with the reason in the name where something of `all` is missing. */
export function needs(...all: (Tool | Ability | Kernel)[]): TestAPI {
  const missing = all.map(answer).filter((reason) => reason !== true)
  return missing.length === 0
    ? test
    : renamed(test.skip as TestAPI, ` [skipped: needs ${missing.join(', ')}]`)
}

function answer(name: Tool | Ability | Kernel): true | string {
  let known = answers.get(name)
  if (known === undefined) {
    const found = probe(name)
    known = found === true ? true : found || name
    answers.set(name, known)
  }
  return known
}

function probe(name: string): boolean | string {
  if (name in probes) return probes[name as Ability]()
  if (name.startsWith('kernel ')) return kernelAtLeast(name.slice('kernel '.length))
  return (process.env.PATH ?? '').split(':').some((folder) => executable(`${folder}/${name}`))
}

// test.each(…) and its like answer functions that take the name too, so every property is wrapped as well.
function renamed(api: TestAPI, suffix: string): TestAPI {
  return new Proxy(api, {
    apply: (target, self, [name, ...rest]) => Reflect.apply(target, self, [`${name}${suffix}`, ...rest]),
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key)
      if (key !== 'each' && key !== 'for') return value
      return (...cases: unknown[]) => renamed(Reflect.apply(value as TestAPI, target, cases) as never, suffix)
    },
  })
}

function capable(bit: bigint): boolean {
  const mask = /^CapEff:\s*(\w+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
  return ((BigInt(`0x${mask}`) >> bit) & 1n) === 1n
}

/** `6.2`, as `uname -r` begins. */
export function kernelAtLeast(wanted: string): boolean {
  const [major = 0, minor = 0] = release()
    .split('.')
    .map((part) => Number.parseInt(part, 10))
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split('.').map(Number)
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)
}

function bpf(): boolean {
  try {
    XdpCounter.load()[Symbol.dispose]()
    return true
  } catch {
    return false
  }
}

function rawSocket(): boolean | string {
  try {
    createRequire(import.meta.url)('raw-socket')
    return true
  } catch (error) {
    return /NODE_MODULE_VERSION/.test(String(error)) ? 'raw-socket built for this Node' : false
  }
}

/** Can such links be made? What stands on another one needs one that has Ethernet frames: not lo. */
function addsLinks(...lines: string[]): boolean {
  return runs('unshare', '-n', 'sh', '-c', lines.map((line) => `ip link ${line}`).join(' && '))
}

function runs(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0
}

function opens(path: string): boolean {
  try {
    closeSync(openSync(path, 'r+'))
    return true
  } catch {
    return false
  }
}

function readable(path: string): boolean {
  return allows(path, constants.R_OK)
}

function executable(path: string): boolean {
  return allows(path, constants.X_OK)
}

function allows(path: string, mode: number): boolean {
  try {
    accessSync(path, mode)
    return true
  } catch {
    return false
  }
}

/** Can a cgroup be made in `folder`, and is it one? */
function makes(folder: string): boolean {
  const path = `${folder}/uvt-probe-${process.pid}`
  try {
    mkdirSync(path)
    accessSync(`${path}/memory.limit_in_bytes`)
    return true
  } catch {
    return false
  } finally {
    try {
      rmdirSync(path)
    } catch {} // it was not made
  }
}
