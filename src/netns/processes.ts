// Which processes this one sees. Called by machine.ts, and by netns/container.ts, to which process ids are told
// as the machine counts them. Loads nothing.

import { readlinkSync } from 'node:fs'

/** /proc/self/ns/pid where all processes of the machine are seen: PROC_PID_INIT_INO of the kernel. */
const INITIAL_PIDS = 'pid:[4026531836]'

export function seesAllProcesses(): boolean {
  try {
    return readlinkSync('/proc/self/ns/pid') === INITIAL_PIDS
  } catch {
    return false // a /proc that hides it
  }
}
