// Processes of the machine, as /proc has them: by a word of their command line, and by who has started them.

import { readdirSync, readFileSync } from 'node:fs'

/** Processes with this word in their command line. */
export function processesWith(word: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => commandLine(pid).includes(word))
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return '' // it has ended
  }
}

/** Fields of proc(5), counted from behind the name, which may hold anything. */
export function childrenOf(parent: number | string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] === String(parent)
    } catch {
      return false // no process, or one that has ended
    }
  })
}
