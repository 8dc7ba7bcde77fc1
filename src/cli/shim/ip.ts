// One order of the shim: `ip … link add … type veth` as the daemon carries it out, with ip's complaints and
// exit codes, and nothing on stdout or stderr besides. Called by shim.ts with what shim/ip could not pass on,
// and by batch.ts line by line. What turns out not to be ours, or not to be right, is the real ip's to
// answer.

import { spawnSync } from 'node:child_process'
import type { PairView } from '../../contract/ops.js'
import { libcSentence, UvethError } from '../../errors.js'
import { parseDel } from '../../iproute/grammar.js'
import { type IpLine, parseVeth, readIpLine, type VethOrder, verbOf } from '../../iproute/ip-line.js'
import { UnsupportedError, UsageError } from '../../iproute/usage.js'
import { wrong } from '../../iproute/words.js'
import { inodeOfNetns, isEndAt, isHidden, readNetns } from '../../netns/names.js'
import { isNobody } from '../failure.js'
import { noGlobals } from '../globals.js'
import { createPair } from '../link/link.js'
import { Session } from '../session.js'

/** The exit code of an order that is ours; undefined: the real ip has to answer it. */
export type Answer = number | undefined

/** `real` is the path of the real ip. */
export async function ip(real: string, words: string[]): Promise<number> {
  const line = readIpLine(words)
  const session = openSession(real, line)
  if (session === undefined) return passOn(real, words)
  try {
    return (await carryOut(session, real, line)) ?? passOn(real, words)
  } finally {
    session.close()
  }
}

/** Undefined where the real ip refuses the options' values, a namespace or a family: it says so in its own words. */
export function openSession(real: string, { options, netns }: IpLine): Session | undefined {
  if (options.length > 0 && spawnSync(real, [...options, '-V'], { stdio: 'ignore' }).status !== 0)
    return undefined
  return new Session({ ...noGlobals(), silent: true, ...(netns !== undefined && { netns }) })
}

/** One order, `line.words`. */
export async function carryOut(session: Session, real: string, line: IpLine): Promise<Answer> {
  const verb = verbOf(line.words)
  try {
    if (verb === 'delete') return await remove(session, real, line)
    if (verb !== undefined) return await add(session, real, parseVeth(line.words.slice(2), netnsOf))
    return undefined
  } catch (error) {
    if (error instanceof UnsupportedError) return complain(`Error: ${error.message}.`)
    if (error instanceof UsageError) return undefined
    if (error instanceof UvethError) return complain(sentenceOf(error, verb === 'replace'))
    throw error
  }
}

/** The real ip, in our place. */
function passOn(real: string, words: string[]): number {
  const { status, error } = spawnSync(real, words, { stdio: 'inherit' })
  if (error !== undefined) throw error
  return status ?? 1
}

/** Whole or not at all. */
async function add(session: Session, real: string, order: VethOrder): Promise<number> {
  const pair = await createPair(session, order)
  for (const end of ['a', 'b'] as const) {
    const words = order.later[end]
    if (words.length === 0) continue
    const netns = order.wish[end]?.netns ?? session.globals.netns
    const place = netns == null ? [] : ['-n', placeOf(readNetns(String(netns)))]
    const code = passOn(real, [...place, 'link', 'set', 'dev', pair[end].name, ...words])
    if (code === 0) continue
    await session.client.call('pair.del', { ref: `id:${pair.id}` })
    return code
  }
  return 0
}

/** `-n` takes names below /run/netns only, but a name may climb. */
function placeOf(netns: string | number): string {
  if (typeof netns === 'number') return `../../proc/${netns}/ns/net`
  return netns.startsWith('/') ? `../..${netns}` : netns
}

/** An end whose peer stands where the script cannot look: the daemon's answer comes when both are gone. */
async function remove(session: Session, real: string, { options, words }: IpLine): Promise<Answer> {
  const name = parseDel(words.slice(2), netnsOf)
  const inode = session.inode() ?? 0
  const pairs = await session.client.call<PairView[]>('pair.list').catch((error: unknown) => {
    if (isNobody(error)) return []
    throw error
  })
  const pair = pairs.find(({ a, b }) => [a, b].some((end) => isEndAt(end, name, inode)))
  if (pair === undefined) return undefined
  const code = passOn(real, [...options, ...words])
  if (code !== 0) return code
  await session.client.call('pair.del', { ref: `id:${pair.id}` }).catch((error: unknown) => {
    if (!(error instanceof UvethError) || error.code !== 'ENODEV') throw error
  })
  return 0
}

/** The ends in a namespace, a line each: the name, then the peer as the alias names it. */
export async function ends(netns: string | undefined): Promise<string> {
  const session = new Session({ ...noGlobals(), ...(netns !== undefined && { netns }) })
  const inode = session.inode()
  try {
    const pairs = await session.client.call<PairView[]>('pair.list')
    const each = pairs.flatMap(({ a, b }) => [[a, b] as const, [b, a] as const])
    return each
      .filter(([end]) => end.netnsInode === inode)
      .map(([end, { name, netns }]) => `${end.name} ${name}${netns === null ? '' : ` netns ${netns}`}\n`)
      .join('')
  } finally {
    session.close()
  }
}

/** As ip judges it, before anybody is asked. */
function netnsOf(text: string): string | number {
  const netns = readNetns(text)
  if (text !== '' && inodeOfNetns(text) !== undefined) return netns
  if (typeof netns === 'number' && isHidden(netns)) return netns
  if (typeof netns === 'string') throw wrong(text, 'invalid netns')
  throw new UvethError(`ESRCH: no process ${text}`, { code: 'ESRCH' })
}

function complain(sentence: string): number {
  process.stderr.write(`${sentence}\n`)
  return 2
}

/** Codes that the kernel itself would have answered with, unless a file or socket of the daemon's is at fault. */
const KERNELS = ['EEXIST', 'EINVAL', 'EBUSY', 'ESRCH', 'ENOMEM', 'ENOBUFS', 'ENFILE']

/** What `ip` says where the kernel refuses. What only uveth can lack is said in its own words. */
function sentenceOf(error: UvethError, replaces: boolean): string {
  const { code, attribute = '', syscall = '', message } = error
  if (replaces && code === 'EEXIST') return answers('EOPNOTSUPP')
  if (code === 'EINVAL' && attribute.endsWith('.address')) return answers('EADDRNOTAVAIL')
  if ((code === 'EACCES' || code === 'EPERM') && process.getuid?.() !== 0) return answers('EPERM')
  const files = /^(?:connect|flock|mkdir|open|spawn)$/.test(syscall)
  return KERNELS.includes(code) && !files ? answers(code) : `Error: ${message}.`
}

function answers(code: string): string {
  return `RTNETLINK answers: ${libcSentence(code)}`
}
