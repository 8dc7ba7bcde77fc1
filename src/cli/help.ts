// What the verbs that talk to the daemon say of themselves. Text only, so that it costs nothing to load.

export const LINK_HELP = `uveth link: make, show, change and remove pairs, in the grammar of ip link

Usage: uveth [OPTIONS] link add [[name] NAME] [ATTRIBUTES] type veth
                                [queues N] [quiet] [id ID]
                                [peer [[name] NAME] [ATTRIBUTES]]
                                [peer vxlan id N remote ADDR TUNNEL]
       uveth [OPTIONS] add NAME NAME
       uveth [OPTIONS] link del NAME
       uveth [OPTIONS] link set NAME [up|down] [carrier on|off|auto]
                                [name NEW] [ATTRIBUTES]
       uveth [OPTIONS] link set NAME impair WORDS|show|none
       uveth [OPTIONS] link set NAME rule add RULE|replace ID RULE
       uveth [OPTIONS] link set NAME rule show|del ID|flush
       uveth [OPTIONS] link set NAME flap TIME [TIMES]
       uveth [OPTIONS] link set NAME schedule FILE|show|off
       uveth [OPTIONS] link [show [NAME] [up] [group GROUP]
                                  [master DEVICE|nomaster]]

ATTRIBUTES:
  netns NS          network namespace: a name (ip netns add NS), a process id, a
                    path or a container's name or id; container:NAME is always a
                    container. Of a process id the kernel is told where it may
                    not be looked into (no CAP_SYS_PTRACE)
  address MAC       MAC address; otherwise random
  mtu N             68 to 65521 (default 1500)
  txqueuelen N      frames that the kernel keeps before it drops (default 8192);
                    those that find no room in a shorter queue are lost
                    uncounted, with carrier off none
  index N           interface index, of link add only; otherwise the kernel
                    chooses
  link-netns NS     in front of type veth: where the peer stands, unless it says
                    so itself
  up                bring it up at once (link add leaves it down, as ip does)

Behind type veth:
  queues N          queues of each end, at most 256, shared out over the
                    daemon's workers; numtxqueues N is the same
  quiet             no IPv6 chatter from the fresh interfaces
  id ID             what the pair is called; otherwise the name of its first end

Behind peer vxlan, instead of an interface: a VXLAN tunnel (RFC 7348) to another
host, with the kernel's type vxlan or uveth there; its end is called
vxlanN:ADDR, and takes impair, rule and what shows:
  id N              the network (VNI)
  remote ADDR       the other host, IPv4 or IPv6; no other is listened to
  local ADDR        address of this host to use; otherwise any
  dstport N         UDP port on both hosts (default 4789); each remote has one
                    tunnel by a port
  keepalive SECONDS on both sides, where both are uveth: there is carrier while
                    the other side would have it, and none when nothing came in
                    three times that time (0.1 to 3600; 500ms); default: off
It leaves from the namespace that the daemon stands in. A frame is 50 bytes
longer on its way (70 over IPv6): mtu 1450 keeps it whole where that has 1500.

Behind impair, in the words of tc netem, what is done to the frames that NAME
sends; each order replaces the whole set, and with the same seed the same frames
are hit:
  delay TIME [JITTER [CORRELATION]]
        [distribution uniform|normal|pareto|paretonormal|FILE]
  loss P% [CORRELATION] | loss gemodel P [R [1-H [1-K]]]
        | loss state P13 [P31 [P32 [P23 [P14]]]]
  duplicate P% [CORRELATION]     corrupt P% [CORRELATION]
  reorder P% [CORRELATION] [gap N]
  rate RATE [OVERHEAD [CELLSIZE [CELLOVERHEAD]]] [burst SIZE] | rate trace FILE
  limit FRAMES     seed N        ecn
  slot MIN [MAX] [packets N] [bytes SIZE]
FILE is a table of iproute2 (x.dist, or a name that tc has a table for), which
this command reads; the numbers stay with the pair. That of rate trace is one of
Mahimahi: in each line a time in ms at which 1500 bytes may leave, in a loop.
ecn marks what would be lost, where its sender takes part in ECN.
CORRELATION does what it does in netem: each draw leans on the one before, which
makes rare things much rarer.

RULE: what is done to single frames that NAME sends: an action, and which frames
it is for:
  drop | delay TIME | duplicate [N]
  | corrupt [at OFFSET] [mask M] [bits N] [seed N]
  | impair IMPAIRMENT | impair none
  ethertype X   src MAC|PREFIX   dst MAC|PREFIX
  vlan ID|any [pcp N]   length MIN-MAX
  ip | ip6 | inet   proto P   ttl RANGE   dscp N   fragment | whole
  tcp | udp [sport RANGE] [dport RANGE] [port RANGE] [flags syn,!ack]
  icmp [type N] [code N]
  arp [op request|reply|N]   bytes OFFSET:MASK:VALUE   nth N | every N | first N
Rules come first, in their order, then the impairments. link show -d has both,
with what they met. The action may also stand behind the match.
With impair, frames that match have an impairment of their own, in place of that
of NAME, with draws, rate, limit and a queue of its own. The first such rule
that matches takes a frame; "none" leaves it as it is.

flap takes carrier away for TIME and gives it back, TIMES times; it returns when
that is over.

schedule takes a file, YAML or JSON (- is standard input), of what NAME's
impairment and the carrier are to be at which time. The daemon's forwarding
thread keeps the time:
  period: 20s                      with repeat: how long a round is
  repeat: true                     or how many rounds; without both it is one
  steps:                           at: since the round began
    - { at: 0s, impair: delay 20ms rate 10mbit }
    - { at: 10s, impair: loss 30% seed 7 }
    - { at: 15s, carrier: off }
    - { at: 16s, carrier: auto, impair: none }
impair replaces the whole set, in the words above or as over HTTP; each time it
comes it begins anew, so that the same seed hits the same frames. What a step
does not name stays. What the last step has set stays, too, when it is over or
off. Meanwhile impair and carrier by hand are refused where a step sets them.
Steps for which the daemon's thread was not there in time are passed over up to
the last, and counted as missed. A file of steps alone is one round.

NAME is an interface of the namespace that the order comes from, a pair's id, or
an interface anywhere; NAME@NS and id:ID are exact. An altname is a name, too.
Behind -n a plain name is an interface of that namespace. Names may be left out
of link add: the next free numbers are taken. Keywords may be shortened as in
ip:
  uveth l a veth0 addr 02:00:00:00:00:01 ty veth peer veth1

The first link add starts the daemon where none runs; it ends a quiet minute
after its last pair.

Examples:
  uveth link add veth0 type veth peer name veth1
  uveth link add veth0 netns left type veth peer name veth1 netns right mtu 9000
  uveth -n blue link add eth0 up type veth peer eth0 netns green up
  uveth link set veth0 carrier off
  uveth link set veth1 mtu 9000 name lan0 up
  uveth link set lan0 impair delay 10ms 2ms loss 1% seed 42
  uveth link set lan0 rule add drop udp dport 53 nth 3
  uveth link set lan0 rule add impair loss 10% delay 50ms udp dport 53
  uveth link set lan0 flap 200ms 3
  uveth link set lan0 schedule train.yaml
  uveth -s -d link show veth0
  uveth -j link show | jq '.[].linkinfo.info_data.peer'
  uveth link del veth0
`

