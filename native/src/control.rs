//! What a daemon needs and Node has no API for: who is at the other end of a Unix socket, a lock
//! that ends with its holder, a socket that outlives who listens on it, and the word to systemd that it is ready. The
//! descriptors are Node's own.

use std::mem::{size_of, zeroed};
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};

use napi_derive::napi;

use crate::{errno, fds, rights};

#[napi(object)]
pub struct PeerCredentials {
    pub errno: i32,
    pub pid: i32,
    pub uid: u32,
    pub gid: u32,
}

/// Who connected this Unix socket (SO_PEERCRED). `pid` is 0 for a process of a pid namespace that
/// is not ours or below it.
#[napi(catch_unwind)]
pub fn peer_credentials(fd: i32) -> PeerCredentials {
    // SAFETY: ucred is plain data, valid when zeroed.
    let mut peer: libc::ucred = unsafe { zeroed() };
    let mut size = size_of::<libc::ucred>() as libc::socklen_t;
    let (level, option) = (libc::SOL_SOCKET, libc::SO_PEERCRED);
    // SAFETY: both pointers are valid for the call; the kernel writes at most `size` bytes.
    let result = unsafe { libc::getsockopt(fd, level, option, (&raw mut peer).cast(), &mut size) };
    PeerCredentials { errno: errno::check(result), pid: peer.pid, uid: peer.uid, gid: peer.gid }
}

/// Takes an exclusive lock on an open file, which ends with its holder, or gives it back.
/// -EWOULDBLOCK while another holds it.
#[napi(catch_unwind)]
pub fn flock(fd: i32, take: bool) -> i32 {
    let lock = libc::LOCK_EX | libc::LOCK_NB;
    // SAFETY: flock takes plain integers.
    errno::check(unsafe { libc::flock(fd, if take { lock } else { libc::LOCK_UN }) })
}

/// A Unix socket's address and its length; a leading `@` means an abstract one. None for a path that is too long, or none.
fn unix_address(path: &str) -> Option<(libc::sockaddr_un, libc::socklen_t)> {
    // SAFETY: sockaddr_un is plain data, valid when zeroed.
    let mut address: libc::sockaddr_un = unsafe { zeroed() };
    address.sun_family = libc::AF_UNIX as _;
    // One byte stays for the terminator.
    if path.is_empty() || path.len() >= address.sun_path.len() {
        return None;
    }
    for (to, from) in address.sun_path.iter_mut().zip(path.bytes()) {
        *to = from as _;
    }
    if path.starts_with('@') {
        address.sun_path[0] = 0;
    }
    let size = std::mem::offset_of!(libc::sockaddr_un, sun_path) + path.len();
    Some((address, size as _))
}

/// A new Unix socket, and what `call` says of it with its address: the socket, or a negative errno.
fn with_socket(
    kind: i32,
    path: &str,
    call: impl FnOnce(i32, *const libc::sockaddr, u32) -> i32,
) -> (i32, Option<OwnedFd>) {
    let Some((address, size)) = unix_address(path) else {
        return (-libc::EINVAL, None);
    };
    // SAFETY: socket takes plain integers.
    let fd = errno::check(unsafe { libc::socket(libc::AF_UNIX, kind | libc::SOCK_CLOEXEC, 0) });
    if fd < 0 {
        return (fd, None);
    }
    // SAFETY: `fd` was opened on the lines before and is owned by nobody else.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    (call(fd, (&raw const address).cast(), size), Some(socket))
}

/// Sends `text` (`READY=1`), and descriptors beside it, to systemd's socket: `path` is NOTIFY_SOCKET.
#[napi(catch_unwind)]
pub fn sd_notify(path: String, text: String, fds: Option<Vec<i32>>) -> i32 {
    let beside = fds.unwrap_or_default();
    let send = |socket, to, size| rights::send_message(socket, text.as_bytes(), &beside, Some((to, size)));
    with_socket(libc::SOCK_DGRAM, &path, send).0
}

/// A Unix socket that datagrams come to at `path`, as NOTIFY_SOCKET is: this environment's. Nothing removes the file.
#[napi(catch_unwind)]
pub fn unix_datagrams(path: String) -> i32 {
    // SAFETY: the address lives for the call and `size` is its size.
    let bind = |socket, to, size| errno::check(unsafe { libc::bind(socket, to, size) });
    let (result, socket) = with_socket(libc::SOCK_DGRAM | libc::SOCK_NONBLOCK, &path, bind);
    if result < 0 { result } else { fds::own_checked(socket.map_or(-libc::EIO, IntoRawFd::into_raw_fd)) }
}

/// A Unix socket that listens at `path`. Node's to close, as all that it listens on: nothing removes the file.
#[napi(catch_unwind)]
pub fn unix_listen(path: String) -> i32 {
    const BACKLOG: i32 = 511;
    let listen = |socket, to, size| {
        // SAFETY: the address lives for the call and `size` is its size; listen takes plain integers.
        errno::check(unsafe {
            if libc::bind(socket, to, size) < 0 { -1 } else { libc::listen(socket, BACKLOG) }
        })
    };
    let (result, socket) = with_socket(libc::SOCK_STREAM | libc::SOCK_NONBLOCK, &path, listen);
    if result < 0 { result } else { socket.map_or(-libc::EIO, IntoRawFd::into_raw_fd) }
}
