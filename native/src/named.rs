//! Network namespaces with a name, as `ip netns add` and `ip netns del` make and remove them, without a
//! process for each step. Each call works on a thread of its own, since making a namespace waits for
//! RTNL, and tells a result when it is done.

use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use napi::bindgen_prelude::{Function, Result};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;

use crate::errno;

const OWN_NS: &CStr = c"/proc/thread-self/ns/net";

/// Makes a namespace with its loopback up, and names it by a file `name` of `directory`.
#[napi(catch_unwind)]
pub fn netns_add(directory: String, name: String, done: Function<'_, i32, ()>) -> Result<()> {
    apart(done, move || {
        let path = format!("{directory}/{name}");
        let (Ok(directory), Ok(path)) = (CString::new(directory), CString::new(path)) else {
            return -libc::EINVAL;
        };
        first_failure(&[
            &|| share(&directory),
            // SAFETY: plain integers; it changes this short-lived thread only.
            &|| errno::check(unsafe { libc::unshare(libc::CLONE_NEWNET) }),
            &loopback_up,
            &|| mark(&path),
        ])
    })
}

/// Writes settings (`net/ipv4/ip_forward=1`, below /proc/sys) in the namespace at `path`. What this
/// kernel does not have is passed over; the first failure of another kind is the result.
#[napi(catch_unwind)]
pub fn netns_tell(path: String, settings: Vec<String>, done: Function<'_, i32, ()>) -> Result<()> {
    apart(done, move || {
        let entered = enter(path);
        if entered < 0 {
            return entered;
        }
        let mut result = tell_all(&settings);
        // Containers see /proc/sys read-only: this thread then gets mounts of its own, where it need not be.
        if result == -libc::EROFS && own_proc_sys() == 0 {
            result = tell_all(&settings);
        }
        result
    })
}

/// Kills what runs in the namespaces at `paths`, and takes their names away.
#[napi(catch_unwind)]
pub fn netns_end(paths: Vec<String>, done: Function<'_, i32, ()>) -> Result<()> {
    apart(done, move || {
        let inodes: HashSet<u64> =
            paths.iter().filter_map(|path| Some(fs::metadata(path).ok()?.ino())).collect();
        for pid in processes_in(&inodes) {
            // SAFETY: plain integers.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
        let results: Vec<i32> = paths.into_iter().map(remove).collect();
        results.into_iter().find(|result| *result < 0).unwrap_or(0)
    })
}

/// Runs `call` on a thread of its own, and hands what it answers to `done`.
fn apart(done: Function<'_, i32, ()>, call: impl FnOnce() -> i32 + Send + 'static) -> Result<()> {
    let tell = Arc::new(done.build_threadsafe_function::<i32>().build()?);
    let told = tell.clone();
    let run = move || {
        told.call(call(), ThreadsafeFunctionCallMode::NonBlocking);
    };
    let builder = std::thread::Builder::new().name("uveth-netns".into()).stack_size(128 << 10);
    if builder.spawn(run).is_err() {
        tell.call(-libc::EAGAIN, ThreadsafeFunctionCallMode::NonBlocking);
    }
    Ok(())
}

fn first_failure(steps: &[&dyn Fn() -> i32]) -> i32 {
    steps.iter().map(|step| step()).find(|result| *result < 0).unwrap_or(0)
}

fn mount(from: &CStr, to: &CStr, flags: libc::c_ulong) -> i32 {
    // SAFETY: all strings are NUL-terminated and live for the call.
    errno::check(unsafe {
        libc::mount(from.as_ptr(), to.as_ptr(), c"none".as_ptr(), flags, std::ptr::null())
    })
}

/// The directory of names is a shared mount, so that a name that is removed here is gone in every mount
/// namespace; one that makes it so at the same time is waited for, as `ip` does.
fn share(directory: &CStr) -> i32 {
    // SAFETY: `directory` is NUL-terminated; the descriptor is closed below, by nobody else.
    let lock = unsafe {
        libc::mkdir(directory.as_ptr(), 0o755);
        errno::check(libc::open(directory.as_ptr(), libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC))
    };
    if lock < 0 {
        return lock;
    }
    // SAFETY: plain integers.
    unsafe { libc::flock(lock, libc::LOCK_EX) };
    let shared = || mount(c"", directory, libc::MS_SHARED | libc::MS_REC);
    let mut result = shared();
    if result == -libc::EINVAL {
        result = first_failure(&[&|| mount(directory, directory, libc::MS_BIND | libc::MS_REC), &shared]);
    }
    // SAFETY: `lock` was opened above.
    unsafe { libc::close(lock) };
    result
}

/// Of the namespace that this thread is in.
fn loopback_up() -> i32 {
    // SAFETY: ifreq is plain data, valid when zeroed; it lives for the calls; the socket is closed here.
    unsafe {
        let socket = errno::check(libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0));
        if socket < 0 {
            return socket;
        }
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[0] = b'l' as libc::c_char;
        request.ifr_name[1] = b'o' as libc::c_char;
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        let result = errno::check(libc::ioctl(socket, libc::SIOCSIFFLAGS as _, &raw mut request));
        libc::close(socket);
        result
    }
}

