// `ip link add|replace|del|set … type veth` as the daemon carries it out, with the kernel's order of things and what
// `ip` says where the kernel refuses. Called by line.ts.

import type { ShimAnswer } from '../../contract/ops.js'
import { libcSentence, UvethError } from '../../errors.js'
import { parseDel } from '../../iproute/grammar.js'
import { type IpLine, parseVeth, readTurned, type VethOrder } from '../../iproute/ip-line.js'
import { wrong } from '../../iproute/words.js'
import { inodeOfNetns, isHidden, nameOrPid } from '../../netns/names.js'
import { asSeen } from '../../orders/caller.js'
import { done, PASS, type Place } from './answer.js'

/** Devices that the line names behind `link` have to be there; the kernel looks at nothing else of them. */
export function checkLink(place: Place, line: IpLine): ShimAnswer | undefined {
  const { links } = orderOf(place, line)
  const run = links.map((name) => [...line.options, 'link', 'set', 'dev', name])
  return run.length === 0 ? undefined : { run, next: 'add' }
}

/** Whole or not at all. */
export async function addVeth(place: Place, line: IpLine): Promise<ShimAnswer> {
  const order = orderOf(place, line)
  const pair = await place.addPair(order.wish)
  const ends = ['a', 'b'] as const
  const run = ends.flatMap((end) => {
    const words = order.later[end]
    const to = ['link', 'set', 'dev', pair[end].name, ...words]
    return words.length === 0 ? [] : [[...placeOf(order.wish[end]?.netns, line), ...to]]
  })
  return run.length === 0 ? done(0, without(order)) : { run, next: `undo:${pair.id}` }
}

/** The rest of `link add` has ended with `code`. */
export async function finishVeth(place: Place, line: IpLine, id: string, code: number): Promise<ShimAnswer> {
  if (code !== 0) await place.deletePair(`id:${id}`)
  return done(code, code === 0 ? without(orderOf(place, line)) : '')
}

function without({ without }: VethOrder): string {
  return without === undefined ? '' : `Warning: ${without}.\n`
}

function orderOf({ caller }: Place, { words }: IpLine): VethOrder {
  return parseVeth(words.slice(2), (text) => netnsOf(text, caller.root))
}

/** Options that lead to a namespace. `-n` takes names below /run/netns only, but a name may climb. */
function placeOf(netns: string | number | null | undefined, { netns: own }: IpLine): string[] {
  if (netns == null) return own === undefined ? [] : ['-n', own]
  if (typeof netns === 'number') return ['-n', `../../proc/${netns}/ns/net`]
  return ['-n', netns.startsWith('/') ? `../..${netns}` : netns]
}

/** As ip judges it, before anything is made. */
function netnsOf(text: string, root: string | undefined): string | number {
  const seen = asSeen(text, root)
  const netns = seen === text ? nameOrPid(text) : text
  if (text !== '' && inodeOfNetns(seen) !== undefined) return netns
  if (typeof netns === 'number' && isHidden(netns)) return netns
  if (typeof netns === 'string') throw wrong(text, 'invalid netns')
  throw new UvethError(`ESRCH: no process ${text}`, { code: 'ESRCH' })
}

/** Answered when both ends are gone. */
export async function deleteVeth(place: Place, { words }: IpLine): Promise<ShimAnswer> {
  const name = parseDel(words.slice(2), () => '')
  const found = place.registry.at(name, place.caller.inode)
  if (found === undefined) return PASS
  await place.deletePair(`id:${found.entry.pair.id}`)
  return done()
}

/** `link set … up|down`: the peer's carrier has followed when the line is over. */
export async function turnVeth({ registry, caller }: Place, { options, words }: IpLine): Promise<ShimAnswer> {
  const turned = readTurned(words.slice(2))
  const found = turned && registry.at(turned.name, caller.inode)
  if (turned === undefined || found?.end === undefined) return PASS
  if (turned.more) return { run: [[...options, ...words]], next: `settle:${found.entry.pair.id}` }
  // It spares a start of ip, half of what the line costs. What is refused the real one says in its own words.
  return await found.end.set({ up: turned.up }).then(
    () => done(),
    () => PASS,
  )
}

/** Codes that the kernel itself would have answered with, unless a file or socket of the daemon's is at fault. */
const KERNELS = ['EEXIST', 'EINVAL', 'EBUSY', 'ESRCH', 'ENOMEM', 'ENOBUFS', 'ENFILE']

/** What `ip` says where the kernel refuses. What only uveth can lack is said in its own words. */
export function sentenceOf(error: UvethError, replaces: boolean): string {
  const { code, attribute = '', syscall = '', message } = error
  if (replaces && code === 'EEXIST') return answers('EOPNOTSUPP')
  if (code === 'EINVAL' && attribute.endsWith('.address')) return answers('EADDRNOTAVAIL')
  const files = /^(?:connect|flock|mkdir|open|spawn)$/.test(syscall)
  return KERNELS.includes(code) && !files ? answers(code) : `Error: ${message}.`
}

function answers(code: string): string {
  return `RTNETLINK answers: ${libcSentence(code)}`
}
