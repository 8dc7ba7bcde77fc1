// The `uveth` command: finds the verb and runs it; loaded by main.ts. Verbs are loaded when they are asked for, so that
// the command starts fast.

import { expand } from '../iproute/words.js'
import { runCommand } from './failure.js'
import { type Globals, readGlobals } from './globals.js'
import { withIpCode } from './ip-codes.js'
import { Session } from './session.js'
import { UsageError } from './usage.js'
import { VERBS } from './words.js'

async function main(words: string[]): Promise<number> {
  const { globals, rest } = readOptions(words)
  if (globals.ask !== undefined) {
    process.stdout.write(globals.ask === 'help' ? await help() : await nameAndVersion())
    return 0
  }
  if (globals.batch !== undefined) {
    const { batch } = await import('./batch.js')
    return await inSession(globals, globals.batch, batch)
  }
  const [word, ...more] = rest
  if (word === undefined && globals.human) return await CARRY_OUT.help([], globals)
  if (word === undefined) {
    process.stderr.write(await help())
    return 255
  }
  const verb = expand(word, VERBS)
  if (verb === undefined) throw new UsageError(`unknown verb '${word}': try uveth --help`)
  // As for ip, -h is short for -human-readable, where numbers are shown.
  if (globals.human && !['link', 'add', 'stats', 'monitor', 'top'].includes(verb))
    return await CARRY_OUT.help([], globals)
  return await CARRY_OUT[verb](more, globals)
}

function readOptions(words: string[]): ReturnType<typeof readGlobals> {
  try {
    return readGlobals(words)
  } catch (error) {
    throw withIpCode(error)
  }
}

async function help(): Promise<string> {
  return (await import('./help-alone.js')).HELP
}

async function nameAndVersion(): Promise<string> {
  return `uveth ${(await import('../version.js')).version()}\n`
}

type Give<T> = (session: Session, words: T) => Promise<number>
type Verb = (words: string[], globals: Globals) => Promise<number>

const CARRY_OUT: Record<(typeof VERBS)[number], Verb> = {
  link: async (words, globals) => ofIp(globals, words, (await import('./link/link.js')).link),
  add: async (words, globals) => ofIp(globals, words, (await import('./link/link.js')).addShort),
  monitor: async (words, globals) => ofIp(globals, words, (await import('./monitor.js')).monitor),
  stats: async (words, globals) => ofIp(globals, words, (await import('./stats.js')).stats),
  top: async (words, globals) => inSession(globals, words, (await import('./top/top.js')).top),
  capture: async (words, globals) =>
    inSession(globals, words, (await import('./capture/capture.js')).capture),
  replay: async (words, globals) => inSession(globals, words, (await import('./replay.js')).replayFile),
  run: async (words, globals) => (await import('./run.js')).run([...runOptions(globals), ...words]),
  apply: async (words, globals) => inSession(globals, words, (await import('./apply/apply.js')).apply),
  destroy: async (words, globals) => inSession(globals, words, (await import('./apply/apply.js')).destroy),
  daemon: async (words, { socket }) => (await import('./daemon/daemon.js')).daemon(words, socket),
  health: async (words, globals) => (await import('./daemon/daemon.js')).health(words, globals),
  doctor: async (words, globals) => (await import('./doctor.js')).doctor(words, globals),
  completion: async (words) => (await import('./completion.js')).completion(words),
  shim: async (words) => (await import('./shim/shim.js')).shim(words),
  sandbox: async (words) => (await import('./sandbox.js')).sandbox(words),
  shell: async (words) => (await import('./shell/shell.js')).shell(words),
  web: async (words, globals) => (await import('./web.js')).web(words, globals),
  help: async ([word = 'help'], globals) => {
    const verb = expand(word, VERBS)
    if (verb === undefined) throw new UsageError(`unknown verb '${word}': try uveth --help`)
    if (verb !== 'help') return await CARRY_OUT[verb](['--help'], globals)
    process.stdout.write(await help())
    return 0
  },
}

/** What stands in front of `run`, in its own words; its own options go over it. */
function runOptions({ json, netns }: Globals): string[] {
  const place = netns === undefined ? [] : ['--netns-a', netns, '--netns-b', netns]
  return json ? ['--json', ...place] : place
}

/** A verb that `ip` has, or might have. */
async function ofIp(globals: Globals, words: string[], give: Give<string[]>): Promise<number> {
  return await inSession(globals, words, give).catch((error: unknown) => {
    throw withIpCode(error)
  })
}

async function inSession<T>(globals: Globals, words: T, give: Give<T>): Promise<number> {
  return await give(await openSession(globals), words)
}

/** What stands in front of a verb is ip's, whatever the verb. A namespace that is none is refused before all else. */
async function openSession(globals: Globals): Promise<Session> {
  try {
    const session = await Session.open(globals)
    session.named()
    return session
  } catch (error) {
    throw withIpCode(error)
  }
}

await runCommand(main)