export const APPLY_HELP = `uveth apply: make what there is as a file describes it

Usage: uveth apply FILE [--dry-run]
       uveth apply --schema

The file is YAML, with links as containerlab has them, in the brief and in the
extended form, and faults beside them:

  name: lab
  topology:
    nodes:
      left:                       a namespace that is made: lab-left
      right: { netns: blue }      one that is there: a name, a path, a process
                                  id
      web: { container: web }     a container that runs
    links:
      - endpoints: ["left:eth1", "right:eth1"]
        mtu: 1400
        impair: delay 10ms loss 1%
      - type: veth
        endpoints:
          - { node: left, interface: eth2, ipv4: 10.0.0.1/24,
              rules: ["drop udp dport 53 nth 3"] }
          - { node: host, interface: lab0, ipv4: 10.0.0.2/24 }

impair and rules are in the words of uveth link help, or objects as over HTTP;
those of a link are for both ends, those of an endpoint go over them. An
endpoint may also have mac, ipv6, up, txQueueLength and schedule (as in uveth
link help), a link queues. The node "host" is where the order is given.

What is as wished stays untouched; what differs is changed without unplugging,
but for queues; what the lab has made and the file no longer has goes, but for
addresses of what stays. Each action is told in a line: + made, ~ changed,
- removed. Where it ends before the end, another apply goes on.

FILE may be - for standard input.

  --dry-run         tell them, and do nothing
  --schema          print the JSON Schema of the file, for editors

Examples:
  uveth apply lab.yaml --dry-run
  uveth apply lab.yaml
  uveth apply --schema > lab.schema.json
`

