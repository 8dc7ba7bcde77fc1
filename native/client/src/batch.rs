//! `-batch`: the real tool's, until a line comes that makes a pair. From there on it is `uveth shim batch`, which goes
//! through it line by line. Whatever the lines have done to our ends, the peers have followed when it is over.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::FromRawFd;
use std::path::Path;
use std::process::{Command, Stdio, exit};

use crate::line::Line;
use crate::place::Place;
use crate::{ask, become_real};

/// The largest exit code of an order that was refused. Behind it ip ends there and then, with -force as well.
const REFUSED: i32 = 2;

pub fn run(place: &Place, line: &Line, words: &[String]) -> ! {
    let path = Path::new(&line.batch);
    if place.tool == "tc" {
        if ask::is_listened_to(place) {
            become_batch(place, words, 0, 0, "")
        } else {
            become_real(place, words)
        }
    }
    if line.batch == "-" {
        feed(place, line, words)
    } else if path.is_file() {
        if holds_veth(path) || line.rare {
            become_batch(place, words, 0, 0, "")
        }
        if !ask::is_listened_to(place) {
            become_real(place, words)
        }
        let code =
            Command::new(place.real()).args(words).status().map_or(127, |status| status.code().unwrap_or(1));
        ask::settle(place, line);
        exit(code)
    } else if path.exists() && !path.is_dir() {
        // A pipe: it can be read once only.
        become_batch(place, words, 0, 0, "")
    } else {
        become_real(place, words)
    }
}

/// `lines` were read, `held` is the last of them; the ones before have ended with `code`.
fn become_batch(place: &Place, words: &[String], lines: usize, code: i32, held: &str) -> ! {
    let real = place.real().to_string_lossy();
    let order = ["batch", place.tool, &real, &lines.to_string(), &code.to_string(), held].map(str::to_owned);
    place.become_node(&order, words, || {})
}

fn holds_veth(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    BufReader::new(file).split(b'\n').map_while(Result::ok).any(|line| makes_veth(&line))
}

/// As a word of its own, in quotes or not.
fn makes_veth(line: &[u8]) -> bool {
    line.split(|byte| byte.is_ascii_whitespace() || *byte == b'"' || *byte == b'\'')
        .any(|word| word == b"veth")
}

/// Line by line to a real tool, as it comes. Single bytes are read, so what is behind the line that makes a pair is
/// still there for who goes on.
fn feed(place: &Place, line: &Line, words: &[String]) -> ! {
    let Ok(mut child) = Command::new(place.real()).args(words).stdin(Stdio::piped()).spawn() else {
        become_real(place, words)
    };
    let mut input = Input::new();
    let mut to = child.stdin.take();
    let mut found = false;
    while let Some(order) = input.order() {
        if makes_veth(&order) {
            found = true;
            input.held = String::from_utf8_lossy(&order).trim_end_matches('\n').to_owned();
            break;
        }
        // It has ended: what it ended with comes below.
        if to.as_mut().is_none_or(|to| to.write_all(&order).is_err()) {
            break;
        }
    }
    drop(to.take());
    let code = child.wait().map_or(1, |status| status.code().unwrap_or(1));
    if found && code <= REFUSED && (code == 0 || line.force) {
        become_batch(place, words, input.lines, code, &input.held)
    }
    if ask::is_listened_to(place) {
        ask::settle(place, line);
    }
    exit(code)
}

struct Input {
    stdin: File,
    lines: usize,
    held: String,
}

impl Input {
    fn new() -> Input {
        // SAFETY: descriptor 0 is open, or reads fail; nobody else in this process uses it.
        let stdin = unsafe { File::from_raw_fd(0) };
        Input { stdin, lines: 0, held: String::new() }
    }

    /// A line, with those that continue it and the line ends.
    fn order(&mut self) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        loop {
            let before = text.len();
            self.line(&mut text).ok()?;
            if text.len() == before {
                return (!text.is_empty()).then_some(text);
            }
            self.lines += 1;
            if !text.ends_with(b"\\\n") {
                return Some(text);
            }
        }
    }

    fn line(&mut self, text: &mut Vec<u8>) -> io::Result<()> {
        let mut byte = [0];
        while self.stdin.read(&mut byte)? == 1 {
            text.push(byte[0]);
            if byte[0] == b'\n' {
                break;
            }
        }
        Ok(())
    }
}
