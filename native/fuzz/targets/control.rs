//! Bytes of control messages, whoever wrote them: every payload lies within them, behind the one before.
#![no_main]

use libfuzzer_sys::fuzz_target;
use uveth_native_fuzz::message::{each_control, structure};

fuzz_target!(|data: &[u8]| {
    let (from, end) = (data.as_ptr() as usize, data.as_ptr() as usize + data.len());
    let mut last = from;
    let mut sum = 0u64;
    each_control(data, |level, kind, payload| {
        let at = payload.as_ptr() as usize;
        assert!(at > last && at + payload.len() <= end);
        last = at + payload.len() - payload.len().min(1);
        let nsid = structure::<i32>(payload).map_or(0, |nsid| nsid as u64);
        let uid = structure::<libc::ucred>(payload).map_or(0, |from| from.uid as u64);
        let bytes = payload.iter().fold(0, |all, byte| all ^ *byte as u64);
        sum ^= nsid ^ uid ^ level as u64 ^ kind as u64 ^ bytes;
    });
    std::hint::black_box(sum);
});
