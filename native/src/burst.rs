//! Moves bursts of frames between a TAP and a slab: the native code on every frame's way (checksum.rs is on a
//! tunnel's). Where the frames stand is slab.rs's to know; nothing here knows pairs, hooks or counters. One call
//! moves up to BURST frames; it never blocks.

use napi_derive::napi;

use crate::slab::{self, BURST, HEADROOM, LONGEST_FRAME, SLAB_BYTES, SLOTS_OFFSET, VNET_HDR_LEN};
use crate::{Bytes, errno};

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

/// Reads up to `max` frames into slots 0, 1, … and their lengths (virtio-net header included) into
/// the slab's table. Answers how many; 0 when there is nothing to read; -EBADFD when the device is
/// gone. An error after the first frame is met again by the next call.
#[napi(catch_unwind)]
pub fn receive(#[napi(ts_arg_type = "Uint8Array")] slab: Bytes, fd: i32, max: u32) -> i32 {
    slab::fill(slab, max as usize, |room| {
        // SAFETY: `room` is valid for writes of its length, and the kernel writes no more.
        errno::retry(|| unsafe { libc::read(fd, room.as_mut_ptr().cast(), room.len()) })
    })
}

/// Writes slots 0 to `count` - 1; a slot whose length is 0 or less is passed over. Answers how many
/// the kernel took. A slot that it refused gets the negative errno as its length; so does one that is
/// not in the slab's memory, -EINVAL.
#[napi(catch_unwind)]
pub fn transmit(#[napi(ts_arg_type = "Uint8Array")] slab: Bytes, fd: i32, count: u32) -> i32 {
    slab::drain(slab, count as usize, |frame| {
        // SAFETY: `frame` is valid for reads of its length.
        errno::retry(|| unsafe { libc::write(fd, frame.as_ptr().cast(), frame.len()) })
    })
}

#[cfg(test)]
mod tests;
