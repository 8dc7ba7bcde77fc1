//! Memory of the caller's that is not needed for now.

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
