use std::mem::size_of;

use super::{ALIGNED, HEADER, each_control, structure};

/// The bytes of control messages as recvmsg leaves them: `(type, length, payload)` of level 7.
fn bytes_of(messages: &[(i32, usize, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, length, payload) in messages {
        let start = bytes.len();
        bytes.resize(start + HEADER, 0);
        let lengths = std::mem::offset_of!(libc::cmsghdr, cmsg_len);
        let levels = std::mem::offset_of!(libc::cmsghdr, cmsg_level);
        let kinds = std::mem::offset_of!(libc::cmsghdr, cmsg_type);
        // musl has an int and padding here, glibc a size_t: together they are as long.
        bytes[start + lengths..][..size_of::<usize>()].copy_from_slice(&length.to_ne_bytes());
        bytes[start + levels..][..4].copy_from_slice(&7i32.to_ne_bytes());
        bytes[start + kinds..][..4].copy_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(payload);
        bytes.resize(bytes.len().next_multiple_of(ALIGNED), 0);
    }
    bytes
}

/// What is found in them, without the last `cut` bytes.
fn collected(messages: &[(i32, &[u8])], cut: usize) -> Vec<(i32, i32, Vec<u8>)> {
    let whole: Vec<_> = messages.iter().map(|(kind, of)| (*kind, HEADER + of.len(), *of)).collect();
    let bytes = bytes_of(&whole);
    let mut found = Vec::new();
    let each = |level, kind, payload: &[u8]| found.push((level, kind, payload.to_vec()));
    each_control(&bytes[..bytes.len() - cut], each);
    found
}

#[test]
fn no_control_message() {
    assert!(collected(&[], 0).is_empty());
}

#[test]
fn every_control_message_with_its_own_bytes() {
    let found = collected(&[(1, &[9; 4]), (2, &[]), (3, &[8; 13])], 0);
    let expected = vec![(7, 1, vec![9; 4]), (7, 2, vec![]), (7, 3, vec![8; 13])];
    assert_eq!(found, expected);
}

#[test]
fn what_is_shorter_than_a_header_is_no_control_message() {
    assert_eq!(collected(&[(1, &[9; 4])], HEADER), vec![]);
    assert_eq!(collected(&[(1, &[9; 4]), (2, &[])], 1).len(), 1);
}

#[test]
fn a_length_that_cannot_be_ends_the_walk() {
    for length in [0, HEADER - 1, HEADER + 9, usize::MAX - 7, usize::MAX] {
        let bytes = bytes_of(&[(1, HEADER + 8, &[9; 8]), (2, length, &[8; 8])]);
        let mut found = Vec::new();
        each_control(&bytes, |_, kind, _| found.push(kind));
        assert_eq!(found, [1], "{length}");
    }
}

#[test]
fn a_structure_wherever_it_stands_and_none_from_too_few_bytes() {
    let mut bytes = [0u8; 9];
    bytes[1..5].copy_from_slice(&(-7i32).to_ne_bytes());
    assert_eq!(structure::<i32>(&bytes[1..]), Some(-7));
    assert_eq!(structure::<i32>(&bytes[1..4]), None);
    assert!(structure::<libc::ucred>(&bytes).is_none());
}
