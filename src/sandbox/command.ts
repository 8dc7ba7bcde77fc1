// The command line of a sandbox: what util-linux's unshare is given, and the shell that is the first process in it.
// Run by cli/sandbox.ts, and by testing/vitest-setup.ts, which waits for it without a loop of its own. Text only.

/** Namespaces for users, the network, mounts and processes; the user is root in them. Short options: BusyBox's too. */
export const UNSHARE = ['unshare', '-U', '-r', '-n', '-m', '-p', '-f', '--mount-proc'] as const

/** Says to what runs in it that it is there. */
export const INSIDE = 'UVETH_SANDBOX'
/** What it cannot do for itself, as `env` and `timeout` have it. */
export const FAILED = 125

/**
 * Process 1 of the sandbox: with it, all others end, whatever they do about it. Descriptor 3 is a socket to who has
 * started it. Names of signals come on it, for the command; when it ends, so does everything here, also after a kill
 * -9 of the other side. The command's status goes back, and is not unshare's, which a signal may end before. The
 * shell says nothing itself of how the command has ended: it is the command's terminal.
 * The shell catches what a terminal sends to all, and so stays until the command has ended; what it ignored, the command
 * would ignore too.
 * A network namespace of its own has a /sys of its own; without one it would show the interfaces of the machine.
 */
const SCRIPT = `
mount -t tmpfs -o mode=0755 none /run && mkdir /run/netns /run/uveth && : >/run/xtables.lock &&
  ip link set lo up || { echo 'uveth: the sandbox could not be set up' >&2; exit ${FAILED}; }
{ mount -t sysfs none /sys || mount -t sysfs -o ro none /sys; } 2>/dev/null
exec 4>&2 2>/dev/null
trap : HUP INT QUIT TERM
{
  trap '' HUP INT QUIT TERM TSTP TTIN TTOU
  while read -r signal <&3; do kill -s "$signal" "$(cat /run/uveth/command)"; done
  kill -s KILL -- -1
} <&- >&- 4>&- &
sh -c 'echo $$ >/run/uveth/command; exec "$@" 2>&4 3>&- 4>&-' uveth "$@"
status=$?
echo $status >&3
exit $status
`

/** The file to start, and its arguments; its descriptor 3 is to be a pipe. */
export function sandboxed(command: readonly string[]): [file: string, args: string[]] {
  const [file, ...args] = UNSHARE
  return [file, [...args, 'sh', '-c', SCRIPT, 'uveth-sandbox', ...command]]
}
