// What the command says of itself, and the verbs that work without a daemon or are one. Text only, as help.ts: the manual
// pages are made of it (scripts/man.js) where there is no addon yet.

import { DEFAULT_SOCKET } from '../contract/client.js'
import { DOCKER_SOCKET, DOCKER_STATE } from '../docker/places.js'
import { LIMIT_NAMES, LIMITS } from '../wishes/limits.js'

export const HELP = `uveth: a virtual Ethernet cable in user space

Usage: uveth [OPTIONS] VERB …

Pairs that stay, kept by a daemon, in the grammar of ip link:
  link add A type veth peer B    make a pair; starts the daemon where none runs
  link show, link set, link del  show pairs, change one end, remove a pair
  link set A impair|rule|flap    delay, lose or drop what A sends; pull the plug
                                 for a moment; all of it at times: schedule
  add A B                        short for link add
  monitor                        say what happens to pairs
  stats                          count frames, bytes and drops
  top                            watch rates, drops and what is ordered
  capture NAME                   what crosses a pair, as pcapng: into a file, or
                                 a pipe to tshark
  replay FILE NAME               put a recording on the cable again
  web                            a page that shows pairs and changes them, for a
                                 browser on this machine
  apply FILE, destroy FILE       make namespaces and pairs as a file describes
                                 them, or remove them

One pair in the foreground, with no daemon:
  run A B                        make it and forward until Ctrl-C

Around it:
  daemon                         run the daemon in the foreground, or end it:
                                 daemon --stop
  health                         how the daemon is
  doctor                         whether this machine can run it
  completion bash|zsh|fish       print a completion script
  shim                           run scripts that were written for kernel veth
  sandbox COMMAND                run a command where it is root and may make
                                 pairs, without root
  shell WORDS -- COMMAND         run a command whose network is slow or lossy

OPTIONS, as ip has them, in front of the verb:
  -json -pretty -stats -details -brief -oneline
                                 how link show and stats print
  -h[uman-readable] -iec         numbers as 1.25M; of 1024: 1.19Mi
  -netns NS                      give the order in this network namespace
  -batch FILE                    many orders, one a line (- for stdin); -force
                                 goes on after a failure
  --socket PATH                  the daemon's socket (default: UVETH_SOCKET,
                                 else /run/uveth/control.sock)
  --no-start                     start no daemon
  --color[=always|auto|never]    colours (default: on a terminal, unless
                                 NO_COLOR is set)

Exit codes: 0; 1 wrong use or no such device; 2 the kernel refused. link, add,
stats, monitor and the options in front of a verb have ip's: 255 for a word that
is missing or wrong, 2 for a value that is not allowed.

Examples:
  uveth link add veth0 type veth peer name veth1
  uveth link set veth0 up
  uveth link set veth0 impair delay 10ms loss 1% seed 42
  uveth -stats link show veth0
  uveth link del veth1

  uveth help VERB      what a verb takes, with examples; also VERB --help
  uveth --version      the version
`

export const SHELL_HELP = `uveth shell: run a command whose only way out is a bad network

Usage: uveth shell [WORDS] [up WORDS] [down WORDS] [OPTIONS] [-- COMMAND…]
       uveth shell --profiles

WORDS are those of tc netem, as behind impair in uveth link help: delay 50ms
loss 1% rate 10mbit. They are for what the command sends and for what it
receives; behind up and down they are for one of both. So delay 50ms adds 100 ms
to a round trip. Without a COMMAND it is the user's own shell.

OPTIONS:
  --profile NAME    a network that has a name; words go over what it says
  --profiles        list them, with what they are and where that comes from
  --seed N          lose the same frames again
  --capture FILE    write what crosses into FILE, as pcapng: each frame once, at
                    its sender
  --both            the capture has each frame at its receiver, too
  --host-loopback   ports of the loopback outside can be reached, at the address
                    in UVETH_HOST
  --via forward|pasta|slirp4netns
                    how it leads out (default: the first one that works)
  --quiet           no statistics at the end

The command has network, mount and process namespaces of its own, with loopback
and one interface, eth0. Its other end, outside, leads on: as root the machine
forwards and masquerades, by nftables or iptables; otherwise pasta (package
passt) or slirp4netns carries it on. Over IPv4. Names are resolved as outside,
over the same network. A shell in a shell has the faults of both.

Files, user and environment are the caller's, and so is the terminal. Signals
are passed on. The exit status is the command's, 128 and its number where a
signal has ended it; 125 where there is no way out, 127 where there is no such
program. With the command all ends that was started in it, and when uveth is
killed as well. Statistics are written to standard error.

Examples:
  uveth shell delay 50ms loss 1% -- npx playwright test
  uveth shell --profile 3g -- curl -o /dev/null https://example.com/
  uveth shell up rate 1mbit down rate 10mbit delay 20ms 5ms -- ./client
  uveth shell --seed 42 --capture bad.pcapng loss 5% -- ./client
`

