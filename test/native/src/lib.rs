//! The tests' own addon: system calls that only tests make, so that the shipped one does not carry them.
//! It borrows the shipped addon's modules for descriptors, namespaces and messages; what it opens stands in
//! a table of its own, and is closed by its own `closeFd`. test/support/native.ts is the only importer.

#[path = "../../../native/src/errno.rs"]
mod errno;
#[path = "../../../native/src/fds.rs"]
mod fds;
// What is said beside a message is said by the shipped addon only.
#[allow(dead_code)]
#[path = "../../../native/src/message.rs"]
#[expect(dead_code, reason = "tests send no control messages of the kind that tunnels send")]
mod message;
#[path = "../../../native/src/netns.rs"]
mod netns;
/// In place of the shipped modules: nobody inherits what tests have opened.
mod tap {
    pub fn is_tap(_fd: i32) -> bool {
        false
    }
}
mod udp {
    pub fn is_udp(_fd: i32) -> bool {
        false
    }
}

use std::mem::{size_of, zeroed};

use napi::bindgen_prelude::{Env, Object, Result};
use napi_derive::napi;

use message::{Control, each_control, receive_message, structure};

type Bytes<'a> = &'a mut [u8];
type Words<'a> = &'a mut [i32];

#[napi(module_exports)]
pub fn init(_exports: Object, env: Env) -> Result<()> {
    env.add_env_cleanup_hook((), |()| fds::close_all())?;
    Ok(())
}

/// Two connected sockets that keep the bounds of messages, as a TAP keeps those of frames, or (`stream`) do not;
/// non-blocking. Their descriptors into `into`.
#[napi(catch_unwind)]
pub fn socket_pair(#[napi(ts_arg_type = "Int32Array")] into: Words, stream: Option<bool>) -> i32 {
    let mut ends = [-1; 2];
    let bounds = if stream == Some(true) { libc::SOCK_STREAM } else { libc::SOCK_SEQPACKET };
    let kind = bounds | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: `ends` has room for two descriptors.
    let made = errno::check(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) });
    if made < 0 {
        return made;
    }
    for (to, fd) in into.iter_mut().zip(ends.map(fds::own)) {
        *to = fd;
    }
    0
}

/// A raw AF_PACKET socket on one interface of namespace `ns`: every protocol, own sends left out,
/// VLAN tags that the kernel took out of the frame reported beside it.
#[napi(catch_unwind)]
pub fn packet_open(ns: i32, ifindex: i32) -> i32 {
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: socket takes plain integers. Protocol 0: nothing is queued before the bind.
    let open = || errno::check(unsafe { libc::socket(libc::AF_PACKET, kind, 0) });
    let fd = fds::own_checked(netns::within(ns, open));
    if fd < 0 {
        return fd;
    }
    // SAFETY: sockaddr_ll is plain data, valid when zeroed.
    let mut address: libc::sockaddr_ll = unsafe { zeroed() };
    address.sll_family = libc::AF_PACKET as _;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = ifindex;
    for option in [libc::PACKET_AUXDATA, libc::PACKET_IGNORE_OUTGOING] {
        let (value, size) = (1i32, size_of::<i32>() as libc::socklen_t);
        // SAFETY: `value` lives for the call and `size` is its size.
        unsafe { libc::setsockopt(fd, libc::SOL_PACKET, option, (&raw const value).cast(), size) };
    }
    let size = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: `address` lives for the call and `size` is its size.
    let bound = errno::check(unsafe { libc::bind(fd, (&raw const address).cast(), size) });
    if bound < 0 {
        fds::close_fd(fd);
        return bound;
    }
    fd
}

