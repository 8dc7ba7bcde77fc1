//! Where things are: the real tool, the daemon's socket, Node and the package. Installed by bind mounts
//! (cli/shim/install.ts) a script of a few lines says it; otherwise PATH and the folder of this program do.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

const SOCKET: &str = "/run/uveth/control.sock";

pub struct Place {
    /// `ip` or `tc`.
    pub tool: &'static str,
    real: PathBuf,
    /// Of an installation.
    node: Option<PathBuf>,
    main: Option<PathBuf>,
    socket: Option<PathBuf>,
}

impl Place {
    /// And the words of the line.
    pub fn find(called: &OsStr, mut rest: Vec<OsString>) -> (Place, Vec<OsString>) {
        // `#!CLIENT --installed`: the script's path comes next.
        if rest.len() > 1 && rest[0] == "--installed" {
            let words = rest.split_off(2);
            return (installed(&rest[1]), words);
        }
        let tool = tool_of(called);
        let real = find_real(tool, called);
        (Place { tool, real, node: None, main: None, socket: None }, rest)
    }

    pub fn real(&self) -> &Path {
        &self.real
    }

    /// Chosen here, or where this was installed.
    pub fn socket(&self) -> PathBuf {
        let chosen = env::var_os("UVETH_SOCKET").filter(|path| !path.is_empty());
        chosen.map(PathBuf::from).or_else(|| self.socket.clone()).unwrap_or_else(|| PathBuf::from(SOCKET))
    }

    /// `uveth shim ORDER… WORDS…`; where there is no Node, `otherwise` is tried before that is said.
    pub fn become_node(&self, order: &[String], words: &[String], otherwise: impl FnOnce()) -> ! {
        let main = self.main.clone().or_else(find_main);
        let node = self
            .node
            .clone()
            .or_else(|| on_path("node", |_| true))
            .or_else(|| main.as_deref().and_then(beside));
        if let (Some(node), Some(main)) = (node, main) {
            let mut uveth = Command::new(node);
            uveth.env("UVETH_SOCKET", self.socket()).arg(main).arg("shim").args(order).args(words);
            let _ = uveth.exec();
        }
        otherwise();
        eprintln!("uveth: node is not on PATH");
        exit(127)
    }
}

fn tool_of(called: &OsStr) -> &'static str {
    if called.as_encoded_bytes().ends_with(b"tc") { "tc" } else { "ip" }
}

/// A line each: `tool`, `real`, `node`, `main`, `socket`, an equals sign and the value.
fn installed(script: &OsStr) -> Place {
    let text = fs::read_to_string(script).unwrap_or_default();
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    let path = |name: &str| value(name).map(PathBuf::from);
    let tool = if value("tool") == Some("tc") { "tc" } else { "ip" };
    Place {
        tool,
        real: path("real").unwrap_or_default(),
        node: path("node"),
        main: path("main"),
        socket: path("socket"),
    }
}

/// The first of that name behind our own last place on PATH, by whatever path or name we stand there, so that two
/// shims never call each other in a circle.
fn find_real(tool: &str, called: &OsStr) -> PathBuf {
    let own = fs::metadata("/proc/self/exe").ok().map(|us| (us.dev(), us.ino()));
    let mut real = None;
    for folder in folders() {
        let path = folder.join(tool);
        let Some(it) = executable(&path) else { continue };
        if Some((it.dev(), it.ino())) == own {
            real = None;
        } else if real.is_none() {
            real = Some(path);
        }
    }
    real.unwrap_or_else(|| {
        eprintln!("{tool}: not found behind {} on PATH", called.to_string_lossy());
        exit(127)
    })
}

fn folders() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .map(|folder| if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder })
        .collect()
}

fn executable(path: &Path) -> Option<fs::Metadata> {
    fs::metadata(path).ok().filter(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

fn on_path(name: &str, fits: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    folders()
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|path| executable(path).is_some() && fits(path))
}

/// This program stands in native/shim/PLATFORM/ of the package, or in shim/ of a platform's package beside it.
fn find_main() -> Option<PathBuf> {
    let own = fs::canonicalize("/proc/self/exe").ok()?;
    let home = own.parent()?.parent()?.parent()?;
    let packages = [home.join("uveth"), home.parent()?.to_path_buf()];
    packages.iter().map(|package| package.join("dist/cli/main.js")).find(|path| path.exists())
}

/// A package that was installed for all stands in PREFIX/lib/node_modules/uveth.
fn beside(main: &Path) -> Option<PathBuf> {
    let prefix = main.to_str()?.strip_suffix("/lib/node_modules/uveth/dist/cli/main.js")?;
    Some(Path::new(prefix).join("bin/node")).filter(|node| executable(node).is_some())
}
