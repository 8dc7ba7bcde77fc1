//! The one place that turns a libc result into what every function of this addon answers:
//! the value (>= 0), or a negative errno. Nothing here throws into JavaScript.

/// The calling thread's errno, negated.
pub fn last() -> i32 {
    -std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)
}

/// `result` of a libc call where -1 means "look at errno".
pub fn check(result: libc::c_int) -> i32 {
    if result < 0 { last() } else { result }
}

/// Like `check`, for calls that answer a byte count.
pub fn check_len(result: libc::ssize_t) -> i32 {
    if result < 0 { last() } else { result as i32 }
}

/// Runs `call` until it is not interrupted by a signal.
pub fn retry(mut call: impl FnMut() -> libc::ssize_t) -> i32 {
    loop {
        let result = check_len(call());
        if result != -libc::EINTR {
            return result;
        }
    }
}
