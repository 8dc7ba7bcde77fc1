//! Sockets that Node cannot open: netlink of any protocol, and AF_PACKET (tests and benchmarks send
//! raw frames with it). Both can be created inside another namespace and belong to it from then on.
//! Everything here is non-blocking.

use std::mem::{size_of, zeroed};

use napi_derive::napi;

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

/// The port id that the socket is bound to (as a double: it is a u32), or a negative errno.
#[napi(catch_unwind)]
pub fn netlink_port_id(fd: i32) -> f64 {
    let mut address = netlink_address(0, 0);
    let mut size = size_of::<libc::sockaddr_nl>() as libc::socklen_t;
    // SAFETY: both pointers are valid for the call; the kernel writes at most `size` bytes.
    let result = unsafe { libc::getsockname(fd, (&raw mut address).cast(), &mut size) };
    let result = errno::check(result);
    if result < 0 {
        result.into()
    } else {
        address.nl_pid.into()
    }
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

/// Room for the control messages that we ask for (an nsid and credentials, or packet auxdata).
#[repr(align(8))]
struct Control([u8; 128]);

/// recvmsg with a source address and control messages; answers the length and the header.
fn receive_message<A>(
    fd: i32,
    buffer: &mut [u8],
    address: &mut A,
    control: &mut Control,
) -> (i32, libc::msghdr) {
    let mut part = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    };
    // SAFETY: msghdr is plain data, valid when zeroed.
    let mut header: libc::msghdr = unsafe { zeroed() };
    header.msg_name = (address as *mut A).cast();
    header.msg_namelen = size_of::<A>() as _;
    header.msg_iov = &mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = control.0.len() as _;
    // SAFETY: every pointer in `header` is valid for its length until recvmsg has returned.
    let got = errno::retry(|| unsafe { libc::recvmsg(fd, &mut header, libc::MSG_DONTWAIT) });
    (got, header)
}

/// Calls `each(level, type, pointer to the payload)` for every control message that fits.
fn each_control(header: &libc::msghdr, mut each: impl FnMut(i32, i32, *const u8, usize)) {
    // SAFETY: the CMSG macros walk within msg_control, whose length the kernel has set.
    unsafe {
        let mut at = libc::CMSG_FIRSTHDR(header);
        while !at.is_null() {
            let payload = (*at).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
            each((*at).cmsg_level, (*at).cmsg_type, libc::CMSG_DATA(at), payload);
            at = libc::CMSG_NXTHDR(header, at);
        }
    }
}

fn put(meta: &mut [i32], values: &[i32]) {
    for (to, from) in meta.iter_mut().zip(values) {
        *to = *from;
    }
}

/// Receives one datagram. `meta` gets [sender's port id, groups, nsid or -1, sender's uid or -1,
/// 1 if the datagram was cut].
#[napi(catch_unwind)]
pub fn netlink_receive(
    fd: i32,
    #[napi(ts_arg_type = "Uint8Array")] buffer: Bytes,
    #[napi(ts_arg_type = "Int32Array")] meta: Words,
) -> i32 {
    let mut address = netlink_address(0, 0);
    let mut control = Control([0; 128]);
    let (got, header) = receive_message(fd, buffer, &mut address, &mut control);
    if got < 0 {
        return got;
    }
    let (mut nsid, mut uid) = (-1, -1);
    each_control(&header, |level, kind, data, len| {
        if level == libc::SOL_NETLINK && kind == libc::NETLINK_LISTEN_ALL_NSID && len >= 4 {
            // SAFETY: the payload holds at least the 4 bytes that are read.
            nsid = unsafe { data.cast::<i32>().read_unaligned() };
        }
        let credentials = level == libc::SOL_SOCKET && kind == libc::SCM_CREDENTIALS;
        if credentials && len >= size_of::<libc::ucred>() {
            // SAFETY: the payload holds at least one ucred.
            uid = unsafe { data.cast::<libc::ucred>().read_unaligned() }.uid as i32;
        }
    });
    let cut = i32::from(header.msg_flags & libc::MSG_TRUNC != 0);
    put(
        meta,
        &[address.nl_pid as i32, address.nl_groups as i32, nsid, uid, cut],
    );
    got
}

/// setsockopt with an int.
#[napi(catch_unwind)]
pub fn socket_set_option(fd: i32, level: i32, option: i32, value: i32) -> i32 {
    let size = size_of::<i32>() as libc::socklen_t;
    // SAFETY: `value` lives for the call and `size` is its size.
    errno::check(unsafe { libc::setsockopt(fd, level, option, (&raw const value).cast(), size) })
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
    let size = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    socket_set_option(fd, libc::SOL_PACKET, libc::PACKET_AUXDATA, 1);
    socket_set_option(fd, libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, 1);
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
    let mut control = Control([0; 128]);
    let (got, header) = receive_message(fd, buffer, &mut address, &mut control);
    if got < 0 {
        return got;
    }
    let (mut tci, mut tpid, mut partial) = (-1, 0, 0);
    each_control(&header, |level, kind, data, len| {
        let auxdata = level == libc::SOL_PACKET && kind == libc::PACKET_AUXDATA;
        if auxdata && len >= size_of::<libc::tpacket_auxdata>() {
            // SAFETY: the payload holds at least one tpacket_auxdata.
            let aux = unsafe { data.cast::<libc::tpacket_auxdata>().read_unaligned() };
            partial = i32::from(aux.tp_status & libc::TP_STATUS_CSUMNOTREADY != 0);
            if aux.tp_status & libc::TP_STATUS_VLAN_VALID != 0 {
                tci = aux.tp_vlan_tci.into();
                tpid = aux.tp_vlan_tpid.into();
            }
        }
    });
    put(meta, &[address.sll_pkttype.into(), tci, tpid, partial]);
    got
}

/// Sends one frame out of the interface that the socket is bound to.
#[napi(catch_unwind)]
pub fn packet_send(fd: i32, data: &[u8]) -> i32 {
    // SAFETY: `data` is valid for reads of its length.
    errno::retry(|| unsafe { libc::send(fd, data.as_ptr().cast(), data.len(), libc::MSG_NOSIGNAL) })
}
