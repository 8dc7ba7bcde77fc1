//! Asks the daemon what a line means, and does what it is told to: says something, runs the real tool and reports back,
//! or leaves the line to that. One request a connection, since two are rare, in HTTP/1.0, which has no chunks.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio, exit};

use crate::json::{self, Json, quoted};
use crate::line::Line;
use crate::place::Place;

/// The exit code; None: the line is the real tool's. An error: nobody could be asked, and nothing was done.
pub fn line(place: &Place, line: &Line, words: &[String]) -> io::Result<Option<i32>> {
    let mut next: Option<Next> = None;
    let words = absolute(words);
    loop {
        let answer = match request(place, line.netns.as_deref(), &words, next.as_ref()) {
            Ok(answer) => answer,
            // What is to be made is not there yet: all begins anew.
            Err(error) => {
                return next.filter(|ran| ran.text != "add").map_or(Err(error), |ran| Ok(Some(alone(&ran))));
            }
        };
        if let Some(Json::Number(code)) = answer.get("code") {
            print(&answer, "stdout", &mut io::stdout());
            print(&answer, "stderr", &mut io::stderr());
            return Ok(Some(*code as i32));
        }
        let Some(run) = answer.get("run") else { return Ok(None) };
        let lines: Vec<Vec<&str>> =
            run.list().iter().map(|words| words.list().iter().filter_map(Json::text).collect()).collect();
        let (code, said) = if answer.get("tell").is_some() {
            let (code, said) = heard(place, lines.first().map_or(&[], |words| words));
            (code, Some(said))
        } else if answer.get("merge").is_some() {
            (merged(place, &lines), None)
        } else {
            (all(place, &lines), None)
        };
        match answer.get("next").and_then(Json::text) {
            Some(text) => next = Some(Next { text: text.to_owned(), code, said }),
            None => return Ok(Some(code)),
        }
    }
}

/// Nobody says what is to come of it any more: it is as if the real tool had run alone.
fn alone(Next { code, said, .. }: &Next) -> i32 {
    let _ = io::stdout().write_all(said.as_deref().unwrap_or_default().as_bytes());
    *code
}

/// After other lines: the peers of ends that they have changed have followed when it returns.
pub fn settle(place: &Place, line: &Line) {
    let next = Next { text: "settle".to_owned(), code: 0, said: None };
    let _ = request(place, line.netns.as_deref(), &[], Some(&next));
}

pub fn is_listened_to(place: &Place) -> bool {
    UnixStream::connect(place.socket()).is_ok()
}

fn print(answer: &Json, stream: &str, to: &mut impl Write) {
    // A reader that went away has heard enough.
    let _ = to.write_all(answer.get(stream).and_then(Json::text).unwrap_or("").as_bytes());
    let _ = to.flush();
}

/// What comes back with a line, when the real tool has run: with what it has said, where that was to be told.
struct Next {
    text: String,
    code: i32,
    said: Option<String>,
}

fn request(place: &Place, netns: Option<&str>, words: &[String], next: Option<&Next>) -> io::Result<Json> {
    let mut stream = UnixStream::connect(place.socket())?;
    let quoted_words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    let next = next.map_or(String::new(), |Next { text, code, said }| {
        let said = said.as_ref().map_or(String::new(), |said| format!(",\"said\":{}", quoted(said)));
        format!(",\"next\":{},\"code\":{code}{said}", quoted(text))
    });
    let body = format!("{{\"tool\":\"{}\",\"words\":[{}]{next}}}", place.tool, quoted_words.join(","));
    let claim = netns.map_or_else(own_namespace, below);
    let head = format!(
        "POST /v1/shim HTTP/1.0\r\nhost: uveth\r\nconnection: close\r\ncontent-type: application/json\r\n\
         uveth-netns: {}\r\ncontent-length: {}\r\n\r\n",
        percent(&claim),
        body.len()
    );
    stream.write_all((head + &body).as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(ErrorKind::UnexpectedEof)?;
    if head.split(' ').nth(1) != Some("200") {
        return Err(ErrorKind::Other.into());
    }
    json::parse(body).ok_or_else(|| ErrorKind::InvalidData.into())
}

/// `net:[inode]`, which the daemon compares with what the kernel says of us.
fn own_namespace() -> String {
    fs::read_link("/proc/self/ns/net").map(|path| path.to_string_lossy().into_owned()).unwrap_or_default()
}

/// `-n` takes names below /run/netns only, but a name may climb; a number is a name there, no process.
fn below(netns: &str) -> String {
    let elsewhere = netns.contains('/') || netns.bytes().all(|byte| byte.is_ascii_digit());
    if elsewhere { format!("/run/netns/{netns}") } else { netns.to_owned() }
}

fn percent(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~/".contains(byte);
    text.bytes()
        .map(|byte| if plain(&byte) { (byte as char).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// Namespaces as paths without links: the daemon stands elsewhere, and a link may lead it back into its own mounts.
fn absolute(words: &[String]) -> Vec<String> {
    let at = |index: usize| {
        let word = &words[index];
        let path =
            index > 0 && ["netns", "link-netns"].contains(&words[index - 1].as_str()) && word.contains('/');
        if path { without_links(word) } else { word.clone() }
    };
    (0..words.len()).map(at).collect()
}

fn without_links(word: &str) -> String {
    let path = std::path::absolute(word).unwrap_or_else(|_| word.into());
    if let Ok(rest) = path.strip_prefix("/proc/self") {
        return format!("/proc/{}/{}", std::process::id(), rest.display());
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return word.to_owned() };
    if path.starts_with("/proc") {
        return path.display().to_string();
    }
    fs::canonicalize(parent).unwrap_or_else(|_| Path::new(parent).into()).join(name).display().to_string()
}

/// Until one fails.
fn all(place: &Place, lines: &[Vec<&str>]) -> i32 {
    lines
        .iter()
        .map(|words| run(Command::new(place.real()).args(words)).0)
        .find(|code| *code != 0)
        .unwrap_or(0)
}

/// What they print as arrays, as one.
fn merged(place: &Place, lines: &[Vec<&str>]) -> i32 {
    let mut parts: Vec<String> = Vec::new();
    for words in lines {
        let (code, text) = heard(place, words);
        if code != 0 {
            return code;
        }
        let text = text.trim();
        let part = text.strip_prefix('[').unwrap_or(text);
        let part = part.strip_suffix(']').unwrap_or(part).trim_end();
        if part.contains(|one: char| !one.is_whitespace() && one != '{' && one != '}') {
            parts.push(part.to_owned());
        }
    }
    let _ = writeln!(io::stdout(), "[{}]", parts.join(",")); // whoever has seen enough may have gone
    0
}

fn heard(place: &Place, words: &[&str]) -> (i32, String) {
    run(Command::new(place.real()).args(words).stdout(Stdio::piped()))
}

fn run(command: &mut Command) -> (i32, String) {
    match command.stdin(Stdio::inherit()).spawn().and_then(|child| child.wait_with_output()) {
        Ok(output) => {
            (output.status.code().unwrap_or(1), String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Err(error) => {
            eprintln!("{}: {error}", command.get_program().to_string_lossy());
            exit(127)
        }
    }
}
