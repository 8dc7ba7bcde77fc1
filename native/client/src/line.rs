//! Whose a line may be: a sieve over iproute2's options and the first words behind them, which lets nothing through
//! that is about pairs. What is left is read by the daemon, with all of iproute2's grammar.

/// What may become of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The real tool's.
    Foreign,
    /// A pair is to be made.
    Makes,
    /// About one of our ends, if it is one.
    Asks,
    Batch,
}

#[derive(Debug)]
pub struct Line {
    pub kind: Kind,
    pub netns: Option<String>,
    pub batch: String,
    pub force: bool,
    /// An option with a value that the real tool may refuse.
    pub rare: bool,
}

struct Options {
    flags: &'static [&'static str],
    valued: &'static [&'static str],
}

const IP: Options = Options {
    flags: &[
        "human-readable",
        "iec",
        "stats",
        "statistics",
        "details",
        "resolve",
        "oneline",
        "timestamp",
        "tshort",
        "force",
        "brief",
        "json",
        "pretty",
        "color",
        "Numeric",
        "all",
        "4",
        "6",
        "0",
        "M",
        "B",
    ],
    valued: &["netns", "batch", "loops", "family", "rcvbuf"],
};

const TC: Options = Options {
    flags: &[
        "stats",
        "statistics",
        "details",
        "raw",
        "pretty",
        "graph",
        "iec",
        "force",
        "Numeric",
        "color",
        "timestamp",
        "tshort",
        "json",
        "oneline",
        "brief",
    ],
    valued: &["netns", "batch", "conf"],
};

/// The short forms of these have to be so long.
const SHORTEST: &[(&str, usize)] = &[("rcvbuf", 2), ("conf", 3)];

/// None: an option that is unknown or has no value, or asks for help or the version. The real tool says what it is.
pub fn read(tool: &str, words: &[String]) -> Option<Line> {
    let options = if tool == "tc" { &TC } else { &IP };
    let mut line = Line { kind: Kind::Foreign, netns: None, batch: String::new(), force: false, rare: false };
    let mut has_batch = false;
    let mut at = 0;
    while let Some(word) = words.get(at).filter(|word| word.starts_with('-')) {
        at += 1;
        if word == "--" {
            break;
        }
        let short = word.strip_prefix("--").unwrap_or(&word[1..]);
        if tool == "ip" && short == "echo" {
            continue;
        }
        if let Some(option) = meant(short, options.valued) {
            let value = words.get(at)?;
            at += 1;
            match option {
                "netns" => line.netns = Some(value.clone()),
                "batch" => (line.batch, has_batch) = (value.clone(), true),
                _ => line.rare = true,
            }
            continue;
        }
        let (name, value) = short.split_once('=').unwrap_or((short, ""));
        if name.len() < short.len()
            && !(name.starts_with('c') && ["", "always", "auto", "never"].contains(&value))
        {
            return None;
        }
        if meant(name, options.flags)? == "force" {
            line.force = true;
        }
    }
    let rest = &words[at..];
    if rest.first().is_some_and(|word| word.starts_with('-')) {
        return None;
    }
    line.kind = if has_batch { Kind::Batch } else { kind_of(tool, rest) };
    Some(line)
}

fn meant(short: &str, names: &[&'static str]) -> Option<&'static str> {
    let fits = |name: &&&str| {
        let least = SHORTEST.iter().find(|(of, _)| of == *name).map_or(1, |(_, least)| *least);
        short.len() >= least && name.starts_with(short)
    };
    names.iter().find(fits).copied()
}

fn is_short_for(word: &str, names: &[&str]) -> bool {
    !word.is_empty() && names.iter().any(|name| name.starts_with(word))
}

fn kind_of(tool: &str, words: &[String]) -> Kind {
    let [object, verb, rest @ ..] = words else {
        let shows = tool == "tc" && words.first().is_some_and(|word| "qdisc".starts_with(word.as_str()));
        return if shows { Kind::Asks } else { Kind::Foreign };
    };
    if tool == "tc" {
        let asks = is_short_for(object, &["qdisc", "class", "filter"]);
        return if asks { Kind::Asks } else { Kind::Foreign };
    }
    let of_veth =
        words.windows(2).any(|two| ["type", "typ", "ty"].contains(&two[0].as_str()) && two[1] == "veth");
    let shows = is_short_for(verb, &["show", "lst", "list"]) && of_veth;
    if !is_short_for(object, &["link"]) {
        let ours = is_short_for(object, &["address"]) && shows;
        return if ours { Kind::Asks } else { Kind::Foreign };
    }
    let turns = || rest.iter().any(|word| word == "up" || word == "down");
    match () {
        () if is_short_for(verb, &["add"]) => makes(of_veth),
        () if is_short_for(verb, &["set", "change"]) => asks(turns()),
        () if is_short_for(verb, &["replace"]) => makes(of_veth),
        () if is_short_for(verb, &["delete"]) => asks(!rest.is_empty()),
        () => asks(shows),
    }
}

fn makes(ours: bool) -> Kind {
    if ours { Kind::Makes } else { Kind::Foreign }
}

fn asks(ours: bool) -> Kind {
    if ours { Kind::Asks } else { Kind::Foreign }
}
