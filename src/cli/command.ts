// The `uveth` command: finds the verb and runs it; loaded by main.ts. Verbs are loaded when they are asked for, so that
// the command starts fast. Exit codes are iproute2's: 0; 1 usage or a bad value; 2 the kernel refused.

import { expand } from '../iproute/words.js'
import { version } from '../version.js'
import { runCommand } from './failure.js'
import { type Globals, readGlobals } from './globals.js'
import { HELP } from './help-alone.js'
import { Session } from './session.js'
import { UsageError } from './usage.js'
import { VERBS } from './words.js'

async function main(words: string[]): Promise<number> {
  const { globals, rest } = readGlobals(words)
  if (globals.ask !== undefined) {
    process.stdout.write(globals.ask === 'help' ? HELP : `uveth ${version()}\n`)
    return 0
  }
  if (globals.batch !== undefined) {
    const { batch } = await import('./batch.js')
    return await inSession(globals, globals.batch, batch)
  }
  const [word, ...more] = rest
  if (word === undefined) {
    process.stderr.write(HELP)
    return 1
  }
  const verb = expand(word, VERBS)
  if (verb === undefined) throw new UsageError(`unknown verb '${word}': try uveth --help`)
  return await CARRY_OUT[verb](more, globals)
}

type Verb = (words: string[], globals: Globals) => Promise<number>

const CARRY_OUT: Record<(typeof VERBS)[number], Verb> = {
  link: async (words, globals) => inSession(globals, words, (await import('./link/link.js')).link),
  add: async (words, globals) => inSession(globals, words, (await import('./link/link.js')).addShort),
  monitor: async (words, globals) => inSession(globals, words, (await import('./monitor.js')).monitor),
  stats: async (words, globals) => inSession(globals, words, (await import('./stats.js')).stats),
  capture: async (words, globals) =>
    inSession(globals, words, (await import('./capture/capture.js')).capture),
  run: async (words, globals) => (await import('./run.js')).run([...runOptions(globals), ...words]),
  daemon: async (words, { socket }) => (await import('./daemon/daemon.js')).daemon(words, socket),
  health: async (words, globals) => (await import('./daemon/daemon.js')).health(words, globals),
  doctor: async (words, globals) => (await import('./doctor.js')).doctor(words, globals),
  completion: async (words) => (await import('./completion.js')).completion(words),
  shim: async (words) => (await import('./shim/shim.js')).shim(words),
  sandbox: async (words) => (await import('./sandbox.js')).sandbox(words),
  help: async ([word = 'help'], globals) => {
    const verb = expand(word, VERBS)
    if (verb === undefined) throw new UsageError(`unknown verb '${word}': try uveth --help`)
    if (verb !== 'help') return await CARRY_OUT[verb](['--help'], globals)
    process.stdout.write(HELP)
    return 0
  },
}

/** What stands in front of `run`, in its own words; its own options go over it. */
function runOptions({ json, netns }: Globals): string[] {
  const place = netns === undefined ? [] : ['--netns-a', netns, '--netns-b', netns]
  return json ? ['--json', ...place] : place
}

async function inSession<T>(
  globals: Globals,
  words: T,
  give: (session: Session, words: T) => Promise<number>,
): Promise<number> {
  const session = await Session.open(globals)
  try {
    return await give(session, words)
  } finally {
    session.close()
  }
}

await runCommand(main)
