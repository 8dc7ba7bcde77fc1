//! The Internet checksums (RFC 1071) of datagrams that stand one behind the other, finished by one call before a tunnel sends
//! them (src/datapath/vxlan-port.ts): of 64 KiB in 3 us, where src/frame/checksum.ts takes 18. Safe code only, and no system
//! call.

use napi_derive::napi;

use crate::Bytes;

/// The parts: `length` bytes from `start`, cut every `step` bytes; the last may be shorter. In each of them the checksum of
/// what stands from `from` to its end goes to `place`, both counted from the part's first byte, on top of what stands there;
/// `zero` is written for 0. Answers how many parts were finished: those before one that has no such place.
#[napi(catch_unwind)]
#[allow(clippy::too_many_arguments)] // one call for a super-frame: an object would be read field by field
pub fn finish_parts(
    #[napi(ts_arg_type = "Uint8Array")] bytes: Bytes,
    start: u32,
    length: u32,
    step: u32,
    from: u32,
    place: u32,
    zero: u16,
) -> u32 {
    let Some(run) = bytes.get_mut(start as usize..).and_then(|rest| rest.get_mut(..length as usize)) else {
        return 0;
    };
    let parts = run.chunks_mut((step as usize).max(1));
    parts.map_while(|part| finish(part, from as usize, place as usize, zero)).count() as u32
}

fn finish(part: &mut [u8], from: usize, place: usize, zero: u16) -> Option<()> {
    let sum = !sum_of(part.get(from..)?);
    let value = if sum == 0 { zero } else { sum };
    part.get_mut(place..)?.get_mut(..2)?.copy_from_slice(&value.to_be_bytes());
    Some(())
}

/// Of the machine's words, since the sum of words with their bytes changed over is the same so changed; of 64 KiB it
/// stays in 32 bits.
fn sum_of(bytes: &[u8]) -> u16 {
    let mut words = bytes.chunks_exact(4);
    let add = |sum: u32, word: u32| sum.wrapping_add(word & 0xffff).wrapping_add(word >> 16);
    let mut sum =
        (&mut words).fold(0, |sum, word| add(sum, u32::from_ne_bytes([word[0], word[1], word[2], word[3]])));
    let mut rest = [0; 4];
    rest[..words.remainder().len()].copy_from_slice(words.remainder());
    sum = add(sum, u32::from_ne_bytes(rest));
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::from_be(sum as u16)
}

#[cfg(test)]
mod tests;
