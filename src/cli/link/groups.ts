// Names of groups of interfaces, as iproute2's own file has them. Used by show.ts and json.ts, and by format.ts through them.

import { fs } from '../../builtins.js'

/** Older releases of iproute2 have the first, later ones the second. */
const FILES = ['/etc/iproute2/group', '/usr/share/iproute2/group']
const LINE = /^\s*(0x[\da-f]+|\d+)\s+([^\s#]+)/gim

/** A number where that has no name for it, as iproute2 does. */
export function groupName(group: number): string {
  return named().find(([number]) => number === group)?.[1] ?? String(group)
}

/** By name or number; undefined: there is none of that name. */
export function groupNumber(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text)
  return named().find(([, name]) => name === text)?.[0]
}

let known: [number, string][] | undefined

function named(): [number, string][] {
  known ??= [[0, 'default'], ...FILES.flatMap(read)]
  return known
}

function read(file: string): [number, string][] {
  try {
    return [...fs.readFileSync(file, 'utf8').matchAll(LINE)].map(([, number, name = '']) => [
      Number(number),
      name,
    ])
  } catch {
    return [] // there is none
  }
}