/// Receives one frame. `meta` gets [sll_pkttype, VLAN TCI or -1, VLAN TPID or 0, 1 if the frame's
/// checksum is not finished].
#[napi(catch_unwind)]
pub fn packet_receive(
    fd: i32,
    #[napi(ts_arg_type = "Uint8Array")] buffer: Bytes,
    #[napi(ts_arg_type = "Int32Array")] meta: Words,
) -> i32 {
    // SAFETY: sockaddr_ll is plain data, valid when zeroed.
    let mut address: libc::sockaddr_ll = unsafe { zeroed() };
    let mut control = <Control>::empty();
    let (got, _, control) = receive_message(fd, buffer, &mut address, &mut control, 0);
    if got < 0 {
        return got;
    }
    let (mut tci, mut tpid, mut partial) = (-1, 0, 0);
    each_control(control, |level, kind, payload| {
        if (level, kind) != (libc::SOL_PACKET, libc::PACKET_AUXDATA) {
            return;
        }
        if let Some(aux) = structure::<libc::tpacket_auxdata>(payload) {
            partial = i32::from(aux.tp_status & libc::TP_STATUS_CSUMNOTREADY != 0);
            if aux.tp_status & libc::TP_STATUS_VLAN_VALID != 0 {
                tci = aux.tp_vlan_tci.into();
                tpid = aux.tp_vlan_tpid.into();
            }
        }
    });
    for (to, from) in meta.iter_mut().zip([address.sll_pkttype.into(), tci, tpid, partial]) {
        *to = from;
    }
    got
}

/// Sends one frame out of the interface that the socket is bound to.
#[napi(catch_unwind)]
pub fn packet_send(fd: i32, data: &[u8]) -> i32 {
    // SAFETY: `data` is valid for reads of its length.
    errno::retry(|| unsafe { libc::send(fd, data.as_ptr().cast(), data.len(), libc::MSG_NOSIGNAL) })
}

/// Attaches or detaches this queue of a multi-queue TAP.
#[napi(catch_unwind)]
pub fn tun_set_queue(fd: i32, attach: bool) -> i32 {
    // SAFETY: ifreq is plain data, valid when zeroed.
    let mut request: libc::ifreq = unsafe { zeroed() };
    let flags = if attach { libc::IFF_ATTACH_QUEUE } else { libc::IFF_DETACH_QUEUE };
    request.ifr_ifru.ifru_flags = flags as libc::c_short;
    // SAFETY: TUNSETQUEUE takes an ifreq.
    errno::check(unsafe { libc::ioctl(fd, libc::TUNSETQUEUE as _, &mut request) })
}

/// The port id that a netlink socket is bound to (as a double: it is a u32), or a negative errno.
#[napi(catch_unwind)]
pub fn netlink_port_id(fd: i32) -> f64 {
    // SAFETY: sockaddr_nl is plain data, valid when zeroed.
    let mut address: libc::sockaddr_nl = unsafe { zeroed() };
    let mut size = size_of::<libc::sockaddr_nl>() as libc::socklen_t;
    // SAFETY: both pointers are valid for the call; the kernel writes at most `size` bytes.
    let result = unsafe { libc::getsockname(fd, (&raw mut address).cast(), &mut size) };
    let result = errno::check(result);
    if result < 0 { result.into() } else { address.nl_pid.into() }
}

// BPF: a program of type XDP that counts what it sees in a map, and lets it pass.

const BPF_MAP_CREATE: i32 = 0;
const BPF_MAP_LOOKUP_ELEM: i32 = 1;
const BPF_PROG_LOAD: i32 = 5;
const BPF_LINK_CREATE: i32 = 28;
const BPF_MAP_TYPE_ARRAY: u64 = 2;
const BPF_PROG_TYPE_XDP: u64 = 6;
const BPF_XDP: u64 = 37;

/// `words` is the beginning of a union bpf_attr; the rest of it is zeros.
fn bpf(command: i32, words: &[u64]) -> i32 {
    let mut attr = [0u64; 20];
    attr[..words.len()].copy_from_slice(words);
    // SAFETY: each caller's `words` are what the command's attributes are, and what they point to lives for the call.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, attr.as_mut_ptr(), size_of_val(&attr)) };
    errno::check(result as i32)
}

