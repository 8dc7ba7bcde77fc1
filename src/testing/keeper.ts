// The two namespaces of a testbed, and the process that keeps them: it makes them, and when its stdin ends it
// ends what runs in them and removes them. Its stdin ends by close(), with the process that has forked this
// one, or with this process, however that ends (process.exit, a signal, kill -9): so there is one way of
// cleaning up, and nothing is left behind. It is in a session of its own, where a terminal's Ctrl-C does not
// reach it. Made by testbed.ts.

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { UvethError } from '../errors.js'

// $1: a file to remove, the others: names of namespaces. A kernel says which IPv6 groups it is in (MLD) twice,
// each time after a random part of a second; make-pair.ts waits for that. So it is told to say it within a
// millisecond. Containers see /proc/sys read-only; `ip netns exec` has mounts of its own, where it need not be.
const SCRIPT = `
trap '' HUP INT TERM
file=$1
shift
made=
clear() {
  for netns in $made; do
    for pid in $(ip netns pids "$netns"); do kill -9 "$pid"; done
    ip netns del "$netns"
  done 2>/dev/null
  rm -f "$file"
}
for netns in "$@"; do
  ip netns add "$netns" || { clear; exit 1; }
  made="$made $netns"
  ip -n "$netns" link set lo up || { clear; exit 1; }
  ip netns exec "$netns" sh -c '
    interval=/proc/sys/net/ipv6/conf/default/mldv2_unsolicited_report_interval
    [ -w $interval ] || mount -o remount,rw,bind /proc/sys
    echo 1 >$interval
  ' 2>/dev/null
done
echo ready
read -r _
clear
`

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
  /** Names under /run/netns. */
  readonly netns: { readonly a: string; readonly b: string }
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #exited: Promise<unknown>

  private constructor(file: string) {
    const name = `uveth-${process.pid}-${randomBytes(4).toString('hex')}`
    this.netns = { a: `${name}-a`, b: `${name}-b` }
    this.#process = spawn('sh', ['-c', SCRIPT, 'uveth-keeper', file, this.netns.a, this.netns.b], {
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    })
    this.#exited = once(this.#process, 'exit')
    this.#exited.catch(() => {}) // whoever waits is told
    this.#process.stdin.on('error', () => {}) // it has ended already
  }

  /** Makes the namespaces, lo up in each; `file` is removed with them. */
  static async start(file: string): Promise<Keeper> {
    const keeper = new Keeper(file)
    await keeper.#ready()
    follow(keeper)
    return keeper
  }

  /** It was told to clean up. */
  get ended(): boolean {
    return this.#process.stdin.writableEnded
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
    if (said === undefined) {
      const hint =
        'in a container this needs --cap-add SYS_ADMIN, and often --security-opt apparmor=unconfined'
      throw new UvethError(`EPERM: network namespaces cannot be made: ${complaint.trim()} (${hint})`, {
        code: 'EPERM',
        hint,
      })
    }
    // A test that waits for nothing any more is to end, not to hang.
    this.#process.unref()
    for (const stream of [this.#process.stdin, this.#process.stdout, this.#process.stderr]) {
      const socket: unknown = stream
      ;(socket as Socket).unref()
    }
  }
}
