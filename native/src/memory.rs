//! Memory of the caller's: copied without a view of it, and given back while it is not needed.

use napi_derive::napi;

use crate::{Bytes, Words, errno};

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

/// Copies ranges of `from` to `to`, which is other memory. Each of the first `count` of `table` is three numbers: where
/// to, where from, how many bytes. Answers how many were copied; one that is not all inside of both is passed over.
/// As Uint8Array's `set` of subarrays, but allocates none, and is one call for a burst.
#[napi(catch_unwind)]
pub fn copy_ranges(
    #[napi(ts_arg_type = "Uint8Array")] to: Bytes,
    #[napi(ts_arg_type = "Uint8Array")] from: Bytes,
    #[napi(ts_arg_type = "Int32Array")] table: Words,
    count: u32,
) -> u32 {
    let ranges = table.chunks_exact(3).take(count as usize);
    ranges.filter(|range| copy_range(to, from, range).is_some()).count() as u32
}

fn copy_range(to: &mut [u8], from: &[u8], range: &[i32]) -> Option<()> {
    let &[at, start, length] = range else { return None };
    let (at, start) = (usize::try_from(at).ok()?, usize::try_from(start).ok()?);
    let length = usize::try_from(length).ok()?;
    let source = from.get(start..start.checked_add(length)?)?;
    to.get_mut(at..at.checked_add(length)?)?.copy_from_slice(source);
    Some(())
}
