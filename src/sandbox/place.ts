// Where this process stands: its capabilities, those that root would have here, and the programs that it finds. Asked
// by the files beside it and by who refuses: nobody is told of a container's flags where there is none. Looks only.

import { accessSync, constants, readFileSync } from 'node:fs'

/** Bits in /proc/self/status, from linux/capability.h. */
const CAPABILITIES = { NET_ADMIN: 12n, SYS_ADMIN: 21n } as const

/** Those of `CapEff`, what the process has, or of `CapBnd`, what root would have here, that are not there. */
export function missingCapabilities(set: 'CapEff' | 'CapBnd'): string[] {
  const status = readFileSync('/proc/self/status', 'utf8')
  const held = BigInt(`0x${new RegExp(`^${set}:\\s*(\\w+)`, 'm').exec(status)?.[1] ?? '0'}`)
  return Object.entries(CAPABILITIES).flatMap(([name, bit]) => (((held >> bit) & 1n) === 1n ? [] : [name]))
}

/** Even root does not have what it takes: a container, or a unit of systemd that gives less. */
export function isConfined(): boolean {
  return missingCapabilities('CapBnd').length > 0
}

/** Is there such a program on the PATH? */
export function hasProgram(name: string): boolean {
  const paths = name.includes('/') ? [name] : (process.env.PATH ?? '').split(':').map((at) => `${at}/${name}`)
  return paths.some(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