export const DESTROY_HELP = `uveth destroy: remove what uveth apply has made

Usage: uveth destroy FILE [--dry-run]

Pairs and namespaces of the file's lab go, also those that the file no longer
has. Namespaces that were there before, and containers, stay. FILE may be - for
standard input.

  --dry-run         tell what would be done, and do nothing

Examples:
  uveth destroy lab.yaml
`

export const COMPLETION_HELP = `uveth completion: print a completion script for a shell

Usage: uveth completion bash|zsh|fish

Examples:
  source <(uveth completion bash)
  uveth completion zsh > /usr/share/zsh/vendor-completions/_uveth
  uveth completion fish > ~/.config/fish/completions/uveth.fish
`

export const SHIM_HELP = `uveth shim: run scripts that were written for kernel veth, unchanged

Usage: PATH=$(uveth shim --path):$PATH ./their-script.sh

  --path                     print the folder to put in front of PATH
  run COMMAND …              run it in a mount namespace in which the real ones'
                             paths are ours (root)
  install --for COMMAND      a wrapper in /usr/local/bin, by which it always
                             runs so (root)
  install --system           ours at the real ones' paths, for everybody, until
                             the machine starts anew (root)
  uninstall --for COMMAND, uninstall --system

The folder holds "ip" and "tc". "ip" gives "ip link add … type veth" to uveth,
also behind "ip netns exec" and as a line of "ip -batch", and everything else to
the real ip behind it on PATH, with its output and exit codes. Lines that may be
about an end ask the daemon, where one runs. "ip link del" of an end returns
when its peer is gone as well, "ip link set … up|down" when both ends show the
carrier that follows. The daemon is started where none runs, without a word.

"ip link show type veth" shows our ends behind the kernel's own. An index can be
chosen as in the kernel; numtxqueues and numrxqueues are queues of both ends, at
most 256.

"tc" makes an impairment of netem on an end, with or without tbf or htb and one
class, as far as they mean one; "tc qdisc show" prints them. What is more is the
kernel's, which gets what led there too; so is everything else.

"run" and "install" reach what does not look on PATH: sudo, "env -i ip",
/sbin/ip. Programs that speak netlink themselves are not reached, nor what runs
in a container's own mounts; --path reaches only what looks on PATH.

The peer's "master", which ip takes and the kernel forgets, is done. Not as in
the kernel: an end is shown without "@peer" and M-DOWN, by -d as "tun
type tap"; while its peer is down as DOWN, not LOWERLAYERDOWN; with a qdisc
(pfifo_fast) instead of noqueue. Within one "ip -batch" the next line does not
wait for carrier, and "show type veth" shows the kernel's own only.

Examples:
  PATH=$(uveth shim --path):$PATH ip link add veth0 type veth peer name veth1
  PATH=$(uveth shim --path):$PATH ip link del veth1
  uveth shim run sudo ./their-script.sh
  uveth shim install --for their-lab
`

export const SANDBOX_HELP = `uveth sandbox: run a command where it is root, without being root

Usage: uveth sandbox [--] COMMAND…

The command has user, network, mount and process namespaces of its own:
interfaces, pairs, "ip netns", the daemon, captures and uveth/testing work in
it, and nothing of it is seen outside. /run is empty and its own, loopback is
up, files are the user's as always. There is no way out to a network. The
sandbox ends with the command: whatever was started in it is killed then, also
when uveth itself is killed.

It takes no privilege, but that users may make namespaces and open /dev/net/tun,
as on most distributions, and unshare of util-linux. Where it cannot work it
says what keeps it from that; so does uveth doctor.

Signals are passed on, and the terminal is the command's. The exit status is the
command's, 128 and its number where a signal has ended it; 125 where no sandbox
can be made, 127 where there is no such program. In it UVETH_SANDBOX is 1. With
vitest, globalSetup: ['uveth/testing/vitest-setup'] does the same for plain npx
vitest.

Examples:
  uveth sandbox npm test
  uveth sandbox sh -c 'uveth add veth0 veth1 && ip link'
  uveth sandbox bash
`
