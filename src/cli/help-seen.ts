// What the verbs say of themselves that show what happens on pairs. Text only, as help.ts.

/** Also the page that `h` shows. */
export const TOP_KEYS = `up, down, page up, page down, home, end
                    choose a pair, or scroll; j, k, g and G do it, too
enter               the pair in detail, with its rules; esc: back to the list
< >                 sort by the next column; B, F, D, N: by that one
r                   the other way round
/                   only pairs with this text; = all of them
s, d                seconds between two looks
space               pause, and go on
ctrl-l, ctrl-z      draw it anew; suspend
h, ?                these lines
q, ctrl-c           leave
`

export const TOP_HELP = `uveth top: watch what crosses the pairs, as top does processes

Usage: uveth top [-d SECONDS] [-n COUNT] [-o COLUMN [-r]] [--filter TEXT]
                 [-b | -j]

On a terminal, until q: for each direction of each pair its rate, frames and
drops by cause each second, what is ordered for it (delay, loss, rules), and
bars of its rate until now. A daemon that ends is waited for.

  -d, --delay SECONDS
                    between two looks (default 1, at least 0.05)
  -n, --iterations COUNT
                    end after so many
  -o, --sort COLUMN rate (default), frames, drops or name
  -r, --reverse     the other way round
  --filter TEXT     only pairs with this text in their id, a name or a namespace
  -b, --batch       a table for each look, one below the other
  -j, --json        an array of pairs for each look

Where no terminal follows, and with -j, there is one look, of what happened in
SECONDS, unless -n or -b say otherwise: lines of fields with tabs between them,
bits and frames each second, under a line of their names. Behind -netns, in
front of the verb, only pairs with an end there. NO_COLOR and --color are
obeyed; a terminal that is dumb gets tables.

Keys:
${TOP_KEYS.replace(/^(?=.)/gm, '  ')}
Examples:
  uveth top
  uveth top -d 0.1 -o drops
  uveth top | cut -f 2-5
  uveth top -j -n 5 --filter left | jq '.[].a.bits_per_second'
`

export const MONITOR_HELP = `uveth monitor: say what happens to pairs, until Ctrl-C

Usage: uveth monitor [-json] [-t | -ts]

One line for each event: added, removed, carrier, renamed, moved; state, with
what somebody has set of an interface, before and after; changed, with what was
ordered of uveth.

  -t                when it was, in a line in front of each
  -ts               the same at the beginning of the line
  -json             one object a line: state has before and after; with -t or
                    -ts a timestamp

Examples:
  uveth monitor
  uveth -ts monitor
  uveth -json monitor | jq 'select(.event == "carrier")'
`

export const STATS_HELP = `uveth stats: count frames, bytes and drops by cause

Usage: uveth stats [NAME] [-json]

Both ends of every pair, or of one, each from its own point of view, as ip -s
link has it. On a terminal a table; otherwise lines of fields with tabs between
them, under a line of their names. What impairments and rules did (inspected,
rules) has columns where there is something to say; with -json it is always
there. Of the drops nobody has ordered "queue" (the kernel had no room for the
frame, since the cable came late) and "limit": on a terminal what helps stands
under the table.

Examples:
  uveth stats veth0
  uveth stats | cut -f 2,3
  uveth -json -pretty stats
`

export const CAPTURE_HELP = `uveth capture: what crosses a pair, as pcapng

Usage: uveth capture NAME [-w FILE] [--end a|b | --both] [--snaplen N]
                     [RING] [MATCH]

  -w FILE           a file, which is replaced, a named pipe, or - for standard
                    output (the default, unless that is a terminal)
  --end a|b         at this end only: what it sends, and what is delivered to it
  --both            at both ends: each frame as it was sent, and once more as it
                    was delivered
  --snaplen N       keep N bytes of each frame (default: all)

RING: a ring of files FILE-00001, FILE-00002 and so on
  --filesize SIZE   a file is at most so long, like 10mb
  --seconds N       a file covers at most N seconds
  --files N         keep the last N files only

MATCH: only some frames, in the words of rules: uveth link help has them.

Both ends are interfaces of the file; where they have one name, it stands as
NAME@NETNS. A frame is there once, at the end that sent it, and a comment says
what became of it: dropped, and why; delayed, duplicated or changed. (One that
was held, and is dropped when carrier goes, is there once more.) With --both it
has the same epb_packetid at both ends. Frames that could not be written fast
enough are lost: the statistics at the file's end count them, and standard error
says so.

Ctrl-C, SIGTERM, SIGHUP, the end of the pair and a reader that leaves end it,
with a complete file and status 0. A second signal ends it as it is, a second
after the first. Where the daemon is killed the file is complete up to then, and
the status 2.

Examples:
  uveth capture veth0 -w veth0.pcapng
  uveth capture veth0 | tshark -i -
  uveth capture veth0 --end a udp dport 53 | tshark -i - -V
  uveth capture veth0 -w ring.pcapng --filesize 10mb --files 5
`

export const REPLAY_HELP = `uveth replay: put the frames of a recording on the cable again

Usage: uveth replay FILE NAME [--from WHO] [--peer-from WHO] [--speed N|max]
                    [--loop N]

FILE is pcap or pcapng, of Ethernet and of any program, or - for standard input.
Its frames leave as if the kernel of NAME had sent them, as far apart as they
were, to about a millisecond: rules, impairments and captures of NAME meet them,
and with the same seed the same ones are lost each time.

  --from WHO        only the frames that WHO has sent: an interface of the
                    recording, or a MAC address
  --peer-from WHO   at the same time NAME's peer sends those of WHO
  --speed N|max     2 is twice as fast; max: as fast as the cable takes them
  --loop N          play it N times; 0: until Ctrl-C

The last line says how many frames were sent, and how many were left out since
the recording does not have them whole or no cable carries them; with -json one
object for each interface. Ctrl-C, SIGTERM and SIGHUP end it with that line, and
status 128 and the signal's number; 0 where it was to go on until then. A daemon
that is replaced ends it, with an error.

Examples:
  uveth replay call.pcapng veth0
  uveth replay call.pcapng veth0 --from eth0 --peer-from eth1
  uveth replay storm.pcap veth0 --speed max --loop 10
  zcat old.pcap.gz | uveth replay - veth0 --speed 2
`
