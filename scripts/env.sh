# Sourced by the scripts: finds the repository and the tools, and has the few functions they share.
# It changes nothing on the machine.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

# Under sudo the Rust toolchain is usually the caller's own.
for home in "${HOME:-/root}" "$(getent passwd "${SUDO_USER:-root}" | cut -d: -f6)"; do
  command -v cargo >/dev/null && break
  if [ -x "$home/.cargo/bin/cargo" ]; then
    export PATH="$home/.cargo/bin:$PATH" CARGO_HOME="$home/.cargo" RUSTUP_HOME="${RUSTUP_HOME:-$home/.rustup}"
  fi
done
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

say() { printf '%s\n' "$*"; }
warn() { printf '%s\n' "$*" >&2; }
die() { warn "$*"; exit 1; }
# Paths that a guest's kernel and QEMU are told of: what stands between words must not stand in them.
plain() {
  local path
  for path in "$@"; do
    [[ $path != *[[:space:],]* ]] ||
      die "scripts/$(basename "$0"): '$path' has a space or a comma, which a kernel's command line and QEMU cannot take: put it elsewhere"
  done
}
is_root() { [ "$(id -u)" = 0 ]; }
