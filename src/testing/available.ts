// Can this process make namespaces and pairs? Asked by tests, to skip with a reason, and by testbed.ts before
// it begins. Looks only; changes nothing.

import { accessSync, closeSync, constants, openSync, readFileSync } from 'node:fs'

/** Bits of CapEff in /proc/self/status, from linux/capability.h. */
const CAPABILITIES = { NET_ADMIN: 12n, SYS_ADMIN: 21n }
const TUN = '/dev/net/tun'
const PROGRAMS = ['ip', 'sh']

/** What is missing, and what to do about it, in one sentence; undefined when `withPair` can work here. */
export function available(): string | undefined {
  if (process.platform !== 'linux') return `uveth needs Linux; this is ${process.platform}`
  return missingCapability() ?? missingTun() ?? missingProgram()
}

function missingCapability(): string | undefined {
  const held = BigInt(`0x${/^CapEff:\s*(\w+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'}`)
  const missing = Object.entries(CAPABILITIES).flatMap(([name, bit]) =>
    ((held >> bit) & 1n) === 1n ? [] : [name],
  )
  if (missing.length === 0) return undefined
  const asked = missing.map((name) => `--cap-add ${name}`).join(' ')
  return `network namespaces and pairs need CAP_${missing.join(' and CAP_')}: run the tests as root (sudo), in a container with ${asked}`
}

function missingTun(): string | undefined {
  try {
    closeSync(openSync(TUN, 'r+'))
    return undefined
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? error
    return `${TUN} cannot be opened (${why}): 'modprobe tun' on the host, in a container --device ${TUN}`
  }
}

/** The first of these programs that is not on the PATH. */
export function missingOf(programs: readonly string[]): string | undefined {
  const folders = (process.env.PATH ?? '').split(':')
  return programs.find((name) => !folders.some((folder) => executable(`${folder}/${name}`)))
}

function missingProgram(): string | undefined {
  const missing = missingOf(PROGRAMS)
  return (
    missing && `there is no '${missing}' on the PATH: install iproute2 (Debian: apt-get install iproute2)`
  )
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
