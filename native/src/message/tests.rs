use std::mem::{size_of, zeroed};

use super::{each_control, structure};

/// A message of control messages as recvmsg leaves it: `(type, payload)` of level 7.
fn collected(messages: &[(i32, &[u8])], cut: usize) -> Vec<(i32, i32, Vec<u8>)> {
    // Control messages are read where they stand, so they have to stand where the kernel puts them.
    let mut words = [0u64; 32];
    let bytes = words.as_mut_ptr().cast::<u8>();
    let mut at = 0;
    for (kind, payload) in messages {
        // SAFETY: the tests' messages fit in `words`, and CMSG_SPACE keeps each aligned.
        unsafe {
            let header = bytes.add(at).cast::<libc::cmsghdr>();
            (*header).cmsg_len = libc::CMSG_LEN(payload.len() as u32) as _;
            (*header).cmsg_level = 7;
            (*header).cmsg_type = *kind;
            libc::CMSG_DATA(header).copy_from(payload.as_ptr(), payload.len());
            at += libc::CMSG_SPACE(payload.len() as u32) as usize;
        }
    }
    // SAFETY: msghdr is plain data, valid when zeroed.
    let mut header: libc::msghdr = unsafe { zeroed() };
    header.msg_control = bytes.cast();
    header.msg_controllen = (at - cut) as _;
    let mut found = Vec::new();
    each_control(&header, |level, kind, payload| found.push((level, kind, payload.to_vec())));
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
    assert_eq!(collected(&[(1, &[9; 4])], size_of::<libc::cmsghdr>()), vec![]);
    assert_eq!(collected(&[(1, &[9; 4]), (2, &[])], 1).len(), 1);
}

#[test]
fn a_structure_wherever_it_stands_and_none_from_too_few_bytes() {
    let mut bytes = [0u8; 9];
    bytes[1..5].copy_from_slice(&(-7i32).to_ne_bytes());
    assert_eq!(structure::<i32>(&bytes[1..]), Some(-7));
    assert_eq!(structure::<i32>(&bytes[1..4]), None);
    assert!(structure::<libc::ucred>(&bytes).is_none());
}
