//! Readiness. A *poller* is an epoll set that one forwarding worker blocks in; it also watches that
//! thread's own event loop, so that messages, terminate() and exit reach a thread that waits here.
//! The *watcher* tells a thread that lives in its event loop (the link thread) that a control
//! descriptor is ready: Node's own API refuses TAP and netlink descriptors.

use std::cell::RefCell;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use napi::bindgen_prelude::{Env, Function, Result};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;

use crate::{Words, errno, fds};

/// What `poller_wait` reports for the thread's own event loop.
const LOOP_TOKEN: i32 = -1;
/// Events taken from the kernel by one wait.
const EVENTS: usize = 64;

fn epoll_create() -> i32 {
    // SAFETY: epoll_create1 takes a plain integer.
    errno::check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })
}

fn control(epoll: i32, operation: i32, fd: i32, events: i32, token: i32) -> i32 {
    let mut event = libc::epoll_event { events: events as u32, u64: token as u32 as u64 };
    // SAFETY: `event` lives for the call.
    errno::check(unsafe { libc::epoll_ctl(epoll, operation, fd, &mut event) })
}

fn epoll_now(epoll: i32, events: &mut [libc::epoll_event; EVENTS]) -> i32 {
    // SAFETY: `events` has room for EVENTS entries.
    errno::check(unsafe { libc::epoll_wait(epoll, events.as_mut_ptr(), EVENTS as i32, 0) })
}

/// The descriptor that is readable while the calling thread's event loop has something to do; looked
/// up by name, since the symbol is in the Node executable and not in a library.
fn backend_fd(env: &Env) -> i32 {
    let Ok(uv_loop) = env.get_uv_event_loop() else {
        return -libc::ENOSYS;
    };
    // SAFETY: a look-up by a NUL-terminated name.
    let symbol = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"uv_backend_fd".as_ptr()) };
    if symbol.is_null() {
        return -libc::ENOSYS;
    }
    type BackendFd = unsafe extern "C" fn(*const std::ffi::c_void) -> libc::c_int;
    // SAFETY: libuv declares `int uv_backend_fd(const uv_loop_t*)`, and the loop is this thread's.
    unsafe { std::mem::transmute::<*mut std::ffi::c_void, BackendFd>(symbol)(uv_loop.cast()) }
}

/// An epoll set that already watches this thread's event loop.
#[napi(catch_unwind)]
pub fn poller_open(env: Env) -> i32 {
    let backend = backend_fd(&env);
    if backend < 0 {
        return backend;
    }
    let poller = fds::own_checked(epoll_create());
    if poller < 0 {
        return poller;
    }
    let added = control(poller, libc::EPOLL_CTL_ADD, backend, libc::EPOLLIN, LOOP_TOKEN);
    if added < 0 {
        fds::close_fd(poller);
        return added;
    }
    poller
}

/// Reports `token` (>= 0) while `fd` is readable or in error.
#[napi(catch_unwind)]
pub fn poller_add(poller: i32, fd: i32, token: i32) -> i32 {
    control(poller, libc::EPOLL_CTL_ADD, fd, libc::EPOLLIN, token)
}

#[napi(catch_unwind)]
pub fn poller_remove(poller: i32, fd: i32) -> i32 {
    control(poller, libc::EPOLL_CTL_DEL, fd, 0, 0)
}

/// Waits until something is ready: asks again and again for `spin_ns`, then sleeps for up to
/// `timeout_ns` (negative: without limit; 0: not at all). Writes tokens into `ready` and answers
/// their number; 0 after the time-out or a signal.
#[napi(catch_unwind)]
pub fn poller_wait(
    poller: i32,
    #[napi(ts_arg_type = "Int32Array")] ready: Words,
    spin_ns: f64,
    timeout_ns: f64,
) -> i32 {
    let mut events = [libc::epoll_event { events: 0, u64: 0 }; EVENTS];
    let mut got = epoll_now(poller, &mut events);
    if got == 0 && spin_ns > 0.0 {
        let end = Instant::now() + Duration::from_nanos(spin_ns as u64);
        while got == 0 && Instant::now() < end {
            got = epoll_now(poller, &mut events);
        }
    }
    if got == 0 && timeout_ns != 0.0 {
        let mut wanted = libc::pollfd { fd: poller, events: libc::POLLIN, revents: 0 };
        let limit =
            libc::timespec { tv_sec: (timeout_ns / 1e9) as _, tv_nsec: (timeout_ns % 1e9) as libc::c_long };
        let limit = if timeout_ns < 0.0 { std::ptr::null() } else { &raw const limit };
        // SAFETY: one pollfd, and a timespec that lives for the call. ppoll rather than
        // epoll_pwait2, which kernels before 5.11 do not have.
        unsafe { libc::ppoll(&mut wanted, 1, limit, std::ptr::null()) };
        got = epoll_now(poller, &mut events);
    }
    if got == -libc::EINTR {
        return 0;
    }
    for (to, event) in ready.iter_mut().zip(events.iter().take(got.max(0) as usize)) {
        *to = event.u64 as u32 as i32;
    }
    got.min(ready.len() as i32)
}

