//! Memory of the caller's: copied without a view of it, and given back while it is not needed.

use napi_derive::napi;

use crate::{Bytes, errno};

/// Gives the whole pages of `bytes` back to the system: they read as zeros, and cost nothing until they
/// are written again.
#[napi(catch_unwind)]
pub fn release_pages(bytes: Bytes) -> i32 {
    // SAFETY: sysconf takes a plain integer.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
    let before = bytes.as_ptr().align_offset(page);
    let whole = bytes.len().saturating_sub(before) / page * page;
    if whole == 0 {
        return 0;
    }
    let pages = bytes[before..before + whole].as_mut_ptr();
    // SAFETY: the pages belong to `bytes` alone, which may hold any values, and are private memory.
    errno::check(unsafe { libc::madvise(pages.cast(), whole, libc::MADV_DONTNEED) })
}

/// Copies `length` bytes from `start` of `from` to `at` of `to`, which is other memory. False, and nothing is
/// copied, where one of them ends before. As Uint8Array's `set` of a subarray, but allocates none.
#[napi(catch_unwind)]
pub fn copy_bytes(
    #[napi(ts_arg_type = "Uint8Array")] to: Bytes,
    at: u32,
    #[napi(ts_arg_type = "Uint8Array")] from: Bytes,
    start: u32,
    length: u32,
) -> bool {
    let (at, start, length) = (at as usize, start as usize, length as usize);
    match (to.get_mut(at..at + length), from.get(start..start + length)) {
        (Some(to), Some(from)) => {
            to.copy_from_slice(from);
            true
        }
        _ => false,
    }
}
