// The process that removes what this one leaves behind. It is told what is there and what is gone again; when its stdin
// ends, it ends what runs in the namespaces that are left, and removes them. Its stdin ends with this process, however
// that ends (process.exit, a signal, kill -9), and with the process that has forked this one. It is in a session of its
// own, where a terminal's Ctrl-C does not reach it. One for a process and the testbeds that follow each other; used by site.ts.

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import type { Writable } from 'node:stream'

// A line is a thing that is there, `netns NAME`, `folder PATH`, or `group PGID` of a process group in a namespace that is
// not ours; with a `-` in front it is gone.
const SCRIPT = `
trap '' HUP INT TERM
set -f
IFS='
'
kept=
while read -r line; do
  case $line in
    -*) left=
      for one in $kept; do [ "-$one" = "$line" ] || left="$left$one$IFS"; done
      kept=$left ;;
    *) kept="$kept$line$IFS" ;;
  esac
done
[ -n "$kept" ] || exit 0
each() { for one in $kept; do case $one in "$1 "*) echo "\${one#* }" ;; esac; done; }
ip_each() { for netns in $(each netns); do echo "netns $1 $netns"; done | ip -force -batch -; }
for group in $(each group); do kill -9 -"$group"; done
for pid in $(ip_each pids); do kill -9 "$pid"; done
ip_each del
for folder in $(each folder); do rm -rf "$folder"; done
`

/** ms without anything to keep, after which it ends: a runner that loads this module for each file has many of it. */
const IDLE = 1_000

export type Thing = `netns ${string}` | `folder ${string}` | `group ${number}`

let running: Keeper | undefined

/** A forked process may live on without its parent, and so would what it has made. */
function orphaned(): void {
  running?.end()
}

/** The one that runs. */
export function keeper(): Keeper {
  if (running === undefined || running.ended) {
    if (running === undefined) process.on('disconnect', orphaned)
    running = new Keeper()
  }
  return running
}

export class Keeper {
  readonly #process: ChildProcessByStdio<Writable, null, null>
  readonly #kept = new Set<Thing>()
  #idle: NodeJS.Timeout | undefined
  #ended = false

  constructor() {
    this.#process = spawn('sh', ['-c', SCRIPT, 'uveth-keeper'], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    })
    const ended = () => {
      this.#ended = true
    }
    this.#process.once('error', ended).once('exit', ended)
    this.#process.stdin.on('error', ended)
    // A test that waits for nothing any more is to end, not to hang.
    this.#process.unref()
    const socket: unknown = this.#process.stdin
    ;(socket as Socket).unref()
  }

  /** It cleans up, or has done so. */
  get ended(): boolean {
    return this.#ended
  }

  /** Told before it is made, so that it goes whenever this process does. */
  keep(things: readonly Thing[]): void {
    clearTimeout(this.#idle)
    for (const thing of things) this.#kept.add(thing)
    this.#tell(things.map((thing) => `${thing}\n`))
  }

  forget(things: readonly Thing[]): void {
    for (const thing of things) this.#kept.delete(thing)
    this.#tell(things.map((thing) => `-${thing}\n`))
    if (this.#kept.size === 0) this.#idle = setTimeout(() => this.end(), IDLE).unref()
  }

  end(): void {
    this.#ended = true
    this.#process.stdin.end()
  }

  #tell(lines: readonly string[]): void {
    if (!this.#ended && lines.length > 0) this.#process.stdin.write(lines.join(''))
  }
}
