//! What a daemon needs and Node has no API for: who is at the other end of a Unix socket, a lock
//! that ends with its holder, and the word to systemd that it is ready. The descriptors are Node's own.

use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use napi_derive::napi;

use crate::errno;

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

/// Sends `text` (`READY=1`) to systemd's socket; `path` is NOTIFY_SOCKET, where a leading `@` means
/// an abstract one.
#[napi(catch_unwind)]
pub fn sd_notify(path: String, text: String) -> i32 {
    // SAFETY: sockaddr_un is plain data, valid when zeroed.
    let mut address: libc::sockaddr_un = unsafe { zeroed() };
    address.sun_family = libc::AF_UNIX as _;
    // One byte stays for the terminator.
    if path.is_empty() || path.len() >= address.sun_path.len() {
        return -libc::EINVAL;
    }
    for (to, from) in address.sun_path.iter_mut().zip(path.bytes()) {
        *to = from as _;
    }
    if path.starts_with('@') {
        address.sun_path[0] = 0;
    }
    let size = std::mem::offset_of!(libc::sockaddr_un, sun_path) + path.len();
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC;
    // SAFETY: socket takes plain integers.
    let fd = errno::check(unsafe { libc::socket(libc::AF_UNIX, kind, 0) });
    if fd < 0 {
        return fd;
    }
    // SAFETY: `fd` was opened on the lines before and is owned by nobody else.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    errno::retry(|| {
        let (data, to) = (text.as_ptr().cast(), (&raw const address).cast());
        let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
        // SAFETY: `text` and `address` live for the call, with their true sizes.
        unsafe { libc::sendto(socket.as_raw_fd(), data, text.len(), flags, to, size as _) }
    })
}
