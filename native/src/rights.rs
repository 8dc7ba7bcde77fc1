//! Descriptors that go to another process, or come from one, over a Unix socket (SCM_RIGHTS). What is said beside them
//! is TypeScript's (src/daemon/channel.ts). Everything here is non-blocking.

use std::mem::{size_of, zeroed};

use napi_derive::napi;

use crate::message::{Control, each_control, receive_message};
use crate::{Bytes, errno, fds};

/// SCM_MAX_FD of the kernel: so many go with one message.
const MOST: usize = 253;
/// Room for all of them.
const ROOM: usize = 1040;

/// sendmsg with descriptors beside `data`, to an address where one is given. Bytes sent: with the first of them all
/// descriptors have gone.
pub fn send_message(socket: i32, data: &[u8], fds: &[i32], to: Option<(*const libc::sockaddr, u32)>) -> i32 {
    if fds.len() > MOST || (data.is_empty() && !fds.is_empty()) {
        return -libc::EINVAL;
    }
    let size = size_of_val(fds);
    let mut control = Room([0; ROOM]);
    let mut part = libc::iovec { iov_base: data.as_ptr().cast_mut().cast(), iov_len: data.len() };
    // SAFETY: msghdr is plain data, valid when zeroed.
    let mut header: libc::msghdr = unsafe { zeroed() };
    header.msg_iov = &mut part;
    header.msg_iovlen = 1;
    if let Some((address, length)) = to {
        header.msg_name = address.cast_mut().cast();
        header.msg_namelen = length;
    }
    if !fds.is_empty() {
        header.msg_control = control.0.as_mut_ptr().cast();
        // SAFETY: CMSG_SPACE and CMSG_LEN only compute; the first header and its payload lie within `control`, which
        // has room for MOST descriptors and is aligned as a cmsghdr.
        unsafe {
            header.msg_controllen = libc::CMSG_SPACE(size as _) as _;
            let first = libc::CMSG_FIRSTHDR(&header);
            (*first).cmsg_level = libc::SOL_SOCKET;
            (*first).cmsg_type = libc::SCM_RIGHTS;
            (*first).cmsg_len = libc::CMSG_LEN(size as _) as _;
            std::ptr::copy_nonoverlapping(fds.as_ptr().cast::<u8>(), libc::CMSG_DATA(first), size);
        }
    }
    let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
    // SAFETY: every pointer in `header` is valid for its length until sendmsg has returned.
    errno::retry(|| unsafe { libc::sendmsg(socket, &header, flags) })
}

#[repr(align(8))]
struct Room([u8; ROOM]);

/// Sends bytes, and descriptors with the first of them: 253 at most (-EINVAL). Bytes sent, -EAGAIN while there is no room.
#[napi(catch_unwind)]
pub fn send_fds(socket: i32, data: &[u8], fds: Vec<i32>) -> i32 {
    send_message(socket, data, &fds, None)
}

#[napi(object)]
pub struct ReceivedFds {
    /// Bytes, 0 when the peer has gone, or a negative errno.
    pub result: i32,
    pub fds: Vec<i32>,
}

/// Receives bytes, and the descriptors that come with them, which are this environment's from here on. -EMFILE where not
/// all of them found room: then none is kept.
#[napi(catch_unwind)]
pub fn receive_fds(socket: i32, #[napi(ts_arg_type = "Uint8Array")] buffer: Bytes) -> ReceivedFds {
    let mut control = Control::<ROOM>::empty();
    let (result, flags, control) =
        receive_message(socket, buffer, &mut [0u64; 16], &mut control, libc::MSG_CMSG_CLOEXEC);
    let mut received = Vec::new();
    each_control(control, |level, kind, payload| {
        if (level, kind) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
            let (numbers, _) = payload.as_chunks::<{ size_of::<i32>() }>();
            received.extend(numbers.iter().map(|bytes| fds::own_checked(i32::from_ne_bytes(*bytes))));
        }
    });
    if result >= 0 && flags & libc::MSG_CTRUNC != 0 {
        for fd in received {
            fds::close_fd(fd);
        }
        return ReceivedFds { result: -libc::EMFILE, fds: Vec::new() };
    }
    ReceivedFds { result, fds: received }
}
