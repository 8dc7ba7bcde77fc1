//! Receiving a datagram with what the kernel says beside it: source address and control messages.
//! Called by socket.rs, and by the tests' own addon (test/native). It knows no message by its type.

use std::mem::{size_of, zeroed};

use crate::errno;

/// Room for control messages: by default for those that netlink is asked for (an nsid and credentials), or packet auxdata.
#[repr(align(8))]
pub struct Control<const BYTES: usize = 128>([u8; BYTES]);

impl<const BYTES: usize> Control<BYTES> {
    pub fn empty() -> Self {
        Control([0; BYTES])
    }

    /// One message, to be sent; a longer payload than there is room for is cut.
    pub fn say(&mut self, level: i32, kind: i32, payload: &[u8]) -> &mut [u8] {
        let end = (HEADER + payload.len()).min(BYTES);
        // SAFETY: cmsghdr is plain data, valid when zeroed.
        let mut header: libc::cmsghdr = unsafe { zeroed() };
        header.cmsg_len = end as _;
        header.cmsg_level = level;
        header.cmsg_type = kind;
        // SAFETY: the room is aligned for a cmsghdr, and longer than one.
        unsafe { self.0.as_mut_ptr().cast::<libc::cmsghdr>().write(header) };
        self.0[HEADER..end].copy_from_slice(&payload[..end - HEADER]);
        &mut self.0[..end.next_multiple_of(ALIGNED).min(BYTES)]
    }
}

/// recvmsg with a source address and control messages; answers the length (or a negative errno), the flags
/// (MSG_TRUNC, MSG_CTRUNC), and what was written of `control`. `flags` are beside MSG_DONTWAIT: a packet socket takes no
/// MSG_CMSG_CLOEXEC (EINVAL).
pub fn receive_message<'a, A, const BYTES: usize>(
    fd: i32,
    buffer: &mut [u8],
    address: &mut A,
    control: &'a mut Control<BYTES>,
    flags: i32,
) -> (i32, i32, &'a [u8]) {
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: msghdr is plain data, valid when zeroed.
    let mut header: libc::msghdr = unsafe { zeroed() };
    header.msg_name = (address as *mut A).cast();
    header.msg_namelen = size_of::<A>() as _;
    header.msg_iov = &mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = control.0.len() as _;
    // SAFETY: every pointer in `header` is valid for its length until recvmsg has returned.
    let got = errno::retry(|| unsafe { libc::recvmsg(fd, &mut header, libc::MSG_DONTWAIT | flags) });
    let written = if got < 0 { 0 } else { header.msg_controllen as _ };
    (got, header.msg_flags, control.0.get(..written).unwrap_or(&[]))
}

/// A control message begins at a multiple of this, and so does its payload (CMSG_ALIGN).
const ALIGNED: usize = size_of::<usize>();
const HEADER: usize = size_of::<libc::cmsghdr>().next_multiple_of(ALIGNED);

/// Calls `each(level, type, payload)` for every control message; one that found too little room has less
/// payload. One that says it is longer than what is there, or shorter than its own header, ends the walk.
pub fn each_control(mut rest: &[u8], mut each: impl FnMut(i32, i32, &[u8])) {
    while let Some(header) = structure::<libc::cmsghdr>(rest) {
        // An int of another width with musl.
        let length: usize = header.cmsg_len as _;
        let Some(payload) = rest.get(HEADER..length) else {
            return;
        };
        each(header.cmsg_level, header.cmsg_type, payload);
        rest = rest.get(length.next_multiple_of(ALIGNED)..).unwrap_or(&[]);
    }
}

/// The structure of the kernel's (`T`: an integer, or one of libc that holds nothing but integers) that
/// a payload begins with; none where it is shorter.
pub fn structure<T: Copy>(payload: &[u8]) -> Option<T> {
    // SAFETY: the payload holds at least one `T`, for which all bits are valid.
    (payload.len() >= size_of::<T>()).then(|| unsafe { payload.as_ptr().cast::<T>().read_unaligned() })
}

// By its path, since the tests' addon takes this file into another crate.
#[cfg(test)]
#[path = "message/tests.rs"]
mod tests;
