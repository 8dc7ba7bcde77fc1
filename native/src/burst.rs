//! Moves bursts of frames between a TAP and a slab: the only native code on a frame's way. It knows
//! the slab's layout (src/frame/slab.ts draws it and asserts that both sides agree) and nothing
//! about pairs, hooks or counters. One call moves up to BURST frames; it never blocks.

use napi_derive::napi;

use crate::{Bytes, errno};

/// Frames per burst.
const BURST: usize = 64;
/// `i32 lengths[BURST]` stands at the slab's start, `i32 starts[BURST]` behind it.
const STARTS_OFFSET: usize = 4 * BURST;
/// The first slot begins here.
const SLOTS_OFFSET: usize = 4096;
/// Room in front of a frame's first byte; the virtio-net header is the last part of it.
const HEADROOM: usize = 64;
const VNET_HDR_LEN: usize = 12;
/// MTU 65,521 + Ethernet header and two VLAN tags, whole cache lines.
const LONGEST_FRAME: usize = 65_600;
/// No further frame is received once a burst has filled this much.
const FULL: usize = (256 << 10) - LONGEST_FRAME;

const SLAB_BYTES: usize = SLOTS_OFFSET + (256 << 10) + HEADROOM;
const CAPACITY: usize = VNET_HDR_LEN + LONGEST_FRAME;
const _: () = assert!(LONGEST_FRAME >= 65_521 + 22 && LONGEST_FRAME.is_multiple_of(64));
const _: () = assert!(SLOTS_OFFSET + FULL + HEADROOM + LONGEST_FRAME <= SLAB_BYTES);

#[napi(object)]
pub struct SlabLayout {
    pub burst: u32,
    pub slots_offset: u32,
    pub headroom: u32,
    pub longest_frame: u32,
    pub vnet_hdr_len: u32,
    pub bytes: u32,
}

/// The layout that this addon was built with, for the assertion in TypeScript.
#[napi(catch_unwind)]
pub fn slab_layout() -> SlabLayout {
    SlabLayout {
        burst: BURST as u32,
        slots_offset: SLOTS_OFFSET as u32,
        headroom: HEADROOM as u32,
        longest_frame: LONGEST_FRAME as u32,
        vnet_hdr_len: VNET_HDR_LEN as u32,
        bytes: SLAB_BYTES as u32,
    }
}

fn set_word(slab: &mut [u8], offset: usize, value: i32) {
    slab[offset..offset + 4].copy_from_slice(&value.to_ne_bytes());
}

fn word(slab: &[u8], offset: usize) -> i32 {
    i32::from_ne_bytes([slab[offset], slab[offset + 1], slab[offset + 2], slab[offset + 3]])
}

/// Reads up to `max` frames into slots 0, 1, … and their lengths (virtio-net header included) into
/// the slab's table. Answers how many; 0 when there is nothing to read; -EBADFD when the device is
/// gone. An error after the first frame is met again by the next call.
#[napi(catch_unwind)]
pub fn receive(#[napi(ts_arg_type = "Uint8Array")] slab: Bytes, fd: i32, max: u32) -> i32 {
    if slab.len() < SLAB_BYTES {
        return -libc::EINVAL;
    }
    let max = (max as usize).min(BURST);
    let mut at = SLOTS_OFFSET;
    for slot in 0..max {
        let start = at + HEADROOM;
        let room = &mut slab[start - VNET_HDR_LEN..start + LONGEST_FRAME];
        // SAFETY: `room` is valid for writes of its length, and the kernel writes no more.
        let got = errno::retry(|| unsafe { libc::read(fd, room.as_mut_ptr().cast(), CAPACITY) });
        if got < 0 {
            return if slot > 0 {
                slot as i32
            } else if got == -libc::EAGAIN {
                0
            } else {
                got
            };
        }
        set_word(slab, 4 * slot, got);
        set_word(slab, STARTS_OFFSET + 4 * slot, start as i32);
        at = (start + got as usize).next_multiple_of(64);
        if at > SLOTS_OFFSET + FULL {
            return slot as i32 + 1;
        }
    }
    max as i32
}

/// The bytes of a slot, from its virtio-net header; none if they are not all in the slab's memory.
fn bytes_of(slab: &[u8], slot: usize, len: usize) -> Option<&[u8]> {
    let start = usize::try_from(word(slab, STARTS_OFFSET + 4 * slot)).ok()?;
    let from = start.checked_sub(VNET_HDR_LEN)?;
    slab.get(from..from.checked_add(len)?)
}

/// Writes slots 0 to `count` - 1; a slot whose length is 0 or less is passed over. Answers how many
/// the kernel took. A slot that it refused gets the negative errno as its length; so does one that is
/// not in the slab's memory, -EINVAL.
#[napi(catch_unwind)]
pub fn transmit(#[napi(ts_arg_type = "Uint8Array")] slab: Bytes, fd: i32, count: u32) -> i32 {
    if slab.len() < SLAB_BYTES {
        return -libc::EINVAL;
    }
    let mut sent = 0;
    for slot in 0..(count as usize).min(BURST) {
        let len = word(slab, 4 * slot);
        if len <= 0 {
            continue;
        }
        let put = match bytes_of(slab, slot, len as usize) {
            // SAFETY: `frame` is valid for reads of its length.
            Some(frame) => errno::retry(|| unsafe { libc::write(fd, frame.as_ptr().cast(), frame.len()) }),
            None => -libc::EINVAL,
        };
        if put < 0 {
            set_word(slab, 4 * slot, put);
        } else {
            sent += 1;
        }
    }
    sent
}

#[cfg(test)]
mod tests;
