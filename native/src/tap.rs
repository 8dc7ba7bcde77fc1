//! TAP devices: opening `/dev/net/tun` and its ioctls, one function each. What to call in which
//! order is TypeScript's business (src/link/create.ts).

use napi_derive::napi;

use crate::{errno, fds, netns};

const IFNAMSIZ: usize = libc::IFNAMSIZ;
const TUNGETDEVNETNS: libc::c_ulong = 0x54e3; // _IO('T', 227), Linux 5.4

/// Opens `/dev/net/tun`, non-blocking. The device that is made with it belongs to the network
/// namespace `ns`, or without one to that of the calling thread.
#[napi(catch_unwind)]
pub fn tun_open(ns: Option<i32>) -> i32 {
    let flags = libc::O_RDWR | libc::O_NONBLOCK | libc::O_CLOEXEC;
    // SAFETY: the path is a NUL-terminated literal.
    let open = || unsafe { errno::check(libc::open(c"/dev/net/tun".as_ptr(), flags)) };
    fds::own_checked(netns::within(ns.unwrap_or(-1), open))
}

fn ioctl<T>(fd: i32, request: libc::c_ulong, argument: *mut T) -> i32 {
    // SAFETY: each caller passes the argument type that `request` is defined with.
    errno::check(unsafe { libc::ioctl(fd, request as _, argument) })
}

fn ioctl_value(fd: i32, request: libc::c_ulong, value: libc::c_ulong) -> i32 {
    // SAFETY: `request` takes its argument by value.
    errno::check(unsafe { libc::ioctl(fd, request as _, value) })
}

fn empty_ifreq() -> libc::ifreq {
    // SAFETY: ifreq is plain data; all zero bytes are an empty name and an empty union.
    unsafe { std::mem::zeroed() }
}

/// The IFF_* bits that this kernel's tun driver knows (TUNGETFEATURES).
#[napi(catch_unwind)]
pub fn tun_get_features(fd: i32) -> i32 {
    let mut features: libc::c_uint = 0;
    let result = ioctl(fd, libc::TUNGETFEATURES as _, &mut features);
    if result < 0 { result } else { features as i32 }
}

/// Makes the device (TUNSETIFF). `name` is at most 15 bytes and may be a `%d` template.
#[napi(catch_unwind)]
pub fn tun_set_iff(fd: i32, name: String, flags: u32) -> i32 {
    if name.len() >= IFNAMSIZ || name.as_bytes().contains(&0) {
        return -libc::EINVAL;
    }
    let mut request = empty_ifreq();
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = flags as libc::c_short;
    ioctl(fd, libc::TUNSETIFF as _, &mut request)
}

/// The interface index of the device that TUNSETIFF is going to make; without it the kernel chooses.
#[napi(catch_unwind)]
pub fn tun_set_ifindex(fd: i32, ifindex: u32) -> i32 {
    let mut value: libc::c_uint = ifindex;
    ioctl(fd, libc::TUNSETIFINDEX as _, &mut value)
}

#[napi(object)]
pub struct Iff {
    pub errno: i32,
    pub name: String,
    pub flags: u32,
}

/// The device's name as of now and its IFF_* flags (TUNGETIFF); EBADFD when the device is gone.
#[napi(catch_unwind)]
pub fn tun_get_iff(fd: i32) -> Iff {
    let mut request = empty_ifreq();
    let errno = ioctl(fd, libc::TUNGETIFF as _, &mut request);
    let name: Vec<u8> = request.ifr_name.iter().map(|c| *c as u8).take_while(|c| *c != 0).collect();
    // SAFETY: the kernel has written the flags member, and the union was zeroed before.
    let flags = unsafe { request.ifr_ifru.ifru_flags } as u16 as u32;
    Iff { errno, name: String::from_utf8_lossy(&name).into_owned(), flags }
}

pub fn is_tap(fd: i32) -> bool {
    ioctl(fd, libc::TUNGETIFF as _, &mut empty_ifreq()) == 0
}

#[napi(catch_unwind)]
pub fn tun_set_vnet_hdr_sz(fd: i32, size: i32) -> i32 {
    let mut value: libc::c_int = size;
    ioctl(fd, libc::TUNSETVNETHDRSZ as _, &mut value)
}

/// virtio-net headers are little-endian from here on, whatever the machine is.
#[napi(catch_unwind)]
pub fn tun_set_vnet_le(fd: i32) -> i32 {
    let mut value: libc::c_int = 1;
    ioctl(fd, libc::TUNSETVNETLE as _, &mut value)
}

#[napi(catch_unwind)]
pub fn tun_set_offload(fd: i32, mask: u32) -> i32 {
    ioctl_value(fd, libc::TUNSETOFFLOAD as _, mask as libc::c_ulong)
}

#[napi(catch_unwind)]
pub fn tun_set_carrier(fd: i32, on: bool) -> i32 {
    let mut value: libc::c_int = on.into();
    ioctl(fd, libc::TUNSETCARRIER as _, &mut value)
}

/// Who may attach further queues without CAP_NET_ADMIN over the device's namespace; as long as it was not
/// said, everybody may. EINVAL for a user who does not exist in this user namespace.
#[napi(catch_unwind)]
pub fn tun_set_owner(fd: i32, uid: u32) -> i32 {
    ioctl_value(fd, libc::TUNSETOWNER as _, uid as libc::c_ulong)
}

/// 0 takes the device along with its last descriptor, whoever has asked for something else.
#[napi(catch_unwind)]
pub fn tun_set_persist(fd: i32, on: bool) -> i32 {
    ioctl_value(fd, libc::TUNSETPERSIST as _, on.into())
}

/// A descriptor of the network namespace that the device is in now.
#[napi(catch_unwind)]
pub fn tun_get_dev_netns(fd: i32) -> i32 {
    fds::own(ioctl_value(fd, TUNGETDEVNETNS, 0))
}
