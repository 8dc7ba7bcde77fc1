// An ordinary user, for tests that run as root: nobody, who has no capabilities, with a /dev/net/tun as distributions
// have it or with another mode. The node is one of its own in a mount namespace, the machine's stays as it is.

const NOBODY = 65_534

/** Words in front of a command: it runs as nobody. `mode`: of the device node, or that there is none. */
export function ordinary(mode: number | 'none' = 0o666, group = 0): string[] {
  const made =
    mode === 'none'
      ? ''
      : `mknod -m ${mode.toString(8)} /dev/net/tun c 10 200 && chgrp ${group} /dev/net/tun &&`
  const script = `mount -t tmpfs none /dev/net && ${made} exec setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups "$0" "$@"`
  return ['unshare', '-m', '--propagation', 'slave', 'sh', '-c', script]
}
