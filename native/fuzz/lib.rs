//! The addon's modules that know neither napi nor a descriptor, for the fuzz targets; their tests come
//! along, so that Miri can run them (scripts/fuzz). It takes the files as they are, and adds nothing.

// recvmsg comes along with what reads its answer, and nobody here calls it.
#![allow(dead_code)]

#[path = "../src/errno.rs"]
mod errno;
#[path = "../src/message.rs"]
pub mod message;
#[path = "../src/slab.rs"]
pub mod slab;
