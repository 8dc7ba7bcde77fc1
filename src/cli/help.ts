// What the verbs that talk to the daemon say of themselves. Text only, so that it costs nothing to load.

export const LINK_HELP = `uveth link: make, show, change and remove pairs, in the grammar of ip link

Usage: uveth [OPTIONS] link add [[name] NAME] [ATTRIBUTES] type veth [queues N] [quiet] [id ID]
                                [peer [[name] NAME] [ATTRIBUTES]]
       uveth [OPTIONS] add NAME NAME
       uveth [OPTIONS] link del NAME
       uveth [OPTIONS] link set NAME [up|down] [carrier on|off|auto] [name NEW] [ATTRIBUTES]
       uveth [OPTIONS] link [show [NAME] [up]]

ATTRIBUTES:
  netns NS          network namespace: a name (ip netns add NS), a process id, a path or a container's
                    name or id; container:NAME is always a container
  address MAC       MAC address; otherwise random
  mtu N             68 to 65521 (default 1500)
  txqueuelen N      frames that the kernel keeps before it drops (default 1000)
  up                bring it up at once (link add leaves it down, as ip does)

Behind type veth:
  queues N          queues of each end, at most the number of the daemon's workers
  quiet             no IPv6 chatter from the fresh interfaces
  id ID             what the pair is called; otherwise the name of its first end

NAME is an interface of the namespace that the order comes from, a pair's id, or an interface anywhere;
NAME@NETNS and id:ID are exact. Names may be left out of link add: the next free numbers are taken.
Keywords may be shortened as in ip: uveth l a veth0 addr 02:00:00:00:00:01 ty veth peer veth1
The first link add starts the daemon where none runs; it ends a quiet minute after its last pair.

Examples:
  uveth link add veth0 type veth peer name veth1
  uveth link add veth0 netns left type veth peer name veth1 netns right mtu 9000
  uveth -n blue link add eth0 up type veth peer eth0 netns green up
  uveth link set veth0 carrier off
  uveth link set veth1 mtu 9000 name lan0 up
  uveth -s -d link show veth0
  uveth -j link show | jq '.[].linkinfo.info_data.peer'
  uveth link del veth0
`

export const MONITOR_HELP = `uveth monitor: say what happens to pairs, until Ctrl-C

Usage: uveth monitor [-json]

One line for each event: added, changed, carrier, renamed, moved, removed. With -json one object a line.

Examples:
  uveth monitor
  uveth -json monitor | jq 'select(.event == "carrier")'
`

export const STATS_HELP = `uveth stats: count frames, bytes and drops by cause

Usage: uveth stats [NAME] [-json]

Both ends of every pair, or of one, each from its own point of view, as ip -s link has it. On a terminal
a table; otherwise lines of fields with tabs between them, under a line of their names.

Examples:
  uveth stats veth0
  uveth stats | cut -f 2,3
  uveth -json -pretty stats
`

export const COMPLETION_HELP = `uveth completion: print a completion script for a shell

Usage: uveth completion bash|zsh|fish

Examples:
  source <(uveth completion bash)
  uveth completion zsh > /usr/share/zsh/vendor-completions/_uveth
  uveth completion fish > ~/.config/fish/completions/uveth.fish
`
