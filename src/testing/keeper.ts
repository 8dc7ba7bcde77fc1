// The namespaces of a testbed, and the process that keeps them: it makes them, and when its stdin ends it
// ends what runs in them and removes them. Its stdin ends by close(), with the process that has forked this
// one, or with this process, however that ends (process.exit, a signal, kill -9): so there is one way of
// cleaning up, and nothing is left behind. It is in a session of its own, where a terminal's Ctrl-C does not
// reach it. Made by testbed.ts.

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { UvethError } from '../errors.js'

// $1: a folder to make, and to remove in the end; then for each namespace its name, what people call it, and a line
// for the shell that runs in it when it is made. All of these run side by side. What comes by stdin are process groups
// in namespaces that are not ours: they are ended like what runs in ours.
const SCRIPT = `
trap '' HUP INT TERM
folder=$1
shift
names=
groups=
each() { for netns in $names; do echo "netns $1 $netns"; done | ip -force -batch -; }
clear() {
  for group in $groups; do kill -9 -"$group"; done
  for pid in $(each pids); do kill -9 "$pid"; done
  each del
  rm -rf "$folder"
}
refuse() { clear 2>/dev/null; exit "$1"; }
mkdir "$folder" || refuse 1
lines=
at=0
for word in "$@"; do
  [ $((at % 3)) -ne 0 ] || { names="$names $word"; lines="\${lines}netns add $word
"; }
  at=$((at + 1))
done
printf %s "$lines" | ip -batch - || refuse 1
running=
while [ $# -gt 0 ]; do
  { said=$(ip netns exec "$1" sh -c "$3" 2>&1) || { echo "$2: $said" >&2; exit 1; } } &
  running="$running $!"
  shift 3
done
status=0
for pid in $running; do wait "$pid" || status=2; done
[ "$status" = 0 ] || refuse 2
echo ready
while read -r group; do groups="$groups $group"; done
clear 2>/dev/null
`
/** The exit status when a namespace was made, but not what it is to be. */
const NOT_SET_UP = 2

/** A namespace to make. */
export interface Wanted {
  /** Under /run/netns. */
  readonly netns: string
  /** What people call it. */
  readonly name: string
  /** For `sh -c` in it. */
  readonly setUp: string
}

const keepers = new Set<Keeper>()

/** A forked process may live on without its parent, and so would what it has made. */
function orphaned(): void {
  for (const keeper of keepers) keeper.end()
}

function follow(keeper: Keeper): void {
  if (keepers.size === 0) process.on('disconnect', orphaned)
  keepers.add(keeper)
}

export class Keeper {
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #exited: Promise<unknown>

  private constructor(folder: string, wanted: readonly Wanted[]) {
    const words = wanted.flatMap(({ netns, name, setUp }) => [netns, name, setUp])
    this.#process = spawn('sh', ['-c', SCRIPT, 'uveth-keeper', folder, ...words], {
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    })
    this.#exited = once(this.#process, 'exit')
    this.#exited.catch(() => {}) // whoever waits is told
    this.#process.stdin.on('error', () => {}) // it has ended already
  }

  /** Makes the namespaces, and `folder`, which is removed with them. */
  static async start(folder: string, wanted: readonly Wanted[]): Promise<Keeper> {
    const keeper = new Keeper(folder, wanted)
    await keeper.#ready()
    follow(keeper)
    return keeper
  }

  /** It was told to clean up. */
  get ended(): boolean {
    return this.#process.stdin.writableEnded
  }

  /** A process group that is to end with what it keeps, wherever it is. */
  endToo(group: number): void {
    if (!this.ended) this.#process.stdin.write(`${group}\n`)
  }

  /** Has it clean up, and does not wait for that. */
  end(): void {
    this.#process.stdin.end()
  }

  /** Ends what runs in the namespaces and removes them. Any number of times. */
  async close(): Promise<void> {
    keepers.delete(this)
    if (keepers.size === 0) process.off('disconnect', orphaned)
    this.#process.ref()
    this.end()
    await this.#exited
  }

  async #ready(): Promise<void> {
    let complaint = ''
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint += text
    })
    const said = await Promise.race([
      once(this.#process.stdout, 'data'),
      once(this.#process, 'close').then(() => undefined),
    ])
    if (said === undefined) throw this.#refusal(complaint.trim())
    // A test that waits for nothing any more is to end, not to hang.
    this.#process.unref()
    for (const stream of [this.#process.stdin, this.#process.stdout, this.#process.stderr]) {
      const socket: unknown = stream
      ;(socket as Socket).unref()
    }
  }

  #refusal(complaint: string): UvethError {
    if (this.#process.exitCode === NOT_SET_UP)
      return new UvethError(`EOPNOTSUPP: the lab cannot be set up: ${complaint}`, { code: 'EOPNOTSUPP' })
    // available() has found the capabilities.
    const hint =
      'it takes a /run that can be written to, and in many containers --security-opt apparmor=unconfined'
    return new UvethError(`EPERM: network namespaces cannot be made: ${complaint} (${hint})`, {
      code: 'EPERM',
      hint,
    })
  }
}
