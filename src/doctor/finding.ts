// What `uveth doctor` finds: one line for each thing that it looks at. Judgements of what the kernel
// says about this process stand here, as pure functions of the texts in /proc; probes that open
// something are in machine.ts. Called by machine.ts and cli/doctor.ts.

export interface Finding {
  /** What was looked at, for programs: it does not change between versions. */
  check: string
  /** `warn`: something works worse or not at all, but not the main thing; `fail`: pairs cannot be made. */
  status: 'ok' | 'warn' | 'fail'
  what: string
  /** What to do about it. */
  remedy?: string
}

/** What was found where `holds` is true, and otherwise. */
export function verdict(
  check: string,
  holds: boolean,
  what: string,
  otherwise: Omit<Finding, 'check'>,
): Finding {
  return holds ? { check, status: 'ok', what } : { check, ...otherwise }
}

/** What is newer than this is probed and has a fall-back. */
const KERNEL_FLOOR = '5.10'

interface Need {
  name: string
  bit: bigint
  status: 'warn' | 'fail'
  /** What is not possible without it. */
  without: string
}

/** Bits of CapEff, from linux/capability.h. */
const CAPABILITIES: Need[] = [
  { name: 'NET_ADMIN', bit: 12n, status: 'fail', without: 'interfaces cannot be made' },
  {
    name: 'SYS_ADMIN',
    bit: 21n,
    status: 'warn',
    without: 'other network namespaces cannot be entered: no addresses and no changes for ends in them',
  },
  {
    name: 'NET_BROADCAST',
    bit: 11n,
    status: 'warn',
    without: 'the kernel does not tell of changes in other namespaces: they are looked for 10 times a second',
  },
  { name: 'NET_RAW', bit: 13n, status: 'warn', without: 'no ping and no packet sockets' },
  {
    name: 'SYS_PTRACE',
    bit: 19n,
    status: 'warn',
    without: 'namespaces of processes with other capabilities cannot be named by their process id',
  },
]

/** `status` is the text of /proc/self/status. */
export function judgeCapabilities(status: string): Finding[] {
  const has = capabilitiesOf(status, 'CapEff')
  return CAPABILITIES.map(({ name, status: missing, without }) =>
    verdict(`capability.${name.toLowerCase()}`, has(name), `CAP_${name}`, {
      status: missing,
      what: `no CAP_${name}: ${without}`,
      remedy: remedyFor(status, name),
    }),
  )
}

/** What gives the capability `name` to a process that does not have it. */
export function remedyFor(status: string, name: string): string {
  const { uid, root } = userOf(status)
  const flag = `in a container: --cap-add ${name}`
  if (root) return `root has been denied it; ${flag}`
  // It was given, but only root gets what a container is given.
  if (capabilitiesOf(status, 'CapBnd')(name))
    return `run as root: uid ${uid} has no capabilities but ambient ones`
  return `run as root, not as uid ${uid}; ${flag}`
}

/** `set` is CapEff, what the process has, or CapBnd, what root would have here. */
function capabilitiesOf(status: string, set: 'CapEff' | 'CapBnd'): (name: string) => boolean {
  const mask = BigInt(`0x${fieldOf(status, set) ?? '0'}`)
  const bits = new Map(CAPABILITIES.map(({ name, bit }) => [name, bit]))
  return (name) => ((mask >> (bits.get(name) ?? 0n)) & 1n) === 1n
}

function userOf(status: string): { uid: string; root: boolean } {
  const uid = /^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1] ?? '0'
  return { uid, root: uid === '0' }
}

/** What judgeUses has to know beside the capabilities. */
export interface Surroundings {
  /** /dev/net/tun is there, though perhaps not for this user. */
  device: boolean
  /** A TAP could be made: not without NET_ADMIN. */
  tap: boolean
  /** Every process of the machine is seen: the initial pid namespace. */
  allProcesses: boolean
  /** Not even root has what it takes: that is for whoever has made the container. */
  confined: boolean
}

interface Use {
  check: string
  what: string
  capabilities: string[]
  needs?: ('tap' | 'allProcesses')[]
}

/** Uses of a container, each with all that it takes. */
const USES: Use[] = [
  { check: 'pairs', what: 'making and moving pairs', capabilities: ['NET_ADMIN'], needs: ['tap'] },
  {
    check: 'netns',
    what: 'wiring network namespaces by name or process id',
    capabilities: ['NET_ADMIN', 'SYS_ADMIN'],
    needs: ['tap'],
  },
  {
    check: 'containers',
    what: 'wiring containers of others',
    capabilities: ['NET_ADMIN', 'SYS_ADMIN', 'SYS_PTRACE'],
    needs: ['tap', 'allProcesses'],
  },
  { check: 'raw', what: 'raw sockets and captures by other programs', capabilities: ['NET_RAW'] },
  {
    check: 'events',
    what: "following other namespaces' events at once",
    capabilities: ['NET_BROADCAST'],
  },
]

