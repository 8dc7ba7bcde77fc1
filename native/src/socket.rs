//! Netlink sockets of any protocol, which Node cannot open. One can be created inside another namespace
//! and belongs to it from then on. Everything here is non-blocking.

use std::mem::{size_of, zeroed};

use napi_derive::napi;

use crate::message::{Control, each_control, receive_message, structure};
use crate::{Bytes, Words, errno, fds, netns};

/// A netlink socket created inside the namespace `ns` (-1: the process's own).
#[napi(catch_unwind)]
pub fn netlink_open(protocol: i32, ns: i32) -> i32 {
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: socket takes plain integers.
    let open = || errno::check(unsafe { libc::socket(libc::AF_NETLINK, kind, protocol) });
    fds::own_checked(netns::within(ns, open))
}

fn netlink_address(port_id: u32, groups: u32) -> libc::sockaddr_nl {
    // SAFETY: sockaddr_nl is plain data, valid when zeroed.
    let mut address: libc::sockaddr_nl = unsafe { zeroed() };
    address.nl_family = libc::AF_NETLINK as _;
    address.nl_pid = port_id;
    address.nl_groups = groups;
    address
}

/// Binds to a port id (0: the kernel chooses) and to a mask of multicast groups.
#[napi(catch_unwind)]
pub fn netlink_bind(fd: i32, port_id: u32, groups: u32) -> i32 {
    let address = netlink_address(port_id, groups);
    let size = size_of::<libc::sockaddr_nl>() as libc::socklen_t;
    // SAFETY: `address` lives for the call and `size` is its size.
    errno::check(unsafe { libc::bind(fd, (&raw const address).cast(), size) })
}

/// Sends one datagram to a port id (0: the kernel).
#[napi(catch_unwind)]
pub fn netlink_send(fd: i32, data: &[u8], port_id: u32) -> i32 {
    let address = netlink_address(port_id, 0);
    let size = size_of::<libc::sockaddr_nl>() as libc::socklen_t;
    errno::retry(|| {
        let to = (&raw const address).cast();
        // SAFETY: `data` and `address` live for the call, with their true sizes.
        unsafe { libc::sendto(fd, data.as_ptr().cast(), data.len(), libc::MSG_NOSIGNAL, to, size) }
    })
}

/// Receives one datagram. `meta` gets [sender's port id, groups, nsid or -1, sender's uid or -1,
/// 1 if the datagram was cut, sender's pid as its own pid namespace counts or -1].
#[napi(catch_unwind)]
pub fn netlink_receive(
    fd: i32,
    #[napi(ts_arg_type = "Uint8Array")] buffer: Bytes,
    #[napi(ts_arg_type = "Int32Array")] meta: Words,
) -> i32 {
    let mut address = netlink_address(0, 0);
    let mut control = <Control>::empty();
    let (got, flags, control) = receive_message(fd, buffer, &mut address, &mut control, 0);
    if got < 0 {
        return got;
    }
    let (mut nsid, mut uid, mut pid) = (-1, -1, -1);
    each_control(control, |level, kind, payload| match (level, kind) {
        (libc::SOL_NETLINK, libc::NETLINK_LISTEN_ALL_NSID) => nsid = structure(payload).unwrap_or(-1),
        (libc::SOL_SOCKET, libc::SCM_CREDENTIALS) => {
            let from = structure::<libc::ucred>(payload);
            (uid, pid) = from.map_or((-1, -1), |from| (from.uid as i32, from.pid));
        }
        _ => {}
    });
    let cut = i32::from(flags & libc::MSG_TRUNC != 0);
    let (port, groups) = (address.nl_pid as i32, address.nl_groups as i32);
    let said = [port, groups, nsid, uid, cut, pid];
    // Callers give a meta of this length; a shorter one gets what it has room for.
    for (to, from) in meta.iter_mut().zip(said) {
        *to = from;
    }
    got
}

/// More than find room in the socket of a daemon at once; 1 to 2 ms.
const MOST_PAST: i32 = 1000;

/// Receives the next datagram that is of none of `past` (uid and pid of each, in turns); what is, is thrown away, and its
/// number written behind `meta`. -EAGAIN also when so many were that others shall have their turn.
#[napi(catch_unwind)]
pub fn netlink_receive_past(
    fd: i32,
    #[napi(ts_arg_type = "Uint8Array")] buffer: Bytes,
    #[napi(ts_arg_type = "Int32Array")] meta: Words,
    #[napi(ts_arg_type = "Int32Array")] past: Words,
) -> i32 {
    let [said @ .., thrown] = meta else {
        return -libc::EINVAL;
    };
    for count in 0..MOST_PAST {
        *thrown = count;
        let got = netlink_receive(fd, buffer, said);
        let of = [said.get(3), said.get(5)];
        if got < 0 || !past.chunks_exact(2).any(|one| of == [one.first(), one.last()]) {
            return got;
        }
    }
    *thrown = MOST_PAST;
    -libc::EAGAIN
}

/// setsockopt with an int.
#[napi(catch_unwind)]
pub fn socket_set_option(fd: i32, level: i32, option: i32, value: i32) -> i32 {
    let size = size_of::<i32>() as libc::socklen_t;
    // SAFETY: `value` lives for the call and `size` is its size.
    errno::check(unsafe { libc::setsockopt(fd, level, option, (&raw const value).cast(), size) })
}

/// Attaches a program of classic BPF, as bytes of `struct sock_filter`: which datagrams the socket takes.
#[napi(catch_unwind)]
pub fn socket_set_filter(fd: i32, #[napi(ts_arg_type = "Uint8Array")] program: Bytes) -> i32 {
    let Ok(len) = u16::try_from(program.len() / size_of::<libc::sock_filter>()) else {
        return -libc::EINVAL;
    };
    let program = libc::sock_fprog { len, filter: program.as_mut_ptr().cast() };
    let size = size_of::<libc::sock_fprog>() as libc::socklen_t;
    // SAFETY: the kernel copies `len` instructions out of `program`, which lives for the call, and wants no alignment.
    errno::check(unsafe {
        libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, (&raw const program).cast(), size)
    })
}
