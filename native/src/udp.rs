//! UDP sockets for tunnels, which the data path reads and writes from other threads than Node's: datagrams that stand in
//! memory of the caller's, many of one length by one call where the kernel cuts and joins them (UDP_SEGMENT, UDP_GRO).
//! What is in them is TypeScript's business (src/datapath/vxlan-port.ts). Everything here is non-blocking.

use std::mem::{size_of, zeroed};
use std::os::fd::RawFd;

use napi_derive::napi;

use crate::message::{Control, each_control, receive_message, structure};
use crate::{Bytes, Words, errno, fds};

/// A socket address of either family, in room for the longer one.
fn address_of(address: &[u8], port: u16) -> Option<(libc::sockaddr_in6, libc::socklen_t)> {
    // SAFETY: both are plain data, valid when zeroed.
    let (mut long, mut short): (libc::sockaddr_in6, libc::sockaddr_in) = unsafe { (zeroed(), zeroed()) };
    if let Ok(octets) = <[u8; 16]>::try_from(address) {
        long.sin6_family = libc::AF_INET6 as _;
        long.sin6_port = port.to_be();
        long.sin6_addr.s6_addr = octets;
        return Some((long, size_of::<libc::sockaddr_in6>() as _));
    }
    short.sin_family = libc::AF_INET as _;
    short.sin_port = port.to_be();
    short.sin_addr.s_addr = u32::from_ne_bytes(address.try_into().ok()?);
    // SAFETY: the shorter one is written into room that is longer, and both are plain data.
    unsafe { (&raw mut long).cast::<libc::sockaddr_in>().write(short) };
    Some((long, size_of::<libc::sockaddr_in>() as _))
}

fn with_address(address: &[u8], port: u16, call: fn(i32, *const libc::sockaddr, u32) -> i32, fd: i32) -> i32 {
    let Some((to, size)) = address_of(address, port) else {
        return -libc::EINVAL;
    };
    errno::check(call(fd, (&raw const to).cast(), size))
}

/// A UDP socket of the calling thread's namespace, of IPv6 alone or of IPv4.
#[napi(catch_unwind)]
pub fn udp_open(v6: bool) -> i32 {
    let family = if v6 { libc::AF_INET6 } else { libc::AF_INET };
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: socket takes plain integers.
    fds::own(unsafe { libc::socket(family, kind, 0) })
}

/// `address`: 4 or 16 bytes.
#[napi(catch_unwind)]
pub fn udp_bind(fd: i32, #[napi(ts_arg_type = "Uint8Array")] address: Bytes, port: u16) -> i32 {
    // SAFETY: the address lives for the call, with its true size.
    with_address(address, port, |fd, to, size| unsafe { libc::bind(fd, to, size) }, fd)
}

/// Nothing is received from any other address; with port 0 from all of its ports.
#[napi(catch_unwind)]
pub fn udp_connect(fd: i32, #[napi(ts_arg_type = "Uint8Array")] address: Bytes, port: u16) -> i32 {
    // SAFETY: the address lives for the call, with its true size.
    with_address(address, port, |fd, to, size| unsafe { libc::connect(fd, to, size) }, fd)
}

pub fn is_udp(fd: RawFd) -> bool {
    let (mut protocol, mut size) = (0_i32, size_of::<i32>() as libc::socklen_t);
    let to = (&raw mut protocol).cast();
    // SAFETY: the kernel writes no more than `size` bytes.
    let got = unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_PROTOCOL, to, &mut size) };
    got == 0 && protocol == libc::IPPROTO_UDP
}

/// Sends `header` and, behind it, `length` bytes from `start` of `bytes`; `segment` > 0: in datagrams of that length, the
/// last of which may be shorter. Answers how many bytes; -EINVAL also where these are not all in `bytes`.
#[napi(catch_unwind)]
#[allow(clippy::too_many_arguments)] // one call for each datagram: an object would be read field by field
pub fn udp_send(
    fd: i32,
    #[napi(ts_arg_type = "Uint8Array")] address: Bytes,
    port: u16,
    #[napi(ts_arg_type = "Uint8Array")] header: Bytes,
    #[napi(ts_arg_type = "Uint8Array")] bytes: Bytes,
    start: u32,
    length: u32,
    segment: u16,
) -> i32 {
    let Some((mut to, size)) = address_of(address, port) else {
        return -libc::EINVAL;
    };
    let Some(payload) = bytes.get_mut(start as usize..).and_then(|rest| rest.get_mut(..length as usize))
    else {
        return -libc::EINVAL;
    };
    let mut parts =
        [header, payload].map(|part| libc::iovec { iov_base: part.as_mut_ptr().cast(), iov_len: part.len() });
    let mut control = <Control>::empty();
    // SAFETY: msghdr is plain data, valid when zeroed.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_name = (&raw mut to).cast();
    message.msg_namelen = size;
    message.msg_iov = parts.as_mut_ptr();
    message.msg_iovlen = parts.len() as _;
    if segment > 0 {
        let said = control.say(libc::SOL_UDP, libc::UDP_SEGMENT, &segment.to_ne_bytes());
        message.msg_control = said.as_mut_ptr().cast();
        message.msg_controllen = said.len() as _;
    }
    // SAFETY: every pointer in `message` is valid for its length until sendmsg has returned.
    errno::retry(|| unsafe { libc::sendmsg(fd, &message, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) })
}

/// Receives a datagram, or several of one length that the kernel has joined. `meta` gets [their length or 0, then the
/// sender's address: a word of IPv4, or four of IPv6, as they stand in memory]. Answers how many bytes.
#[napi(catch_unwind)]
pub fn udp_receive(
    fd: i32,
    #[napi(ts_arg_type = "Uint8Array")] buffer: Bytes,
    #[napi(ts_arg_type = "Int32Array")] meta: Words,
) -> i32 {
    // SAFETY: sockaddr_in6 is plain data, valid when zeroed.
    let mut from: libc::sockaddr_in6 = unsafe { zeroed() };
    let mut control = <Control>::empty();
    let (got, _, control) = receive_message(fd, buffer, &mut from, &mut control, 0);
    if got < 0 {
        return got;
    }
    let mut said = [0; 5];
    each_control(control, |level, kind, payload| {
        if (level, kind) == (libc::SOL_UDP, libc::UDP_GRO) {
            said[0] = structure(payload).unwrap_or(0);
        }
    });
    if i32::from(from.sin6_family) == libc::AF_INET6 {
        for (to, word) in said[1..].iter_mut().zip(from.sin6_addr.s6_addr.chunks_exact(4)) {
            *to = structure(word).unwrap_or(0);
        }
    } else {
        // Of IPv4 the address stands where IPv6 has its flow.
        said[1] = from.sin6_flowinfo as i32;
    }
    // Callers give a meta of this length; a shorter one gets what it has room for.
    for (to, from) in meta.iter_mut().zip(said) {
        *to = from;
    }
    got
}
