//! Network namespaces: opening one, and running a call inside one on a thread of its own. setns is
//! per thread and never done on a thread of Node's or libuv's (test/kernel/16).

use std::ffi::CString;
use std::io::Write;

use napi_derive::napi;

use crate::{errno, fds};

const NS_GET_NSTYPE: libc::c_ulong = 0xb703; // _IO(0xb7, 3)

fn open(path: String, flags: i32) -> i32 {
    let Ok(path) = CString::new(path) else {
        return -libc::EINVAL;
    };
    // SAFETY: `path` is NUL-terminated.
    fds::own(unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC) })
}

/// Is it a namespace of any kind?
fn on_nsfs(fd: i32) -> bool {
    // SAFETY: `statfs` is plain data, valid when zeroed, and fstatfs writes within it.
    unsafe {
        let mut stat: libc::statfs = std::mem::zeroed();
        libc::fstatfs(fd, &mut stat) == 0 && stat.f_type as u32 == libc::NSFS_MAGIC as u32
    }
}

/// Opens a network namespace by path (`/run/netns/NAME`, `/proc/PID/ns/net`). -EINVAL if the file
/// is something else; that is not opened, since opening a device may do something, or block.
#[napi(catch_unwind)]
pub fn netns_open(path: String) -> i32 {
    let place = open(path, libc::O_PATH);
    if place < 0 {
        return place;
    }
    let fd = if on_nsfs(place) {
        // The file that was looked at, whatever stands at its path by now.
        open(format!("/proc/self/fd/{place}"), libc::O_RDONLY)
    } else {
        -libc::EINVAL
    };
    fds::close_fd(place);
    if fd < 0 {
        return fd;
    }
    // SAFETY: NS_GET_NSTYPE takes no argument.
    let kind = errno::check(unsafe { libc::ioctl(fd, NS_GET_NSTYPE as _) });
    if kind != libc::CLONE_NEWNET {
        fds::close_fd(fd);
        return -libc::EINVAL;
    }
    fd
}

/// Makes a network namespace, which lives for as long as something holds it: the descriptor that is
/// answered, or what is opened in it.
#[napi(catch_unwind)]
pub fn netns_create() -> i32 {
    let flags = libc::O_RDONLY | libc::O_CLOEXEC;
    // SAFETY: unshare takes plain integers and changes this short-lived thread only; the path is a
    // NUL-terminated literal.
    let create = || unsafe {
        let made = errno::check(libc::unshare(libc::CLONE_NEWNET));
        if made < 0 { made } else { errno::check(libc::open(c"/proc/thread-self/ns/net".as_ptr(), flags)) }
    };
    fds::own_checked(on_thread(create))
}

/// Writes a setting of namespace `ns`, a file under /proc/sys/net; -1: of the one that the process is in.
#[napi(catch_unwind)]
pub fn netns_set(ns: i32, path: String, text: String) -> i32 {
    let set = || std::fs::OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes());
    within(ns, || match set() {
        Ok(()) => 0,
        Err(error) => -error.raw_os_error().unwrap_or(libc::EIO),
    })
}

/// Runs `call` on a new thread that has entered namespace `ns`, or right here when `ns` is -1.
pub fn within(ns: i32, call: impl FnOnce() -> i32 + Send) -> i32 {
    if ns < 0 {
        return call();
    }
    on_thread(|| {
        // SAFETY: setns takes plain integers and changes this short-lived thread only.
        let entered = errno::check(unsafe { libc::setns(ns, libc::CLONE_NEWNET) });
        if entered < 0 { entered } else { call() }
    })
}

fn on_thread(call: impl FnOnce() -> i32 + Send) -> i32 {
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().name("uveth-netns".into()).stack_size(64 << 10);
        match builder.spawn_scoped(scope, call) {
            Ok(thread) => thread.join().unwrap_or(-libc::EIO),
            Err(_) => -libc::EAGAIN,
        }
    })
}
