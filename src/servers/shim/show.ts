// `ip link show type veth` and `ip addr show type veth`: the kernel's own, then each of our ends, which the kernel
// calls TAPs. The real ip prints all of them. Called by line.ts.

import type { ShimAnswer } from '../../contract/ops.js'
import { type IpLine, readShown } from '../../iproute/ip-line.js'
import { PASS, type Place } from './answer.js'

/** One that is named is one of ours, or the real ip's. */
export function showVeths({ registry, caller }: Place, { options, json, words }: IpLine): ShimAnswer {
  const shown = readShown(words)
  if (shown === undefined) return PASS
  const { name, without } = shown
  if (name !== undefined) {
    const ours = registry.at(name, caller.inode)?.end?.ifindex
    return ours ? { run: [[...options, ...without]] } : PASS
  }
  // A tunnel's end is no interface, and has index 0.
  const ends = registry
    .list()
    .flatMap(({ pair }) => [pair.a, pair.b])
    .filter((end) => end.netnsInode === caller.inode && end.ifindex > 0)
    .sort((one, other) => one.ifindex - other.ifindex)
  if (ends.length === 0) return PASS
  const each = ends.map((end) => [...options, ...without, 'dev', end.name])
  return { run: [[...options, ...words], ...each], ...(json && { merge: true }) }
}
