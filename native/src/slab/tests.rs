use super::*;

fn slab() -> Vec<u8> {
    vec![0; SLAB_BYTES]
}

fn set(slab: &mut [u8], slot: usize, start: i32, length: i32) {
    set_word(slab, STARTS_OFFSET + 4 * slot, start);
    set_word(slab, 4 * slot, length);
}

/// Answers `lengths`, one after the other, each with as many bytes of its own number; then `end`.
fn reader(lengths: &[i32], end: i32) -> impl FnMut(&mut [u8]) -> i32 {
    let mut at = 0;
    move |room| {
        let Some(length) = lengths.get(at).copied() else {
            return end;
        };
        at += 1;
        if length > 0 {
            room[..length as usize].fill(at as u8);
        }
        length
    }
}

#[test]
fn a_slab_that_is_too_small_is_refused() {
    let mut small = vec![0; SLAB_BYTES - 1];
    assert_eq!(fill(&mut small, 1, |_| unreachable!()), -libc::EINVAL);
    assert_eq!(drain(&mut small, 1, |_| unreachable!()), -libc::EINVAL);
}

#[test]
fn frames_stand_one_behind_the_other_each_at_a_line_of_the_cache() {
    let mut slab = slab();
    let lengths = [72, 73, 1500];
    assert_eq!(fill(&mut slab, 64, reader(&lengths, -libc::EAGAIN)), 3);
    let mut end = SLOTS_OFFSET;
    for (slot, length) in lengths.iter().enumerate() {
        assert_eq!(word(&slab, 4 * slot), *length);
        let start = word(&slab, STARTS_OFFSET + 4 * slot) as usize;
        assert!(start.is_multiple_of(64) && start - VNET_HDR_LEN >= end);
        let bytes = bytes_of(&slab, slot, *length as usize).unwrap();
        assert!(bytes.iter().all(|byte| *byte == slot as u8 + 1));
        end = start - VNET_HDR_LEN + *length as usize;
    }
}

#[test]
fn a_burst_ends_at_what_was_asked_for_where_the_slab_is_full_and_at_an_error() {
    let mut slab = slab();
    assert_eq!(fill(&mut slab, 0, |_| unreachable!()), 0);
    assert_eq!(fill(&mut slab, 2, reader(&[60; 9], -libc::EAGAIN)), 2);
    assert_eq!(fill(&mut slab, 999, reader(&[60; 99], -libc::EAGAIN)), BURST as i32);
    let longest = (LONGEST_FRAME + VNET_HDR_LEN) as i32;
    assert_eq!(fill(&mut slab, 64, reader(&[longest; 9], -libc::EAGAIN)), 3);
    assert!(bytes_of(&slab, 2, longest as usize).unwrap().iter().all(|byte| *byte == 3));
    assert_eq!(fill(&mut slab, 64, reader(&[], -libc::EAGAIN)), 0);
    assert_eq!(fill(&mut slab, 64, reader(&[], -libc::EIO)), -libc::EIO);
    assert_eq!(fill(&mut slab, 64, reader(&[60, 0], -libc::EIO)), 2);
}

#[test]
fn a_slot_outside_of_the_slab_is_refused_and_the_others_are_sent() {
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
    let mut written = Vec::new();
    let write = |frame: &[u8]| {
        written.push(frame.len());
        if written.len() < 2 { 72 } else { -libc::EIO }
    };
    assert_eq!(drain(&mut slab, 10, write), 1);
    assert_eq!(written, [72, 72]);
    let lengths: Vec<i32> = (0..10).map(|slot| word(&slab, 4 * slot)).collect();
    let refused = -libc::EINVAL;
    let expected = [72, refused, refused, refused, refused, refused, refused, -libc::EIO, 0, -libc::EIO];
    assert_eq!(lengths, expected);
}
