//! `ip` and `tc` for scripts that were written for kernel veth: a folder with this program under both names stands in
//! front on their PATH. A line that cannot be about a pair becomes the real tool at once; the others are words for the
//! daemon (POST /v1/shim), which knows what they mean and says what to do. Where there is no daemon, what makes a pair
//! becomes `uveth`, in Node, which starts one. Says nothing of its own. It is static and small, since every line of a
//! script starts it: what it costs is measured by test/bench/shim.mjs.

mod ask;
mod batch;
mod json;
mod line;
mod place;

use std::env;
use std::os::unix::process::CommandExt;
use std::process::{Command, exit};

use line::Kind;
use place::Place;

fn main() {
    let mut given = env::args_os();
    let called = given.next().unwrap_or_default();
    let rest: Vec<_> = given.collect();
    let (place, rest) = Place::find(&called, rest);
    // Words that are no UTF-8 are nobody's names.
    let words: Option<Vec<String>> = rest.iter().map(|word| word.to_str().map(str::to_owned)).collect();
    let line = words.as_deref().and_then(|words| line::read(place.tool, words));
    let (Some(words), Some(line)) = (words, line) else { become_real(&place, &rest) };
    match line.kind {
        Kind::Foreign => become_real(&place, &rest),
        Kind::Batch => batch::run(&place, &line, &words),
        // Values that the real tool may refuse: it is asked first, which takes a program with more room.
        _ if line.rare => become_uveth(&place, &line, &words),
        _ => carry_out(&place, &line, &words),
    }
}

fn carry_out(place: &Place, line: &line::Line, words: &[String]) -> ! {
    match ask::line(place, line, words) {
        Ok(Some(code)) => exit(code),
        Ok(None) => become_real(place, words),
        Err(_) => become_uveth(place, line, words),
    }
}

/// The same process, so that nothing stands between the caller and the real tool.
pub fn become_real<S: AsRef<std::ffi::OsStr>>(place: &Place, words: &[S]) -> ! {
    let error = Command::new(place.real()).args(words).exec();
    eprintln!("{}: {error}", place.tool);
    exit(127)
}

/// `uveth shim`, which can start a daemon; what is not about making a pair is the real tool's without one.
fn become_uveth(place: &Place, line: &line::Line, words: &[String]) -> ! {
    if line.kind != Kind::Makes && !line.rare {
        become_real(place, words)
    }
    let order = [place.tool.to_string(), place.real().to_string_lossy().into_owned()];
    place.become_node(&order, words, || {
        if line.kind != Kind::Makes {
            become_real(place, words)
        }
    })
}