/** Which uses what is here allows, and with which flags a container would have the others. */
export function judgeUses(status: string, surroundings: Surroundings): Finding[] {
  const has = capabilitiesOf(status, 'CapEff')
  return USES.map(({ check: name, what, capabilities, needs = [] }) => {
    const check = `use.${name}`
    const missing = capabilities.filter((capability) => !has(capability))
    if (missing.length === 0 && needs.every((need) => surroundings[need]))
      return { check, status: 'ok', what: `possible: ${what}` }
    const flags = [
      ...flagsFor(status, missing),
      ...(needs.includes('tap') && !surroundings.device ? ['--device /dev/net/tun'] : []),
      ...(needs.includes('allProcesses') && !surroundings.allProcesses ? ['--pid host'] : []),
    ]
    const remedy = remedyOfUse(status, missing, flags, surroundings.confined)
    return { check, status: name === 'pairs' ? 'fail' : 'warn', what: `not possible: ${what}`, remedy }
  })
}

function remedyOfUse(status: string, missing: string[], flags: string[], confined: boolean): string {
  // Only of the user is something missing: what was left to root, it has by itself.
  if (missing.length > 0 && !confined && !userOf(status).root) return 'run as root; in a container: --user 0'
  return flags.length > 0 ? `a container needs ${flags.join(' ')}` : 'see why no interface can be made, above'
}

/** What gives a container the capabilities that are missing: root has those of the bounding set by itself. */
function flagsFor(status: string, missing: string[]): string[] {
  if (missing.length === 0) return []
  const { root } = userOf(status)
  const given = capabilitiesOf(status, 'CapBnd')
  const added = missing.filter((name) => root || !given(name)).map((name) => `--cap-add ${name}`)
  return root ? added : ['--user 0', ...added]
}

/** `release` as `uname -r` prints it. */
export function judgeKernel(release: string): Finding[] {
  return [
    verdict('kernel', atLeast(release, KERNEL_FLOOR), `Linux ${release}`, {
      status: 'fail',
      what: `Linux ${release} is too old`,
      remedy: `Linux ${KERNEL_FLOOR} or newer is needed`,
    }),
    verdict('kernel.nudge', atLeast(release, '6.8'), 'carrier changes are in force at once', {
      status: 'warn',
      what: 'the kernel acts on carrier changes up to a second late; orders wait for it',
      remedy: 'Linux 6.8 or newer',
    }),
    verdict('kernel.counts', atLeast(release, '6.2'), 'frames sent without carrier are counted', {
      status: 'warn',
      what: 'the kernel counts nowhere what is sent without carrier',
      remedy: 'Linux 6.2 or newer',
    }),
    verdict('kernel.rename', atLeast(release, '6.2'), 'interfaces that are up can be renamed', {
      status: 'warn',
      what: 'interfaces that are up cannot be renamed (EBUSY): set them down first',
      remedy: 'Linux 6.2 or newer',
    }),
  ]
}

/** `status` is the text of /proc/self/status, `sysctl` of kernel.io_uring_disabled where there is one. */
export function judgeSandbox(status: string, uidMap: string, sysctl: string | undefined): Finding[] {
  const filtered = fieldOf(status, 'Seccomp') === '2'
  const seccomp = filtered ? 'a seccomp filter is active (mode 2)' : 'no seccomp filter'
  const [inside = '0', outside = '0', count = '0'] = uidMap.trim().split(/\s+/)
  const initial = inside === '0' && outside === '0' && count === '4294967295'
  const userns = initial
    ? 'the initial user namespace'
    : `a user namespace of its own: uid ${inside} is uid ${outside} outside`
  return [
    { check: 'userns', status: 'ok', what: userns },
    { check: 'seccomp', status: 'ok', what: seccomp },
    { check: 'io_uring', status: 'ok', what: `io_uring, which is not needed, ${ioUring(filtered, sysctl)}` },
  ]
}

function ioUring(filtered: boolean, sysctl: string | undefined): string {
  const disabled = sysctl?.trim() ?? '0'
  if (disabled !== '0') return `is off (kernel.io_uring_disabled = ${disabled})`
  return filtered ? "may be blocked by the seccomp filter (Docker's default one does)" : 'is available'
}

function atLeast(release: string, wanted: string): boolean {
  const [major = 0, minor = 0] = release.split('.').map((part) => Number.parseInt(part, 10))
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split('.').map(Number)
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)
}

function fieldOf(status: string, field: string): string | undefined {
  return new RegExp(`^${field}:\\s*(\\w+)`, 'm').exec(status)?.[1]
}
