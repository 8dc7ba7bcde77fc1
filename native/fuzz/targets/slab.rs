//! A slab whose tables anybody may have written, filled and handed out: nothing outside of it is touched,
//! frames do not overlap, and what was filled comes out as it went in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;
use uveth_native_fuzz::slab::{BURST, LONGEST_FRAME, SLAB_BYTES, VNET_HDR_LEN, drain, fill};

thread_local! {
    // Clearing 270 kB for each input would be most of the time.
    static SLAB: RefCell<Vec<u8>> = RefCell::new(vec![0; SLAB_BYTES]);
}

/// Two numbers for each slot, then one that says how many are wanted.
fn words(data: &[u8]) -> impl Iterator<Item = i32> {
    data.chunks_exact(4).map(|four| i32::from_ne_bytes(four.try_into().unwrap()))
}

fn foreign_tables(slab: &mut [u8], data: &[u8]) {
    for (at, value) in words(data).take(2 * BURST).enumerate() {
        let offset = 4 * (at / 2 + BURST * (at % 2));
        slab[offset..offset + 4].copy_from_slice(&value.to_ne_bytes());
    }
    let from = slab.as_ptr() as usize;
    let count = data.len();
    let mut written = 0;
    let sent = drain(slab, count, |frame| {
        let at = frame.as_ptr() as usize;
        assert!(at >= from && at + frame.len() <= from + SLAB_BYTES);
        std::hint::black_box(frame.iter().fold(0u8, |sum, byte| sum ^ byte));
        written += 1;
        if written % 3 == 0 { -libc::EIO } else { frame.len() as i32 }
    });
    assert!(sent as usize <= count.min(BURST) && sent <= written);
}

fn round_trip(slab: &mut [u8], data: &[u8]) {
    let lengths: Vec<i32> = words(data).collect();
    let longest = (VNET_HDR_LEN + LONGEST_FRAME) as i32;
    let mut put = Vec::new();
    let got = fill(slab, data.len(), |room| {
        let Some(wanted) = lengths.get(put.len()).copied() else {
            return -libc::EAGAIN;
        };
        assert_eq!(room.len() as i32, longest);
        // An errno, or a length that the kernel may answer.
        let length = if wanted < 0 { wanted.max(-4095) } else { wanted % (longest + 1) };
        if length > 0 {
            room[0] = put.len() as u8;
            room[length as usize - 1] = put.len() as u8;
        }
        if length >= 0 {
            put.push(length);
        }
        length
    });
    if got <= 0 {
        return;
    }
    assert_eq!(got as usize, put.len());
    let mut frames = put.iter().enumerate().filter(|(_, length)| **length > 0);
    let mut end = 0;
    let sent = drain(slab, got as usize, |frame| {
        let (slot, length) = frames.next().unwrap();
        assert_eq!(frame.len() as i32, *length);
        assert!(frame[0] == slot as u8 && frame[frame.len() - 1] == slot as u8);
        assert!(frame.as_ptr() as usize >= end);
        end = frame.as_ptr() as usize + frame.len();
        *length
    });
    assert!(frames.next().is_none() && sent as usize == put.iter().filter(|length| **length > 0).count());
}

fuzz_target!(|data: &[u8]| {
    SLAB.with_borrow_mut(|slab| {
        foreign_tables(slab, data);
        round_trip(slab, data);
        assert_eq!(drain(&mut slab[..data.len().min(SLAB_BYTES - 1)], 64, |_| 0), -libc::EINVAL);
    });
});