const fn pair(low: u64, high: u64) -> u64 {
    low | high << 32
}

/// struct bpf_insn { __u8 code; __u8 dst_reg:4, src_reg:4; __s16 off; __s32 imm; }
fn instruction(code: u8, to: u8, from: u8, offset: i16, value: i32) -> u64 {
    let [low, high] = offset.to_ne_bytes();
    let [a, b, c, d] = value.to_ne_bytes();
    u64::from_ne_bytes([code, to | from << 4, low, high, a, b, c, d])
}

/// Loads it. Its descriptor and the map's into `into`, or a negative errno.
#[napi(catch_unwind)]
pub fn xdp_load(#[napi(ts_arg_type = "Int32Array")] into: Words) -> i32 {
    let map = fds::own_checked(bpf(BPF_MAP_CREATE, &[pair(BPF_MAP_TYPE_ARRAY, 4), pair(16, 1)]));
    if map < 0 {
        return map;
    }
    let code = [
        instruction(0x61, 6, 1, 4, 0),   // r6 = data_end
        instruction(0x61, 7, 1, 0, 0),   // r7 = data
        instruction(0x1f, 6, 7, 0, 0),   // r6 -= r7: its length
        instruction(0x62, 10, 0, -4, 0), // key = 0
        instruction(0xbf, 2, 10, 0, 0),
        instruction(0x07, 2, 0, 0, -4),
        instruction(0x18, 1, 1, 0, map), // r1 = map
        instruction(0, 0, 0, 0, 0),
        instruction(0x85, 0, 0, 0, 1), // r0 = bpf_map_lookup_elem(r1, r2)
        instruction(0x15, 0, 0, 5, 0), // none: pass
        instruction(0xb7, 1, 0, 0, 1),
        instruction(0xdb, 0, 1, 0, 0), // frames += 1
        instruction(0x79, 2, 0, 8, 0),
        instruction(0x3d, 2, 6, 1, 0), // the longest, if this one is longer
        instruction(0x7b, 0, 6, 8, 0),
        instruction(0xb7, 0, 0, 0, 2), // XDP_PASS
        instruction(0x95, 0, 0, 0, 0),
    ];
    let licence = c"GPL".as_ptr() as u64;
    let kind = pair(BPF_PROG_TYPE_XDP, code.len() as u64);
    let program = bpf(BPF_PROG_LOAD, &[kind, code.as_ptr() as u64, licence, 0, 0, 0, 0, 0, pair(0, BPF_XDP)]);
    let program = fds::own_checked(program);
    if program < 0 {
        fds::close_fd(map);
        return program;
    }
    for (to, fd) in into.iter_mut().zip([program, map]) {
        *to = fd;
    }
    0
}

/// What it has seen since it was loaded: frames, and the length of the longest, into `into`.
#[napi(catch_unwind)]
pub fn xdp_seen(map: i32, #[napi(ts_arg_type = "Int32Array")] into: Words) -> i32 {
    let (key, mut value) = (0u32, [0u64; 2]);
    let (key, place) = ((&raw const key) as u64, value.as_mut_ptr() as u64);
    let result = bpf(BPF_MAP_LOOKUP_ELEM, &[map as u64, key, place]);
    for (to, from) in into.iter_mut().zip(value) {
        *to = from as i32;
    }
    result
}

/// Attaches a program by a BPF link, whose descriptor this answers: closed, it is detached. `flags`: XDP_FLAGS_*.
#[napi(catch_unwind)]
pub fn xdp_link(ns: i32, ifindex: i32, program: i32, flags: u32) -> i32 {
    let link = || bpf(BPF_LINK_CREATE, &[pair(program as u64, ifindex as u64), pair(BPF_XDP, flags.into())]);
    fds::own_checked(netns::within(ns, link))
}
