//! The tests' own addon: system calls that only tests make, so that the shipped one does not carry them.
//! It borrows the shipped addon's modules for descriptors, namespaces and messages; what it opens stands in
//! a table of its own, and is closed by its own `closeFd`. test/support/native.ts is the only importer.

#[path = "../../../native/src/errno.rs"]
mod errno;
#[path = "../../../native/src/fds.rs"]
mod fds;
#[path = "../../../native/src/message.rs"]
mod message;
#[path = "../../../native/src/netns.rs"]
mod netns;

use std::mem::{size_of, zeroed};

use napi::bindgen_prelude::{Env, Object, Result};
use napi_derive::napi;

use message::{Control, each_control, receive_message, structure};

type Bytes<'a> = &'a mut [u8];
type Words<'a> = &'a mut [i32];

#[napi(module_exports)]
pub fn init(_exports: Object, env: Env) -> Result<()> {
    env.add_env_cleanup_hook((), |()| fds::close_all())?;
    Ok(())
}

/// Two connected sockets that keep the bounds of messages, as a TAP keeps those of frames, or (`stream`) do not;
/// non-blocking. Their descriptors into `into`.
#[napi(catch_unwind)]
pub fn socket_pair(#[napi(ts_arg_type = "Int32Array")] into: Words, stream: Option<bool>) -> i32 {
    let mut ends = [-1; 2];
    let bounds = if stream == Some(true) { libc::SOCK_STREAM } else { libc::SOCK_SEQPACKET };
    let kind = bounds | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: `ends` has room for two descriptors.
    let made = errno::check(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) });
    if made < 0 {
        return made;
    }
    for (to, fd) in into.iter_mut().zip(ends.map(fds::own)) {
        *to = fd;
    }
    0
}

/// A raw AF_PACKET socket on one interface of namespace `ns`: every protocol, own sends left out,
/// VLAN tags that the kernel took out of the frame reported beside it.
#[napi(catch_unwind)]
pub fn packet_open(ns: i32, ifindex: i32) -> i32 {
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: socket takes plain integers. Protocol 0: nothing is queued before the bind.
    let open = || errno::check(unsafe { libc::socket(libc::AF_PACKET, kind, 0) });
    let fd = fds::own_checked(netns::within(ns, open));
    if fd < 0 {
        return fd;
    }
    // SAFETY: sockaddr_ll is plain data, valid when zeroed.
    let mut address: libc::sockaddr_ll = unsafe { zeroed() };
    address.sll_family = libc::AF_PACKET as _;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = ifindex;
    for option in [libc::PACKET_AUXDATA, libc::PACKET_IGNORE_OUTGOING] {
        let (value, size) = (1i32, size_of::<i32>() as libc::socklen_t);
        // SAFETY: `value` lives for the call and `size` is its size.
        unsafe { libc::setsockopt(fd, libc::SOL_PACKET, option, (&raw const value).cast(), size) };
    }
    let size = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: `address` lives for the call and `size` is its size.
    let bound = errno::check(unsafe { libc::bind(fd, (&raw const address).cast(), size) });
    if bound < 0 {
        fds::close_fd(fd);
        return bound;
    }
    fd
}

/// Receives one frame. `meta` gets [sll_pkttype, VLAN TCI or -1, VLAN TPID or 0, 1 if the frame's
/// checksum is not finished].
#[napi(catch_unwind)]
pub fn packet_receive(
    fd: i32,
    #[napi(ts_arg_type = "Uint8Array")] buffer: Bytes,
    #[napi(ts_arg_type = "Int32Array")] meta: Words,
) -> i32 {
    // SAFETY: sockaddr_ll is plain data, valid when zeroed.
    let mut address: libc::sockaddr_ll = unsafe { zeroed() };
    let mut control = <Control>::empty();
    let (got, _, control) = receive_message(fd, buffer, &mut address, &mut control, 0);
    if got < 0 {
        return got;
    }
    let (mut tci, mut tpid, mut partial) = (-1, 0, 0);
    each_control(control, |level, kind, payload| {
        if (level, kind) != (libc::SOL_PACKET, libc::PACKET_AUXDATA) {
            return;
        }
        if let Some(aux) = structure::<libc::tpacket_auxdata>(payload) {
            partial = i32::from(aux.tp_status & libc::TP_STATUS_CSUMNOTREADY != 0);
            if aux.tp_status & libc::TP_STATUS_VLAN_VALID != 0 {
                tci = aux.tp_vlan_tci.into();
                tpid = aux.tp_vlan_tpid.into();
            }
        }
    });
    for (to, from) in meta.iter_mut().zip([address.sll_pkttype.into(), tci, tpid, partial]) {
        *to = from;
    }
    got
}

/// Sends one frame out of the interface that the socket is bound to.
#[napi(catch_unwind)]
pub fn packet_send(fd: i32, data: &[u8]) -> i32 {
    // SAFETY: `data` is valid for reads of its length.
    errno::retry(|| unsafe { libc::send(fd, data.as_ptr().cast(), data.len(), libc::MSG_NOSIGNAL) })
}

/// Attaches or detaches this queue of a multi-queue TAP.
#[napi(catch_unwind)]
pub fn tun_set_queue(fd: i32, attach: bool) -> i32 {
    // SAFETY: ifreq is plain data, valid when zeroed.
    let mut request: libc::ifreq = unsafe { zeroed() };
    let flags = if attach { libc::IFF_ATTACH_QUEUE } else { libc::IFF_DETACH_QUEUE };
    request.ifr_ifru.ifru_flags = flags as libc::c_short;
    // SAFETY: TUNSETQUEUE takes an ifreq.
    errno::check(unsafe { libc::ioctl(fd, libc::TUNSETQUEUE as _, &mut request) })
}

/// The port id that a netlink socket is bound to (as a double: it is a u32), or a negative errno.
#[napi(catch_unwind)]
pub fn netlink_port_id(fd: i32) -> f64 {
    // SAFETY: sockaddr_nl is plain data, valid when zeroed.
    let mut address: libc::sockaddr_nl = unsafe { zeroed() };
    let mut size = size_of::<libc::sockaddr_nl>() as libc::socklen_t;
    // SAFETY: both pointers are valid for the call; the kernel writes at most `size` bytes.
    let result = unsafe { libc::getsockname(fd, (&raw mut address).cast(), &mut size) };
    let result = errno::check(result);
    if result < 0 { result.into() } else { address.nl_pid.into() }
}
