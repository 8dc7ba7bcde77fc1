//! Where frames stand in a slab (src/frame/slab.ts draws it and asserts that both sides agree): filling
//! it with a burst, and handing one out. Called by burst.rs, and by the fuzz targets. Every offset in a
//! slab is JavaScript's to write, so none is believed. Safe code only, and no system call.

/// Frames per burst.
pub const BURST: usize = 64;
/// `i32 lengths[BURST]` stands at the slab's start, `i32 starts[BURST]` behind it.
const STARTS_OFFSET: usize = 4 * BURST;
/// The first slot begins here.
pub const SLOTS_OFFSET: usize = 4096;
/// Room in front of a frame's first byte; the virtio-net header is the last part of it.
pub const HEADROOM: usize = 64;
pub const VNET_HDR_LEN: usize = 12;
/// MTU 65,521 + Ethernet header and two VLAN tags, whole cache lines.
pub const LONGEST_FRAME: usize = 65_600;
/// No further frame is received once a burst has filled this much.
const FULL: usize = (256 << 10) - LONGEST_FRAME;

pub const SLAB_BYTES: usize = SLOTS_OFFSET + (256 << 10) + HEADROOM;
const _: () = assert!(LONGEST_FRAME >= 65_521 + 22 && LONGEST_FRAME.is_multiple_of(64));
const _: () = assert!(SLOTS_OFFSET + FULL + HEADROOM + LONGEST_FRAME <= SLAB_BYTES);

fn set_word(slab: &mut [u8], offset: usize, value: i32) {
    slab[offset..offset + 4].copy_from_slice(&value.to_ne_bytes());
}

fn word(slab: &[u8], offset: usize) -> i32 {
    i32::from_ne_bytes([slab[offset], slab[offset + 1], slab[offset + 2], slab[offset + 3]])
}

/// Fills slots 0, 1, … with up to `max` frames. `read` gets room for the longest and answers how many
/// bytes of it it has written, or a negative errno. Answers how many frames; 0 when there is nothing to
/// read. An error after the first frame is met again by the next call.
#[inline]
pub fn fill(slab: &mut [u8], max: usize, mut read: impl FnMut(&mut [u8]) -> i32) -> i32 {
    if slab.len() < SLAB_BYTES {
        return -libc::EINVAL;
    }
    let max = max.min(BURST);
    let mut at = SLOTS_OFFSET;
    for slot in 0..max {
        let start = at + HEADROOM;
        let got = read(&mut slab[start - VNET_HDR_LEN..start + LONGEST_FRAME]);
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

/// Hands slots 0 to `count` - 1 to `write`, which answers a negative errno or anything else; a slot whose
/// length is 0 or less is passed over. Answers how many were taken. A slot that was refused gets the
/// negative errno as its length; so does one that is not in the slab's memory, -EINVAL.
#[inline]
pub fn drain(slab: &mut [u8], count: usize, mut write: impl FnMut(&[u8]) -> i32) -> i32 {
    if slab.len() < SLAB_BYTES {
        return -libc::EINVAL;
    }
    let mut sent = 0;
    for slot in 0..count.min(BURST) {
        let len = word(slab, 4 * slot);
        if len <= 0 {
            continue;
        }
        let put = bytes_of(slab, slot, len as usize).map_or(-libc::EINVAL, &mut write);
        if put < 0 {
            set_word(slab, 4 * slot, put);
        } else {
            sent += 1;
        }
    }
    sent
}

// By its path, since the fuzz targets take this file into another crate.
#[cfg(test)]
#[path = "slab/tests.rs"]
mod tests;