/// The thread behind `watch`: blocks in its own epoll set and calls into JavaScript.
struct Watcher {
    epoll: OwnedFd,
    stop: OwnedFd,
    thread: JoinHandle<()>,
}

thread_local! {
    static WATCHER: RefCell<Option<Watcher>> = const { RefCell::new(None) };
}

fn watch_loop(epoll: i32, stop: i32, tell: impl Fn(i32)) {
    let mut events = [libc::epoll_event { events: 0, u64: 0 }; EVENTS];
    loop {
        // SAFETY: `events` has room for EVENTS entries; `epoll` stays open until this thread ends.
        let got = unsafe { libc::epoll_wait(epoll, events.as_mut_ptr(), EVENTS as i32, -1) };
        for event in events.iter().take(got.max(0) as usize) {
            let fd = event.u64 as u32 as i32;
            if fd == stop {
                return;
            }
            tell(fd);
        }
    }
}

/// Starts this environment's watcher; `callback(fd)` runs once for every `watch_arm` that fires.
#[napi(catch_unwind)]
pub fn watcher_open(callback: Function<'_, i32, ()>) -> Result<i32> {
    let call = callback.build_threadsafe_function::<i32>().weak::<true>().build()?;
    // SAFETY: eventfd takes plain integers.
    let stop = errno::check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) });
    if stop < 0 {
        return Ok(stop);
    }
    // SAFETY: it was opened on the lines before and is owned by nobody else.
    let owned_stop = unsafe { OwnedFd::from_raw_fd(stop) };
    let epoll = epoll_create();
    if epoll < 0 {
        return Ok(epoll);
    }
    // SAFETY: as above.
    let owned_epoll = unsafe { OwnedFd::from_raw_fd(epoll) };
    let added = control(epoll, libc::EPOLL_CTL_ADD, stop, libc::EPOLLIN, stop);
    if added < 0 {
        return Ok(added);
    }
    let tell = move |fd| {
        call.call(fd, ThreadsafeFunctionCallMode::NonBlocking);
    };
    let builder = std::thread::Builder::new().name("uveth-watch".into()).stack_size(128 << 10);
    let Ok(thread) = builder.spawn(move || watch_loop(epoll, stop, tell)) else {
        return Ok(-libc::EAGAIN);
    };
    WATCHER.set(Some(Watcher { epoll: owned_epoll, stop: owned_stop, thread }));
    Ok(0)
}

/// Watches `fd` for `events` (EPOLLIN, EPOLLOUT), once: arm it again after handling what came.
#[napi(catch_unwind)]
pub fn watch_arm(fd: i32, events: i32) -> i32 {
    WATCHER.with_borrow(|watcher| {
        let Some(watcher) = watcher else {
            return -libc::EBADF;
        };
        let epoll = watcher.epoll.as_raw_fd();
        let events = events | libc::EPOLLONESHOT;
        match control(epoll, libc::EPOLL_CTL_MOD, fd, events, fd) {
            result if result == -libc::ENOENT => control(epoll, libc::EPOLL_CTL_ADD, fd, events, fd),
            result => result,
        }
    })
}

/// Ends the watch; needed before `fd` is closed if another number of the same file stays open.
#[napi(catch_unwind)]
pub fn watch_end(fd: i32) -> i32 {
    WATCHER.with_borrow(|watcher| match watcher {
        Some(watcher) => control(watcher.epoll.as_raw_fd(), libc::EPOLL_CTL_DEL, fd, 0, 0),
        None => -libc::EBADF,
    })
}

/// Called by the environment's cleanup hook: ends the watcher's thread and waits for it.
pub fn stop_watcher() {
    if let Some(watcher) = WATCHER.take() {
        let one: u64 = 1;
        // SAFETY: an eventfd takes 8 bytes.
        unsafe { libc::write(watcher.stop.as_raw_fd(), (&raw const one).cast(), 8) };
        let _ = watcher.thread.join();
    }
}
