# What shim/ip does about our own ends: after `link del` and `link set … up|down` of one it waits, as the kernel
# does for veth, until the peer has followed; `show type veth` shows them; batches are gone through. Read in by
# shim/ip for these lines only, with its `real` and the words that it has read. What is not ours goes on to the
# real `ip`. Says nothing of its own.
# shellcheck shell=sh disable=SC2154

nl='
'
readonly BACK='alias uveth peer'
# How an end looks whose alias is another now; foreign TAPs may look so too.
readonly TAP='tun type tap pi off vnet_hdr on persist off'
known=

# One line for each interface: NS, then what is to be shown. An empty NS is where we stand.
lines() {
  at=$1
  shift
  "$real" ${at:+-n "$at"} -d -o link show "$@" 2>/dev/null
}

name_of() {
  name=${1#*: }
  name=${name%%[@:]*}
}

# Whether a line is one of our ends; then its name, its peer and the peer's namespace.
is_ours() {
  name_of "$1"
  case $1 in
    *"$BACK "*) back=${1##*"$BACK "} ;;
    *"$TAP"*) ask_daemon || return 1 ;;
    *) return 1 ;;
  esac
  # shellcheck disable=SC2086
  set -- $back
  peer=${1%%\\*} peer_ns=
  [ "${2-}" != netns ] || peer_ns=${3%%\\*}
}

# An end without its alias: what that would say, of name. Once for all ends in the namespace of the order.
ask_daemon() {
  [ -S "${UVETH_SOCKET:-/run/uveth/control.sock}" ] || return 1
  [ -n "$known" ] || known=$nl$(to_uveth ends "$ns" 2>/dev/null)$nl
  case $known in *"$nl$name "*) ;; *) return 1 ;; esac
  back=${known#*"$nl$name "}
  back=${back%%"$nl"*}
}

# The peer's line, in the namespace `there`; fails when no peer of ours stands there.
see_peer() {
  peer_line=$(lines "$there" dev "$peer")
  case "$peer_line " in
    *"$BACK $name "* | *"$BACK $name\\"*) ;;
    *"$BACK "*) return 1 ;;
    *"$TAP"*) ;;
    *) return 1 ;;
  esac
}

# Finds the namespace of the peer. An alias without one means the daemon's: it is where the order goes, where
# we stand or where pid 1 stands, or we cannot look into it.
locate_peer() {
  if [ -n "$peer_ns" ]; then
    there=$peer_ns
    ! see_peer || return 0
    # One without a name, which ip cannot enter, may be where we stand.
    case $peer_ns in net:*) ;; *) return 1 ;; esac
  fi
  for there in "$ns" '' ../../proc/1/ns/net; do
    ! see_peer || return 0
  done
  return 1
}

# Bounded, as every loop here: a daemon that is stuck must not hang the script. A look takes 1 to 2 ms.
await_peers_end() {
  tries=0
  while [ $tries -lt 500 ] && see_peer; do tries=$((tries + 1)); done
}

is_up() { case $1 in *[,\<]UP[,\>]*) ;; *) return 1 ;; esac }
has_carrier() { case $1 in *[,\<]LOWER_UP[,\>]*) ;; *) return 1 ;; esac }

# Until both ends show carrier, or neither does, as their being up or down asks for; after locate_peer. A
# carrier that was forced off never comes, which is why this does not wait for long.
await_carrier() {
  tries=0
  while line=$(lines "$ns" dev "$name") && ! carrier_is_right && [ $tries -lt 40 ] && see_peer; do
    tries=$((tries + 1))
  done
}

carrier_is_right() {
  if is_up "$line" && is_up "$peer_line"; then
    has_carrier "$line" && has_carrier "$peer_line"
  else
    ! has_carrier "$line" && ! has_carrier "$peer_line"
  fi
}

about_ours() { [ -n "$name" ] && is_ours "$(lines "$ns" dev "$name")"; }

# `link del` of one interface.
delete() {
  about_ours || exec "$real" "$@"
  # A peer that we cannot see from here: the daemon can.
  locate_peer || to_uveth ip "$real" "$@"
  "$real" "$@" || exit
  await_peers_end
  exit 0
}

# `link set … up|down` of one interface.
turn() {
  about_ours || exec "$real" "$@"
  "$real" "$@" || exit
  await_turn
  exit 0
}

await_turn() {
  name=${renamed:-$name} tries=0
  until locate_peer; do
    tries=$((tries + 1))
    if [ -n "$renamed" ] && [ $tries -lt 20 ]; then continue; fi # its alias will follow
    [ "$turns" = down ] || await_own_carrier
    return
  done
  await_carrier
}

# Where the peer cannot be seen: it may be down, then nothing comes.
await_own_carrier() {
  tries=0
  while [ $tries -lt 10 ] && ! has_carrier "$(lines "$ns" dev "$name")"; do tries=$((tries + 1)); done
}

