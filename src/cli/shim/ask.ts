// The shim's client in Node: asks the daemon what a line of `ip` or `tc` means, and does what it is told to. Called
// by shim.ts where the small client (native/client), which does the same in 1 ms, is not there or has no daemon to ask;
// and by batch.ts, line by line. Says nothing of its own but why no daemon could be asked.

import { spawnSync } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import type { ShimAnswer, ShimLine } from '../../contract/ops.js'
import { libcSentence, UvethError } from '../../errors.js'
import { type IpLine, ipOrder, parseVeth, readLine } from '../../iproute/ip-line.js'
import { UsageError } from '../../iproute/usage.js'
import { NETNS_DIRECTORY } from '../../netns/names.js'
import { noGlobals } from '../globals.js'
import { refuseWrong, withDaemon } from '../link/link.js'
import { Session, write } from '../session.js'

export type Tool = ShimLine['tool']

/** The exit code of a line that is ours; undefined: the real tool has to answer it. */
export type Answer = number | undefined

/** `real` is the path of the real tool. */
export async function shimLine(tool: Tool, real: string, words: string[]): Promise<number> {
  const line = readLine(tool, words)
  const session = openSession(real, line)
  if (session === undefined) return passOn(real, words)
  return (await ask(session, { tool, real, line })) ?? passOn(real, words)
}

/** Undefined where the real tool refuses the options' values, a namespace or a family: it says so in its own words. */
export function openSession(real: string, { options, netns }: IpLine): Session | undefined {
  if (options.length > 0 && spawnSync(real, [...options, '-V'], { stdio: 'ignore' }).status !== 0)
    return undefined
  const place = netns?.includes('/') ? join(NETNS_DIRECTORY, netns) : netns
  return new Session({ ...noGlobals(), silent: true, ...(place !== undefined && { netns: place }) })
}

export interface Asked {
  tool: Tool
  real: string
  line: IpLine
}

/** One line. A daemon is started only for what makes a pair. */
export async function ask(session: Session, asked: Asked): Promise<Answer> {
  const { tool, line } = asked
  const order = tool === 'ip' ? ipOrder(line.words) : undefined
  const makes = order === 'add' || order === 'replace'
  try {
    if (!makes) return await talk(session, asked)
    const { wish } = parseVeth(line.words.slice(2), (text) => text)
    return await withDaemon(
      session,
      () => refuseWrong(wish),
      () => talk(session, asked),
    )
  } catch (error) {
    if (error instanceof UsageError) return undefined
    if (!(error instanceof UvethError)) throw error
    if (!makes && (error.syscall === 'connect' || error.code === 'ESHUTDOWN')) return undefined
    return complain(error)
  }
}

/** After other lines: the peers of ends that they have changed have followed when it resolves. */
export async function settle(session: Session, tool: Tool): Promise<void> {
  await session.client.call('shim', { body: { tool, words: [], next: 'settle' } }).catch((error: unknown) => {
    if (!(error instanceof UvethError)) throw error
  })
}

async function talk({ client }: Session, { tool, real, line }: Asked): Promise<Answer> {
  const words = [...line.options, ...absolute(line.words)]
  for (let body: ShimLine = { tool, words }; ; ) {
    let answer: ShimAnswer
    try {
      answer = await client.call<ShimAnswer>('shim', { body })
    } catch (error) {
      if (body.said === undefined || !(error instanceof UvethError)) throw error
      write(body.said) // as if the real tool had run alone
      return body.code
    }
    if ('pass' in answer) return undefined
    if ('code' in answer) {
      write(answer.stdout)
      process.stderr.write(answer.stderr)
      return answer.code
    }
    if (answer.tell) {
      const { status, stdout } = heard(real, answer.run[0] ?? [])
      body = { tool, words, next: answer.next ?? '', code: status ?? 1, said: `${stdout}` }
      continue
    }
    const code = answer.merge ? runMerged(real, answer.run) : runAll(real, answer.run)
    if (answer.next === undefined) return code
    body = { tool, words, next: answer.next, code }
  }
}

/** The daemon stands elsewhere, and a link of ours may lead it back into its own mounts. */
function absolute(words: readonly string[]): string[] {
  return words.map((word, at) =>
    ['netns', 'link-netns'].includes(words[at - 1] ?? '') && word.includes('/') ? withoutLinks(word) : word,
  )
}

function withoutLinks(word: string): string {
  const path = resolve(word)
  if (path.startsWith('/proc/')) return path.replace(/^\/proc\/(?:thread-)?self\//, `/proc/${process.pid}/`)
  try {
    return join(realpathSync(dirname(path)), basename(path))
  } catch {
    return path
  }
}

function runAll(real: string, lines: readonly string[][]): number {
  for (const words of lines) {
    const code = passOn(real, words)
    if (code !== 0) return code
  }
  return 0
}

/** What they print as arrays, as one. An interface that is not shown is an object with nothing in it. */
function runMerged(real: string, lines: readonly string[][]): number {
  const all: object[] = []
  for (const words of lines) {
    const { status, stdout } = heard(real, words)
    if (status !== 0) return status ?? 1
    all.push(...(JSON.parse(`${stdout}` || '[]') as object[]).filter((one) => Object.keys(one).length > 0))
  }
  write(`${JSON.stringify(all)}\n`)
  return 0
}

/** The real tool; what it prints is read here. */
function heard(real: string, words: readonly string[]): { status: number | null; stdout: Buffer } {
  return spawnSync(real, words, {
    stdio: ['inherit', 'pipe', 'inherit'],
    maxBuffer: Number.POSITIVE_INFINITY,
  })
}

/** The real tool, in our place. */
function passOn(real: string, words: readonly string[]): number {
  const { status, error } = spawnSync(real, words, { stdio: 'inherit' })
  if (error !== undefined) throw error
  return status ?? 1
}

/** No daemon could be asked, or it has failed. */
function complain(error: UvethError): number {
  const stranger = ['EACCES', 'EPERM'].includes(error.code) && process.getuid?.() !== 0
  process.stderr.write(
    stranger ? `RTNETLINK answers: ${libcSentence('EPERM')}\n` : `Error: ${error.message}.\n`,
  )
  return 2
}