export const RUN_HELP = `uveth run: make a pair of interfaces and forward between them until Ctrl-C

Usage: uveth run A B [OPTIONS]

  A, B              names of the two interfaces (%d: a free number)
  --netns-a NS      network namespace of A: a name (ip netns add NS), a process
                    id, a path, or a container's name or id
  --netns-b NS      the same of B
  --addr-a CIDR     an address for A, like 10.0.0.1/24 or fd00::1/64; may be
                    given several times
  --addr-b CIDR     the same for B
  --address-a MAC   MAC address of A; otherwise random
  --address-b MAC   the same of B
  --mtu N           MTU of both, 68 to 65521 (default 1500)
  --impair-a WORDS  degrade what A sends, in the words of tc netem: 'delay 10ms
                    loss 1% seed 42'
  --impair-b WORDS  the same of B
  --rule-a RULE     for single frames that A sends: 'drop udp dport 53 nth 3';
                    also several times
  --rule-b RULE     the same of B
  --capture FILE    write what crosses the pair into FILE, as pcapng: each frame
                    once, at its sender
  --both            the capture has each frame at its receiver, too
  --memory SIZE     for frames that wait, held or in the capture's ring, like
                    512mb (default: a quarter of what the machine or its memory
                    cgroup leaves to the command)
  --down            leave both ends down; otherwise they are brought up
  --quiet           no IPv6 chatter from the fresh interfaces
  --json            JSON lines on stdout: ready, carrier, renamed, moved, stats,
                    closed
  --log LEVEL       log to stderr (JSON, by pino): debug, info or warn

Impairments, rules and captures are in force from the first frame. Their words:
uveth link help.

SIGUSR1 prints statistics; Ctrl-C, SIGTERM or SIGHUP removes both interfaces and
prints them once more. The command also ends when either interface is deleted,
or its namespace is. Exit codes: 0 after any of these; 1 for wrong use; 2 when
the kernel refuses.

Examples:
  uveth run veth0 veth1 --addr-a 10.0.0.1/24
  ip netns add left; ip netns add right
  uveth run eth0 eth0 --netns-a left --addr-a 10.0.0.1/24 \\
                      --netns-b right --addr-b 10.0.0.2/24
  ip netns exec left ping 10.0.0.2
  uveth run veth0 veth1 --impair-a 'rate 10mbit' --rule-b 'drop arp nth 1'
`

