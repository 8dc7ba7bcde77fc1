//! Moves bursts of frames between a TAP and a slab: the only native code on a frame's way. It knows
//! the slab's layout (src/frame/slab.ts draws it and asserts that both sides agree) and nothing
//! about pairs, hooks or counters. One call moves up to BURST frames; it never blocks.

use napi_derive::napi;

use crate::{Bytes, errno};

/// Frames per burst, and slots per slab.
const BURST: usize = 64;
/// `i32 lengths[BURST]` stands at the slab's start; slot 0 begins here.
const SLOTS_OFFSET: usize = 4096;
/// Where the frame's first byte stands in its slot; the virtio-net header ends there.
const FRAME_OFFSET: usize = 128;
const VNET_HDR_LEN: usize = 12;
/// MTU 65,521 + Ethernet header and two VLAN tags, after the frame offset. Rounded to an odd number
/// of cache lines, so that the slots' first lines do not fall into one cache set.
const SLOT_STRIDE: usize = 65_728;
/// No further frame is received once a burst holds this many bytes.
const BURST_BYTES: usize = (256 << 10) - (64 << 10);

const SLAB_BYTES: usize = SLOTS_OFFSET + BURST * SLOT_STRIDE;
const CAPACITY: usize = SLOT_STRIDE - FRAME_OFFSET + VNET_HDR_LEN;
const _: () = assert!(CAPACITY >= 65_521 + 22 + VNET_HDR_LEN);
const _: () = assert!(SLOT_STRIDE.is_multiple_of(64) && !(SLOT_STRIDE / 64).is_multiple_of(2));

#[napi(object)]
pub struct SlabLayout {
    pub burst: u32,
    pub slots_offset: u32,
    pub slot_stride: u32,
    pub frame_offset: u32,
    pub vnet_hdr_len: u32,
    pub bytes: u32,
}

/// The layout that this addon was built with, for the assertion in TypeScript.
#[napi(catch_unwind)]
pub fn slab_layout() -> SlabLayout {
    SlabLayout {
        burst: BURST as u32,
        slots_offset: SLOTS_OFFSET as u32,
        slot_stride: SLOT_STRIDE as u32,
        frame_offset: FRAME_OFFSET as u32,
        vnet_hdr_len: VNET_HDR_LEN as u32,
        bytes: SLAB_BYTES as u32,
    }
}

fn set_length(slab: &mut [u8], slot: usize, value: i32) {
    slab[4 * slot..4 * slot + 4].copy_from_slice(&value.to_ne_bytes());
}

fn length(slab: &[u8], slot: usize) -> i32 {
    i32::from_ne_bytes([
        slab[4 * slot],
        slab[4 * slot + 1],
        slab[4 * slot + 2],
        slab[4 * slot + 3],
    ])
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
    let mut bytes = 0;
    for slot in 0..max {
        let start = SLOTS_OFFSET + slot * SLOT_STRIDE + FRAME_OFFSET - VNET_HDR_LEN;
        let room = &mut slab[start..start + CAPACITY];
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
        set_length(slab, slot, got);
        bytes += got as usize;
        if bytes > BURST_BYTES {
            return slot as i32 + 1;
        }
    }
    max as i32
}

/// Writes slots 0 to `count` - 1; a slot whose length is 0 or less is passed over. Answers how many
/// the kernel took. A slot that it refused gets the negative errno as its length.
#[napi(catch_unwind)]
pub fn transmit(#[napi(ts_arg_type = "Uint8Array")] slab: Bytes, fd: i32, count: u32) -> i32 {
    if slab.len() < SLAB_BYTES {
        return -libc::EINVAL;
    }
    let mut sent = 0;
    for slot in 0..(count as usize).min(BURST) {
        let len = length(slab, slot);
        if len <= 0 {
            continue;
        }
        let start = SLOTS_OFFSET + slot * SLOT_STRIDE + FRAME_OFFSET - VNET_HDR_LEN;
        let frame = &slab[start..start + (len as usize).min(CAPACITY)];
        // SAFETY: `frame` is valid for reads of its length.
        let put = errno::retry(|| unsafe { libc::write(fd, frame.as_ptr().cast(), frame.len()) });
        if put < 0 {
            set_length(slab, slot, put);
        } else {
            sent += 1;
        }
    }
    sent
}