/// The namespace that this thread is in is at `path` from now on, where nothing may be.
fn mark(path: &CStr) -> i32 {
    let flags = libc::O_RDONLY | libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC;
    // SAFETY: `path` is NUL-terminated; the descriptor is closed at once.
    let file = errno::check(unsafe { libc::open(path.as_ptr(), flags, 0) });
    if file < 0 {
        return file;
    }
    let result = mount(OWN_NS, path, libc::MS_BIND);
    // SAFETY: `path` is NUL-terminated, and its file is ours; `file` was opened above.
    unsafe {
        libc::close(file);
        if result < 0 {
            libc::unlink(path.as_ptr());
        }
    }
    result
}

fn remove(path: String) -> i32 {
    let Ok(path) = CString::new(path) else {
        return -libc::EINVAL;
    };
    // SAFETY: `path` is NUL-terminated.
    unsafe {
        libc::umount2(path.as_ptr(), libc::MNT_DETACH);
        errno::check(libc::unlink(path.as_ptr()))
    }
}

/// Takes this thread into the namespace at `path`.
fn enter(path: String) -> i32 {
    let Ok(path) = CString::new(path) else {
        return -libc::EINVAL;
    };
    // SAFETY: `path` is NUL-terminated; the descriptor is closed at once.
    unsafe {
        let ns = errno::check(libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC));
        if ns < 0 {
            return ns;
        }
        let entered = errno::check(libc::setns(ns, libc::CLONE_NEWNET));
        libc::close(ns);
        entered
    }
}

fn tell_all(settings: &[String]) -> i32 {
    let results: Vec<i32> = settings.iter().map(|setting| tell(setting)).collect();
    results.into_iter().find(|result| *result < 0).unwrap_or(0)
}

fn tell(setting: &str) -> i32 {
    let Some((name, value)) = setting.split_once('=') else {
        return -libc::EINVAL;
    };
    let file = fs::OpenOptions::new().write(true).open(format!("/proc/sys/{name}"));
    match file.and_then(|mut file| file.write_all(value.as_bytes())) {
        Ok(()) => 0,
        Err(error) => match error.raw_os_error().unwrap_or(libc::EIO) {
            libc::ENOENT => 0,
            number => -number,
        },
    }
}

/// Makes /proc/sys writable for this thread alone.
fn own_proc_sys() -> i32 {
    first_failure(&[
        // SAFETY: plain integers; it changes this short-lived thread only.
        &|| errno::check(unsafe { libc::unshare(libc::CLONE_NEWNS) }),
        &|| mount(c"none", c"/", libc::MS_SLAVE | libc::MS_REC),
        &|| mount(c"none", c"/proc/sys", libc::MS_REMOUNT | libc::MS_BIND),
    ])
}

fn processes_in(namespaces: &HashSet<u64>) -> Vec<i32> {
    let own = std::process::id() as i32;
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let there = |pid: &i32| {
        let inode = fs::metadata(format!("/proc/{pid}/ns/net")).map(|namespace| namespace.ino());
        *pid != own && inode.is_ok_and(|inode| namespaces.contains(&inode))
    };
    pids.filter(there).collect()
}