# `link show type veth` and `addr show type veth`: the kernel's own, then each of our ends. One that is named is
# one of ours, or the real ip's.
show() {
  front=$(($# - left))
  read_shown "$@"
  [ "$kind" = veth ] || exec "$real" "$@"
  if [ -n "$name" ]; then
    about_ours || exec "$real" "$@"
    show_end "$@"
    exit
  fi
  remember_ends
  [ -n "$ends" ] || exec "$real" "$@"
  if [ -z "$json" ]; then
    "$real" "$@" || exit
    each_end "$@"
  else
    all=$("$real" "$@") || exit
    all=${all%]}
    each_end "$@"
    printf '%s]\n' "$all"
  fi
  exit 0
}

# What stands behind the verb of `show`: an interface (name), and the kind that is asked for.
read_shown() {
  shift "$front"
  name='' kind=''
  while [ $# -gt 0 ]; do
    case $1 in
      type) kind=${2-} && shift ;;
      dev) name=${2-} && shift ;;
      to | scope | label | group | master | vrf | proto) shift ;;
      up | nomaster | -* | dynamic | permanent | primary | secondary | temporary | deprecated | tentative) ;;
      dadfailed | optimistic | nodad | home | mngtmpaddr | noprefixroute | autojoin | stable-privacy) ;;
      *) name=$1 ;;
    esac
    [ $# -eq 0 ] || shift
  done
}

each_end() {
  IFS=$nl
  for end in $ends; do
    unset IFS
    is_ours "$end" || continue
    if [ -z "$json" ]; then
      show_end "$@" dev "$name"
    else
      one=$(show_end "$@" dev "$name")
      one=${one#[}
      one=${one%]}
      case $one in *[!\ {}"$nl"]*) ;; *) continue ;; esac
      case $all in *[!\ []*) all=$all, ;; esac
      all=$all$one
    fi
  done
  unset IFS
}

# The order without `type veth`.
show_end() {
  before=$front skip=
  for word; do
    shift
    before=$((before - 1))
    if [ -n "$skip" ]; then skip= && continue
    elif [ $before -lt 0 ] && [ "$word" = type ]; then skip=yes && continue
    fi
    set -- "$@" "$word"
  done
  "$real" "$@"
}

# -batch: where one of our orders is in it, uveth goes through it line by line; otherwise it is the real ip's.
# Lines that uveth has passed on come back here, and are the real ip's whatever they look like.
batch() {
  if [ -n "${UVETH_SHIM_PASSED-}" ]; then
    unset UVETH_SHIM_PASSED
    remember_ends
    [ -n "$ends" ] || exec "$real" "$@"
    "$real" "$@"
    status=$?
  elif [ "$batch" = - ]; then
    remember_ends
    batch_of_stdin "$@"
  elif [ -f "$batch" ]; then
    ! grep -qw veth -- "$batch" || to_uveth batch "$real" 0 0 '' "$@"
    remember_ends
    [ -n "$ends" ] || exec "$real" "$@"
    "$real" "$@"
    status=$?
  elif [ -e "$batch" ] && ! [ -d "$batch" ]; then
    # A pipe: it can be read once only.
    to_uveth batch "$real" 0 0 '' "$@"
  else
    exec "$real" "$@"
  fi
  await_ends
  exit "$status"
}

# Line by line to a real ip, as it comes; from the first line that is ours on it is uveth's. read takes single
# bytes from a pipe, so what is behind that line is still there.
batch_of_stdin() {
  exec 4>&1
  said=$(
    exec 3>&1
    feed | "$real" "$@" 3>&- >&4 4>&-
    echo $? >&3
  )
  exec 4>&-
  status=${said##*"$nl"}
  # Without one the real ip was not waited for: whoever ended that ends this.
  case $status in '' | *[!0-9]*) exit 1 ;; esac
  [ "$status" != "$said" ] || return 0
  if [ "$status" -gt 2 ] || { [ "$status" != 0 ] && [ -z "$force" ]; }; then return 0; fi
  said=${said%"$nl"*}
  to_uveth batch "$real" "${said%%"$nl"*}" "$status" "${said#*"$nl"}" "$@"
}

# Copies orders to stdout. The first of ours, with the number of its last line, goes to descriptor 3.
feed() {
  count=0 text=
  while IFS= read -r line || [ -n "$line" ]; do
    count=$((count + 1))
    text=$text${text:+$nl}$line
    case $line in *\\) continue ;; esac
    case " $text " in
      *[[:space:]\"\']veth[[:space:]\"\']*)
        printf '%s\n%s\n' "$count" "$text" >&3
        return
        ;;
    esac
    printf '%s\n' "$text"
    text=
  done
  [ -z "$text" ] || printf '%s\n' "$text"
}

# Our ends in the namespace of the order, and what may be one.
remember_ends() {
  ends=$(lines "$ns" type tun)
  case $ends in *"$BACK "* | *"$TAP"*) ;; *) ends= ;; esac
}

# After a batch: the peers of ends that are gone, and the carrier of ends that went up or down.
await_ends() {
  [ -n "$ends" ] || return 0
  now=$(lines "$ns" type tun)
  IFS=$nl
  for end in $ends; do
    unset IFS
    name_of "$end"
    case $now in
      *": $name: <${end##*: <}"*) ;; # as it was
      *": $name: "*) ! is_ours "$end" || ! locate_peer || await_carrier ;;
      *) ! is_ours "$end" || ! locate_peer || await_peers_end ;;
    esac
  done
  unset IFS
}
