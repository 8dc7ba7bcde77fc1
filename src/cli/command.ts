// The `uveth` command: finds the verb and runs it; loaded by main.ts. Verbs are loaded when they are asked for, so that
// the command starts fast. Exit codes are iproute2's: 0; 1 usage or a bad value; 2 the kernel refused.

import { expand } from '../iproute/words.js'
import { version } from '../version.js'
import { runCommand } from './failure.js'
import { type Globals, readGlobals } from './globals.js'
import { Session } from './session.js'
import { UsageError } from './usage.js'
import { VERBS } from './words.js'

const HELP = `uveth: a virtual Ethernet cable in user space

Usage: uveth [OPTIONS] VERB …

Pairs that stay, kept by a daemon, in the grammar of ip link:
  link add A type veth peer B    make a pair; starts the daemon where none runs
  link show, link set, link del  show pairs, change one end, remove a pair
  link set A impair|rule|flap    delay, lose or drop what A sends; pull the plug for a moment
  add A B                        short for link add
  monitor                        say what happens to pairs
  stats                          count frames, bytes and drops
  capture NAME                   what crosses a pair, as pcapng: into a file, or a pipe to tshark

One pair in the foreground, with no daemon:
  run A B                        make it and forward until Ctrl-C

Around it:
  daemon                         run the daemon in the foreground, or end it: daemon --stop
  health                         how the daemon is
  doctor                         whether this machine can run it
  completion bash|zsh|fish       print a completion script
  shim                           run scripts that were written for kernel veth
  sandbox COMMAND                run a command where it is root and may make pairs, without root

OPTIONS, as ip has them, in front of the verb:
  -json -pretty -stats -details -brief -oneline    how link show and stats print
  -netns NS                      give the order in this network namespace
  -batch FILE                    many orders, one a line (- for stdin); -force goes on after a failure
  --socket PATH                  the daemon's socket (default: UVETH_SOCKET, else /run/uveth/control.sock)
  --no-start                     start no daemon
  --color[=always|auto|never]    colours (default: on a terminal, unless NO_COLOR is set)

Exit codes: 0; 1 wrong use, a bad value or no such device; 2 the kernel refused.

Examples:
  uveth link add veth0 type veth peer name veth1
  uveth link set veth0 up
  uveth link set veth0 impair delay 10ms loss 1% seed 42
  uveth -stats link show veth0
  uveth link del veth1

  uveth VERB --help    what a verb takes, with examples
  uveth --version      the version
`

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
  help: async () => {
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
