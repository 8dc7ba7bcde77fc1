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

fn slab() -> Vec<u8> {
    vec![0; SLAB_BYTES]
}

fn put(fd: &OwnedFd, frame: &[u8]) {
    // SAFETY: `frame` is valid for reads of its length.
    let put = unsafe { libc::write(fd.as_raw_fd(), frame.as_ptr().cast(), frame.len()) };
    assert_eq!(put, frame.len() as isize);
}

fn set(slab: &mut [u8], slot: usize, start: i32, length: i32) {
    set_word(slab, STARTS_OFFSET + 4 * slot, start);
    set_word(slab, 4 * slot, length);
}

#[test]
fn a_slab_that_is_too_small_is_refused() {
    let (_far, near) = wire();
    let mut small = vec![0; SLAB_BYTES - 1];
    assert_eq!(receive(&mut small, near.as_raw_fd(), 1), -libc::EINVAL);
    assert_eq!(transmit(&mut small, near.as_raw_fd(), 1), -libc::EINVAL);
}

#[test]
fn frames_are_received_one_behind_the_other_each_at_a_line_of_the_cache() {
    let (far, near) = wire();
    let mut slab = slab();
    assert_eq!(receive(&mut slab, near.as_raw_fd(), 64), 0);
    let lengths = [72usize, 73, 1500];
    for (slot, length) in lengths.iter().enumerate() {
        put(&far, &vec![slot as u8 + 1; *length]);
    }
    assert_eq!(receive(&mut slab, near.as_raw_fd(), 64), 3);
    let mut end = SLOTS_OFFSET;
    for (slot, length) in lengths.iter().enumerate() {
        assert_eq!(word(&slab, 4 * slot), *length as i32);
        let start = word(&slab, STARTS_OFFSET + 4 * slot) as usize;
        assert!(start.is_multiple_of(64) && start - VNET_HDR_LEN >= end);
        let bytes = bytes_of(&slab, slot, *length).unwrap();
        assert!(bytes.iter().all(|byte| *byte == slot as u8 + 1));
        end = start - VNET_HDR_LEN + length;
    }
}

#[test]
fn a_burst_ends_at_what_was_asked_for_and_where_the_slab_is_full() {
    let (far, near) = wire();
    let mut slab = slab();
    for _ in 0..3 {
        put(&far, &[1; 60]);
    }
    assert_eq!(receive(&mut slab, near.as_raw_fd(), 2), 2);
    assert_eq!(receive(&mut slab, near.as_raw_fd(), 2), 1);
    // The longest frames, until one more might not find room.
    let longest = vec![2u8; CAPACITY];
    let fitting = FULL / LONGEST_FRAME + 1;
    let mut sent = 0;
    while sent <= fitting {
        // SAFETY: `longest` is valid for reads of its length.
        let put = unsafe { libc::write(far.as_raw_fd(), longest.as_ptr().cast(), CAPACITY) };
        sent += 1;
        if put < 0 {
            break; // the socket's own buffer is full
        }
    }
    let got = receive(&mut slab, near.as_raw_fd(), 64);
    assert!(got > 0 && got as usize <= fitting);
    let last = got as usize - 1;
    assert!(bytes_of(&slab, last, CAPACITY).unwrap().iter().all(|byte| *byte == 2));
}

#[test]
fn a_slot_outside_of_the_slab_is_refused_and_the_others_are_sent() {
    let (near, far) = wire();
    let mut slab = slab();
    let end = SLAB_BYTES as i32;
    set(&mut slab, 0, SLOTS_OFFSET as i32 + 64, 72);
    let outside = [(11, 72), (0, 72), (-1, 72), (i32::MIN, 72), (end - 60, 73), (i32::MAX, i32::MAX)];
    for (slot, (start, length)) in outside.into_iter().enumerate() {
        set(&mut slab, slot + 1, start, length);
    }
    set(&mut slab, 7, end - 60, 72);
    set(&mut slab, 8, 12, 0);
    set(&mut slab, 9, 12, -libc::EIO);
    assert_eq!(transmit(&mut slab, near.as_raw_fd(), 10), 2);
    let lengths: Vec<i32> = (0..10).map(|slot| word(&slab, 4 * slot)).collect();
    let refused = -libc::EINVAL;
    let expected = [72, refused, refused, refused, refused, refused, refused, 72, 0, -libc::EIO];
    assert_eq!(lengths, expected);
    assert_eq!(receive(&mut slab, far.as_raw_fd(), 64), 2);
}

#[test]
fn what_the_kernel_refuses_is_told_in_the_length() {
    let (near, far) = wire();
    drop(far);
    let mut slab = slab();
    set(&mut slab, 0, SLOTS_OFFSET as i32 + 64, 72);
    assert_eq!(transmit(&mut slab, near.as_raw_fd(), 1), 0);
    assert!(word(&slab, 0) < 0);
}