export const DAEMON_HELP = `uveth daemon: keep pairs, and take orders over a Unix socket and netlink

Usage: uveth daemon [OPTIONS]
       uveth daemon --replace [OPTIONS]
       uveth daemon --stop [--socket PATH]

  --socket PATH     where it listens (default: UVETH_SOCKET, else
                    ${DEFAULT_SOCKET})
  --state FILE      keep the wanted pairs in FILE as they are, whoever changes
                    them, and make them again at the next start
  --holder          a process of its own starts the daemon, keeps copies of the
                    descriptors of its interfaces, and starts it again when it
                    was killed: these stay then (needs --state)
  --workers N       forwarding threads (default 1)
  --memory SIZE     for frames that wait, held or in a capture's ring, of all
                    pairs together, like 512mb (default: a quarter of what the
                    machine or its memory cgroup leaves to the daemon)
  --netlink on|off|PORT
                    the generic netlink family "veth" on NETLINK_USERSOCK, on
                    its own port id or on PORT (default: on with the default
                    socket, off with another one)
  --idle-exit SECONDS
                    end after so long without a pair
  --metrics HOST:PORT|PATH
                    serve /metrics and /health, and nothing else, there too: at
                    a TCP address ([ADDRESS]:PORT for IPv6), or at a socket that
                    whoever may enter its folder may connect to
  --docker          be a driver of networks for a container engine, as "uveth":
                    docker network create -d uveth [-o impair='delay 10ms'] NET.
                    Without --state it keeps pairs in ${DOCKER_STATE},
                    and networks in docker.json beside that in any case
  --docker-socket PATH
                    the same, as the driver that the engine finds at PATH
                    (default: ${DOCKER_SOCKET})
  --limit NAME=N    how much there may be of one thing (below); any number of
                    times
  --log LEVEL       what is logged to stdout (JSON, by pino): trace, debug,
                    info, warn, error, silent
  --replace         take the place of the daemon that runs, as after an upgrade:
                    interfaces, addresses, routes and connections stay, and what
                    is not said is as that one was told (--state cannot change);
                    returns when the new one runs in the background. If it
                    cannot, the old one stays
  --stop            end the daemon that listens on the socket; returns when it
                    has ended

It stays in the foreground; \`uveth link add\` starts one in the background
where none runs. SIGTERM and SIGINT remove every pair and end it. One daemon for
each socket: a second one exits with 1 and names the first. The socket's folder
is made with mode 0750, the socket has mode 0660: whoever may open it may give
orders. With NOTIFY_SOCKET set, systemd is told when it is ready; with FDSTORE
set and --state, it is given copies of the descriptors, and SIGTERM leaves the
interfaces to it: the next start finds them as they are. The log of one
that \`uveth link add\` has started stands in SOCKET.log and, before that, in
SOCKET.log.1, 1 MiB each.

Limits, and what they are unless told otherwise:
${LIMIT_NAMES.map((name) => `  ${`${name}=${LIMITS[name].most}`.padEnd(18)}${LIMITS[name].about}`).join('\n')}

Examples:
  uveth daemon --state /var/lib/uveth/pairs.json
  uveth daemon --metrics 127.0.0.1:9823
  uveth daemon --docker
  curl --unix-socket ${DEFAULT_SOCKET} http://uveth/v1/pairs
  uveth daemon --replace
  uveth daemon --stop
`

export const HEALTH_HELP = `uveth health: one line about the daemon; exit code 0 when all is well, else 1

Usage: uveth health [-j] [--socket PATH]

  -j                JSON
  --socket PATH     where it listens (default: UVETH_SOCKET, else
                    ${DEFAULT_SOCKET})
`

export const DOCTOR_HELP = `uveth doctor: whether this machine can run uveth, line by line, with a remedy
for what is wrong

Usage: uveth doctor [-j] [--socket PATH]

  -j                JSON: [{check, status, what, remedy}]
  --socket PATH     where the daemon listens (default: UVETH_SOCKET, else
                    /run/uveth/control.sock)

A line begins with ok, warn (something works worse, or not at all) or fail
(pairs cannot be made). Exit code 0 when there is no fail, 1 otherwise. It makes
an interface of its own for a moment.
`

export const WEB_HELP = `uveth web: a page that shows the pairs and changes them, for a browser

Usage: uveth web [--port N] [--host ADDRESS] [--socket PATH]

  --port N          where it is served (default: a port that is free)
  --host ADDRESS    of loopback: 127.0.0.1 (the default), 127.x.x.x or ::1
  --socket PATH     where the daemon listens (default: UVETH_SOCKET, else
                    ${DEFAULT_SOCKET})

The address that is printed holds a token, anew at each start: whoever has it
may do what the page does, that is see all pairs, impair them, pull their plugs,
and record what crosses them. Behind the # it stays in the browser: a reload
keeps it, another tab needs the address again. From another machine come by
ssh -L 8080:127.0.0.1:8080, with --port 8080 here.

The page shows namespaces and cables, what crosses each and what is dropped, a
chart of the last minutes, and events. Of the pair that is chosen it sets
carrier and impairments, by sliders, fields, or the words of tc netem, and
records a capture, which the browser saves as pcapng. It goes on when the daemon
is replaced, and waits where there is none; it starts none.

It stays in the foreground until Ctrl-C, SIGTERM or SIGHUP.

Examples:
  uveth web
  uveth web --port 8080
`
