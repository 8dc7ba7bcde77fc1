//! Who owns a file descriptor: the JavaScript environment (thread) that opened it. TypeScript holds
//! plain numbers; this table closes each exactly once, and closes what is left when the environment
//! ends, however it ends (process.exit, terminate() of the worker or of its parent).

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use napi::bindgen_prelude::{Env, Function, Result};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;

use crate::{errno, tap, udp};

thread_local! {
    static OPEN: RefCell<HashMap<i32, OwnedFd>> = RefCell::new(HashMap::new());
    /// Who has this environment's devices when it ends; 0 for nobody.
    static HEIR: Cell<u32> = const { Cell::new(0) };
}

/// Devices of environments that have ended, by their heir; nothing of an heir that has ended, too.
static LEFT: Mutex<BTreeMap<u32, Vec<OwnedFd>>> = Mutex::new(BTreeMap::new());
static LAST_HEIR: AtomicU32 = AtomicU32::new(0);

/// Takes ownership of a descriptor just answered by a system call (or passes the error on).
pub fn own(result: libc::c_int) -> i32 {
    own_checked(errno::check(result))
}

/// Like `own`, for a result that `errno::check` has seen already.
pub fn own_checked(fd: i32) -> i32 {
    if fd < 0 {
        return fd;
    }
    // SAFETY: `fd` was opened by the caller on the line before and is owned by nobody else.
    keep(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Enters an owned descriptor into this environment's table and answers its number.
fn keep(fd: OwnedFd) -> i32 {
    let number = fd.as_raw_fd();
    OPEN.with_borrow_mut(|open| open.insert(number, fd));
    number
}

fn take(fd: i32) -> Option<OwnedFd> {
    OPEN.with_borrow_mut(|open| open.remove(&fd))
}

/// How many threads close at once. Closing a TAP waits for an RCU grace period (19 ms each, one
/// after the other); periods of threads that wait together are shared (test/kernel/17).
const CLOSERS: usize = 32;

struct Closing {
    queue: VecDeque<(OwnedFd, Arc<Ticket>)>,
    threads: usize,
}

/// Counts the descriptors of one `close_fds` call; the last one runs `done`.
struct Ticket {
    left: Mutex<usize>,
    zero: Condvar,
    done: Option<Box<dyn Fn() + Send + Sync>>,
}

static CLOSING: Mutex<Closing> = Mutex::new(Closing { queue: VecDeque::new(), threads: 0 });

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn close_loop() {
    loop {
        let mut closing = locked(&CLOSING);
        let Some((fd, ticket)) = closing.queue.pop_front() else {
            closing.threads -= 1;
            return;
        };
        drop(closing);
        drop(fd);
        let mut left = locked(&ticket.left);
        *left -= 1;
        if *left == 0 {
            ticket.zero.notify_all();
            if let Some(done) = &ticket.done {
                done();
            }
        }
    }
}

fn close_together(fds: Vec<OwnedFd>, done: Option<Box<dyn Fn() + Send + Sync>>) -> Arc<Ticket> {
    let ticket = Arc::new(Ticket { left: Mutex::new(fds.len()), zero: Condvar::new(), done });
    let mut closing = locked(&CLOSING);
    closing.queue.extend(fds.into_iter().map(|fd| (fd, ticket.clone())));
    let wanted = closing.queue.len().min(CLOSERS);
    let mut refused = false;
    while closing.threads < wanted && !refused {
        closing.threads += 1;
        let builder = std::thread::Builder::new().name("uveth-close".into()).stack_size(64 << 10);
        refused = builder.spawn(close_loop).is_err();
        if refused {
            closing.threads -= 1;
        }
    }
    // A process at its thread limit still closes, one after the other, here.
    let alone = closing.threads == 0;
    if alone {
        closing.threads = 1;
    }
    drop(closing);
    if alone {
        close_loop();
    }
    ticket
}

/// Of an end: a TAP, or the socket of a tunnel.
fn is_of_a_device(fd: i32) -> bool {
    tap::is_tap(fd) || udp::is_udp(fd)
}

/// Called by the environment's cleanup hook: closes all that JavaScript left open, but devices that somebody inherits.
pub fn close_all() {
    let mut fds: Vec<OwnedFd> = OPEN.with_borrow_mut(|open| open.drain().map(|(_, fd)| fd).collect());
    if let Some(inherited) = locked(&LEFT).get_mut(&HEIR.get()) {
        let (devices, others) = fds.into_iter().partition(|fd| is_of_a_device(fd.as_raw_fd()));
        *inherited = devices;
        fds = others;
    }
    close_in_parallel(fds);
}

fn close_in_parallel(fds: Vec<OwnedFd>) {
    if fds.is_empty() {
        return;
    }
    let ticket = close_together(fds, None);
    let mut left = locked(&ticket.left);
    while *left > 0 {
        left = ticket.zero.wait(left).unwrap_or_else(|poisoned| poisoned.into_inner());
    }
}

/// Closes one descriptor that this environment opened; -EBADF for any other number.
#[napi(catch_unwind)]
pub fn close_fd(fd: i32) -> i32 {
    match take(fd) {
        Some(_closed_here) => 0,
        None => -libc::EBADF,
    }
}

/// Closes many descriptors from native threads, so that no JavaScript thread waits for the kernel's
/// RTNL lock, and calls `done` once when all are closed. Numbers that are not ours are passed over.
#[napi(catch_unwind)]
pub fn close_fds(fds: Vec<i32>, done: Function<'_, (), ()>) -> Result<()> {
    let owned: Vec<OwnedFd> = fds.into_iter().filter_map(take).collect();
    let done = done.build_threadsafe_function::<()>().build()?;
    let tell = move || {
        done.call((), ThreadsafeFunctionCallMode::NonBlocking);
    };
    if owned.is_empty() {
        tell();
    } else {
        close_together(owned, Some(Box::new(tell)));
    }
    Ok(())
}

/// Has this environment inherit what one leaves that names this number (heir_name): it stays open until it is adopted.
#[napi(catch_unwind)]
pub fn heir_open(env: Env) -> Result<u32> {
    let heir = LAST_HEIR.fetch_add(1, Ordering::Relaxed) + 1;
    locked(&LEFT).insert(heir, Vec::new());
    env.add_env_cleanup_hook(heir, heir_close)?;
    Ok(heir)
}

/// It inherits no more: what was left and nobody has adopted is closed.
#[napi(catch_unwind)]
pub fn heir_close(heir: u32) {
    let left = locked(&LEFT).remove(&heir);
    close_in_parallel(left.unwrap_or_default());
}

/// Who has this environment's devices when it ends; from then on it may adopt what was left to that heir before.
#[napi(catch_unwind)]
pub fn heir_name(heir: u32) {
    HEIR.set(heir);
}

/// What was left and has not been adopted is of no use.
#[napi(catch_unwind)]
pub fn heir_rest() {
    let rest = locked(&LEFT).get_mut(&HEIR.get()).map(std::mem::take);
    close_together(rest.unwrap_or_default(), None);
}

fn inherited(fd: i32) -> Option<OwnedFd> {
    let mut left = locked(&LEFT);
    let inherited = left.get_mut(&HEIR.get())?;
    let at = inherited.iter().position(|each| each.as_raw_fd() == fd)?;
    Some(inherited.swap_remove(at))
}

/// Takes over a descriptor that nobody in this process closes by itself: one that was released by another thread, was left
/// by one, or was there when the program began. It is closed at an exec from here on. -EBADF if there is none.
#[napi(catch_unwind)]
pub fn fd_adopt(fd: i32) -> i32 {
    if let Some(left) = inherited(fd) {
        return keep(left);
    }
    // SAFETY: fcntl takes plain integers here.
    let found = errno::check(unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) });
    if found < 0 { found } else { own_checked(fd) }
}

/// Gives one up, open: for another thread to adopt, or for Node to close. -EBADF if it is not this environment's.
#[napi(catch_unwind)]
pub fn fd_release(fd: i32) -> i32 {
    take(fd).map_or(-libc::EBADF, |owned| owned.into_raw_fd().min(0))
}

/// Has the number `place` mean the same file as `fd` (dup2), also in programs that are started from here.
#[napi(catch_unwind)]
pub fn fd_put(fd: i32, place: i32) -> i32 {
    // SAFETY: dup2 takes plain integers; `place` is one of the standard descriptors, which nobody owns.
    errno::check(unsafe { libc::dup2(fd, place) })
}

#[napi(object)]
pub struct Inode {
    pub errno: i32,
    pub dev: f64,
    pub ino: f64,
}

/// Device and inode of an open file: what tells two network namespaces apart.
#[napi(catch_unwind)]
pub fn fd_inode(fd: i32) -> Inode {
    // SAFETY: `stat` is plain data, valid when zeroed, and fstat writes within it.
    let (result, stat) = unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        (libc::fstat(fd, &mut stat), stat)
    };
    Inode { errno: errno::check(result), dev: stat.st_dev as f64, ino: stat.st_ino as f64 }
}
