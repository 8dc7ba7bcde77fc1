//! Receiving a datagram with what the kernel says beside it: source address and control messages.
//! Called by socket.rs, and by the tests' own addon (test/native). It knows no message by its type.

use std::mem::{size_of, zeroed};

use crate::errno;

/// Room for the control messages that we ask for (an nsid and credentials, or packet auxdata).
#[repr(align(8))]
pub struct Control([u8; 128]);

impl Control {
    pub fn empty() -> Self {
        Control([0; 128])
    }
}

/// recvmsg with a source address and control messages; answers the length and the header.
pub fn receive_message<A>(
    fd: i32,
    buffer: &mut [u8],
    address: &mut A,
    control: &mut Control,
) -> (i32, libc::msghdr) {
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
    let got = errno::retry(|| unsafe { libc::recvmsg(fd, &mut header, libc::MSG_DONTWAIT) });
    (got, header)
}

/// Calls `each(level, type, payload)` for every control message; one that found too little room has less payload.
pub fn each_control(header: &libc::msghdr, mut each: impl FnMut(i32, i32, &[u8])) {
    // SAFETY: the CMSG macros walk within msg_control, whose length the kernel has set, and so does
    // each message's own length.
    unsafe {
        let mut at = libc::CMSG_FIRSTHDR(header);
        while !at.is_null() {
            let length = (*at).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
            let payload = std::slice::from_raw_parts(libc::CMSG_DATA(at), length);
            each((*at).cmsg_level, (*at).cmsg_type, payload);
            at = libc::CMSG_NXTHDR(header, at);
        }
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
