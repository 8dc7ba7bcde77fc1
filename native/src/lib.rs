//! The addon's modules: system calls and nothing else. Policy, names and the order of calls are
//! TypeScript's (src/native.ts is the only importer). Every function answers a value >= 0 or a
//! negative errno, and a panic becomes a JavaScript exception instead of ending the process.

mod burst;
mod checksum;
mod control;
mod errno;
mod fds;
mod memory;
mod message;
mod named;
mod netns;
mod poll;
mod rights;
mod slab;
mod socket;
mod tap;
mod udp;

use napi::bindgen_prelude::{Env, Object, Result};
use napi_derive::napi;

/// Memory of the caller's (a Uint8Array, an Int32Array) that a call writes to. Aliases, since the
/// macro takes a literal `&mut [u8]` for a class instance.
type Bytes<'a> = &'a mut [u8];
type Words<'a> = &'a mut [i32];

/// Runs once in every environment (thread) that loads the addon.
#[napi(module_exports)]
pub fn init(_exports: Object, env: Env) -> Result<()> {
    // Also after terminate() and process.exit(), when no JavaScript of ours runs any more.
    env.add_env_cleanup_hook((), |()| {
        poll::stop_watcher();
        fds::close_all();
    })?;
    Ok(())
}
