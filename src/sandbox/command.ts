// The command lines of what has namespaces of its own, a sandbox or a shell: what util-linux's unshare is given, and the
// sh that is the first process in it. Run by cli/confined.ts, and by testing/vitest-setup.ts, which waits for it without
// a loop of its own. Text only.

/** Namespaces for users, the network, mounts and processes; the user is root in them. Short options: BusyBox's too. */
export const UNSHARE = ['unshare', '-U', '-r', '-n', '-m', '-p', '-f', '--mount-proc'] as const
/** The same for who is root already. */
const UNSHARE_ROOT = ['unshare', '-n', '-m', '-p', '-f', '--mount-proc'] as const

/** Says to what runs in it that it is there. */
export const INSIDE = 'UVETH_SANDBOX'
/** What it cannot do for itself, as `env` and `timeout` have it. */
export const FAILED = 125

/** What a shell's network leads out by. */
export const WAY_OUT = 'eth0'

// A network namespace of its own has a /sys of its own; without one it would show the interfaces of the machine.
const SYS = '{ mount -t sysfs none /sys || mount -t sysfs -o ro none /sys; } 2>/dev/null'

const refuse = (what: string) => `{ echo 'uveth: the ${what} could not be set up' >&2; exit ${FAILED}; }`

const SANDBOX = `
mount -t tmpfs -o mode=0755 none /run && mkdir /run/netns /run/uveth && : >/run/xtables.lock &&
  ip link set lo up || ${refuse('sandbox')}
${SYS}
`
/** Whoever has started it does something before the command begins. */
const WAIT = `
echo ready >&3
read -r go <&3 || exit ${FAILED}
`
// $1: a resolv.conf, or nothing where the one that is there will do. The file stays when /sys, where it was written, is
// /sys again. What it waits for are the gate's addresses, which come when there is a way out.
const SHELL = `
resolv=$1
shift
ip link set lo up && { [ -z "$resolv" ] || [ ! -e /etc/resolv.conf ] ||
  { mount -t tmpfs none /sys && printf %s "$resolv" >/sys/resolv.conf &&
    mount --bind /sys/resolv.conf /etc/resolv.conf && umount /sys; }; } || ${refuse('shell')}
${SYS}
${WAIT}
set_up() { ip neigh add "$1" lladdr "$2" dev ${WAY_OUT} nud permanent && ip route add default via "$1" dev ${WAY_OUT} onlink; }
# shellcheck disable=SC2086 # two words
set_up $go || ${refuse('shell')}
`

/**
 * Process 1: with it, all others end, whatever they do about it. Descriptor 3 is a socket to who has started it. The
 * command's process id goes there, names of signals for it come back; when it ends, so does everything here, also after
 * a kill -9 of the other side. The command's status goes back at last, and is not unshare's, which a signal may end
 * before. The sh says nothing itself of how the command has ended: it is the command's terminal.
 * It catches what a terminal sends to all, and so stays until the command has ended; what it ignored, the command
 * would ignore too.
 */
const RUN = `
exec 4>&2 2>/dev/null
trap : HUP INT QUIT TERM
{
  trap '' HUP INT QUIT TERM TSTP TTIN TTOU
  while read -r signal pid <&3; do kill -s "$signal" "$pid"; done
  kill -s KILL -- -1
} <&- >&- 4>&- &
sh -c 'echo "pid $$" >&3; exec "$@" 2>&4 3>&- 4>&-' uveth "$@"
status=$?
echo "status $status" >&3
exit $status
`

/** A file to start, and its arguments; its descriptor 3 is to be a socket. */
export type CommandLine = [file: string, args: string[]]

/** `waits`: it says `ready`, and begins when a line comes. */
export function sandboxed(command: readonly string[], waits = false): CommandLine {
  const [file, ...args] = UNSHARE
  return [file, [...args, 'sh', '-c', SANDBOX + (waits ? WAIT : '') + RUN, 'uveth-sandbox', ...command]]
}

/**
 * For root: a network whose only way out is the interface that is moved into it when it says `ready`; the line that it
 * then wants has the address and the MAC address of the other end. `user`: whom root stands for in a sandbox.
 */
export function shelled(
  command: readonly string[],
  resolv: string | undefined,
  user?: readonly [uid: number, gid: number],
): CommandLine {
  const [file, ...args] = UNSHARE_ROOT
  const self = user === undefined ? [] : ['unshare', '-U', `--map-user=${user[0]}`, `--map-group=${user[1]}`]
  return [file, [...args, 'sh', '-c', SHELL + RUN, 'uveth-shell', resolv ?? '', ...self, ...command]]
}

/** Of what came back over descriptor 3. */
export function statusSaid(said: string): number | undefined {
  const status = /^status (\d+)$/m.exec(said)?.[1]
  return status === undefined ? undefined : Number(status)
}
