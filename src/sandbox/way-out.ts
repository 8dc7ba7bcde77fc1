// How the network of a shell leads out, as texts for sh: rules by which the machine forwards and masquerades, or a
// program that carries it on as an ordinary user. What they set up ends with their stdin, however that ends. Run by
// cli/shell/; nothing is run here.

/** The status when the name of the interface is another shell's. */
export const TAKEN = 3
/** In front of the name of each shell's table or chain. */
const PREFIX = 'uveth-shell-'
/** One shell at a time changes rules. Whoever could open the file could lock it for good: it is root's alone. */
const LOCK = '/run/uveth-shell.lock'
/** There while forwarding is on because of shells. */
const WAS_OFF = 'uveth-forwarding'

/**
 * $1: interface of the gate; $2, $3: addresses of it and of the shell; $4: not empty where the gate's is to be the
 * loopback of what is outside, too, but for port $5, if that is given. Rules of nftables, otherwise of iptables. Where a
 * firewall of iptables (Docker, ufw) drops what is forwarded, these two interfaces pass. Whether the machine forwards is
 * one setting for all: it goes back with the last shell.
 */
export const FORWARD = `
trap '' HUP INT TERM
PATH=$PATH:/usr/sbin:/sbin
name=$1 gate=$2 shell=$3 loopback=$4 except=$5
on=/proc/sys/net/ipv4/ip_forward
by_nft() {
  nft -f - <<END
create table ip ${PREFIX}$name
table ip ${PREFIX}$name {
  chain leaving { type nat hook postrouting priority 100; ip saddr $shell oifname != "$name" masquerade; }
\${loopback:+
  chain arriving { type nat hook prerouting priority -100;
    \${except:+iifname "$name" ip daddr $gate th dport $except return;}
    iifname "$name" ip daddr $gate meta l4proto { tcp, udp \\} dnat to 127.0.0.1;
  \\}
}
}
END
}
nat() { iptables -w -t nat "$@"; }
by_iptables() {
  nat -N ${PREFIX}"$name" && nat -A POSTROUTING -s "$shell" ! -o "$name" -j MASQUERADE || return
  [ -z "$loopback" ] || arriving -A
}
arriving() {
  for protocol in tcp udp; do
    nat "$1" PREROUTING -i "$name" -d "$gate" -p $protocol \${except:+! --dport $except} -j DNAT --to-destination 127.0.0.1
  done
}
tables() { nft list tables 2>/dev/null; nat -S 2>/dev/null; }
passing() { iptables -w "$1" FORWARD -i "$name" -j ACCEPT; iptables -w "$1" FORWARD -o "$name" -j ACCEPT; }
turn_on() {
  [ "$(cat $on)" = 0 ] || return 0
  echo 1 >$on && { nft add table ip ${WAS_OFF} 2>/dev/null || nat -N ${WAS_OFF}; }
}
clear() {
  if [ "$by" = nft ]; then nft delete table ip ${PREFIX}"$name"
  else
    nat -D POSTROUTING -s "$shell" ! -o "$name" -j MASQUERADE
    [ -z "$loopback" ] || arriving -D
    nat -X ${PREFIX}"$name"
  fi
  if [ -n "$passed" ]; then passing -D; fi
  case $(tables) in
    *${PREFIX}*) ;;
    *${WAS_OFF}*) echo 0 >$on; nft delete table ip ${WAS_OFF} || nat -X ${WAS_OFF} ;;
  esac
}
umask 077
{ true >>${LOCK}; } 2>/dev/null || { echo "${LOCK} cannot be written" >&2; exit 1; }
exec 9>>${LOCK}
flock 9
if said=$(by_nft 2>&1); then by=nft
else
  case $said in *'File exists'*) exit ${TAKEN} ;; esac
  if also=$(by_iptables 2>&1); then by=iptables
  else
    case $also in *'already exists'*) exit ${TAKEN} ;; esac
    printf '%s\\n' "$said" "$also" | grep -v '^$' | head -n 1 >&2
    by=iptables; clear >/dev/null 2>&1
    exit 1
  fi
fi
passed=
if said=$(turn_on 2>&1); then
  if iptables -w -S FORWARD 2>/dev/null | grep -qvxe '-P FORWARD ACCEPT'; then passing -I >/dev/null 2>&1 && passed=1; fi
else
  clear >/dev/null 2>&1
  echo "net.ipv4.ip_forward is 0 and cannot be changed" >&2
  exit 1
fi
flock -u 9
echo ready
while read -r _; do :; done
flock 9
clear >/dev/null 2>&1
`

/** "$@": a program that ends with this one's stdin. Its status is this one's. */
export const CARRIED = `
exec 3<&0
"$@" </dev/null &
carrier=$!
{ trap '' HUP INT TERM; cat <&3 >/dev/null; kill -9 $carrier; } >/dev/null 2>&1 &
wait $carrier
`

export type Carrier = 'pasta' | 'slirp4netns'
/** Debian's packages. */
export const PACKAGES: Record<Carrier, string> = { pasta: 'passt', slirp4netns: 'slirp4netns' }
/** Where each forwards questions for names to the machine's name server: one of ours; its own. */
export const NAME_SERVER: Record<Carrier, string> = { pasta: '169.254.1.53', slirp4netns: '10.0.2.3' }

export interface CarrierOptions {
  readonly hostLoopback: boolean
  /** Is the machine's name server to answer at NAME_SERVER? pasta would then answer for it at its own address, too. */
  readonly names: boolean
  /** Is it root who calls? */
  readonly root: boolean
}

/** The command by which `carrier` gives the namespaces of process `pid` an interface with a way out. */
export function carrierCommand(
  carrier: Carrier,
  pid: number,
  { hostLoopback, names, root }: CarrierOptions,
): string[] {
  if (carrier === 'slirp4netns') {
    const loopback = hostLoopback ? [] : ['--disable-host-loopback']
    return ['slirp4netns', '--configure', '--mtu=1500', ...loopback, String(pid), 'tap0']
  }
  return [
    ...['pasta', '--foreground', '--quiet', '--ipv4-only', '--config-net', '--mtu', '1500'],
    ...['-t', 'none', '-u', 'none', '-T', 'none', '-U', 'none'],
    ...(hostLoopback ? [] : ['--no-map-gw']),
    ...(names ? ['--dns-forward', NAME_SERVER.pasta] : []),
    ...(root ? ['--runas', '0'] : []),
    String(pid),
  ]
}
