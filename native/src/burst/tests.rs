use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::*;

/// Two ends that keep the bounds of messages, as a TAP keeps those of frames.
fn wire() -> (OwnedFd, OwnedFd) {
    let mut ends = [0; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: socketpair writes two descriptors, which are owned from here on.
    unsafe {
        assert_eq!(libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()), 0);
        (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1]))
    }
}

fn put(fd: &OwnedFd, frame: &[u8]) {
    // SAFETY: `frame` is valid for reads of its length.
    let put = unsafe { libc::write(fd.as_raw_fd(), frame.as_ptr().cast(), frame.len()) };
    assert_eq!(put, frame.len() as isize);
}

#[test]
fn what_was_received_can_be_sent_and_received_again() {
    let (far, near) = wire();
    let mut slab = vec![0; SLAB_BYTES];
    assert_eq!(receive(&mut slab, near.as_raw_fd(), 64), 0);
    for length in [72, 73, 1500] {
        put(&far, &vec![7; length]);
    }
    assert_eq!(receive(&mut slab, near.as_raw_fd(), 2), 2);
    assert_eq!(receive(&mut slab, near.as_raw_fd(), 2), 1);
    assert_eq!(transmit(&mut slab, near.as_raw_fd(), 1), 1);
    assert_eq!(receive(&mut slab, far.as_raw_fd(), 64), 1);
    assert_eq!(slab[..4], 1500i32.to_ne_bytes());
}

#[test]
fn what_the_kernel_refuses_is_told_in_the_length() {
    let (far, near) = wire();
    put(&far, &[7; 72]);
    let mut slab = vec![0; SLAB_BYTES];
    assert_eq!(receive(&mut slab, near.as_raw_fd(), 64), 1);
    drop(far);
    assert_eq!(transmit(&mut slab, near.as_raw_fd(), 1), 0);
    assert_eq!(slab[..4], (-libc::EPIPE).to_ne_bytes());
}
