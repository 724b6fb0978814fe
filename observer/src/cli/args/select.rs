//! Flags that select sockets.

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Args, CommandFactory as _, Parser};
use wildmatch::WildMatch;

use crate::cli::values;
use crate::model::{Family, State};
use crate::policy::cidr::Cidr;
use crate::policy::select::CommGlob;
use crate::policy::span::Span;
use crate::policy::{Health, Selection, Verdict};

/// Which sockets. Values of one flag are or-ed, flags are and-ed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Selection")]
pub(in crate::cli) struct SelectArgs {
    /// Process that holds the socket [repeatable, as all of these: values of one flag are or-ed,
    /// flags are and-ed]
    #[arg(long, value_name = "N", value_parser = values::pid)]
    pid: Vec<u32>,

    /// Name of a process that holds the socket; * and ? are wildcards
    ///
    /// The kernel keeps 15 bytes of a name; a longer one without wildcards is cut to match.
    #[arg(long, value_name = "GLOB", value_parser = values::comm)]
    comm: Vec<CommGlob>,

    /// Port, at either end
    #[arg(long, value_name = "N", value_parser = values::port)]
    port: Vec<u16>,

    /// Remote address or range, such as 203.0.113.9 or 10.0.0.0/8
    #[arg(long, value_name = "CIDR")]
    remote: Vec<Cidr>,

    /// Local address or range
    #[arg(long, value_name = "CIDR")]
    local: Vec<Cidr>,

    /// TCP state
    #[arg(long, value_name = "NAME", value_parser = values::state())]
    state: Vec<State>,

    /// Verdict
    #[arg(long, value_name = "V", value_parser = values::verdict())]
    verdict: Vec<Verdict>,

    /// Health
    #[arg(long, value_name = "H", value_parser = values::health())]
    health: Vec<Health>,

    /// Least time since the last byte of payload, such as 90s, 5m, 1h30m or 350 (seconds)
    #[arg(long, value_name = "DUR")]
    min_idle: Vec<Span>,

    /// Least time since any packet
    #[arg(long, value_name = "DUR")]
    min_quiet: Vec<Span>,

    /// Control group path or systemd unit; * and ? are wildcards
    #[arg(long, value_name = "GLOB", value_parser = values::glob)]
    cgroup: Vec<WildMatch>,

    /// Network namespace, by the number in `readlink /proc/PID/ns/net`
    #[arg(long, value_name = "INODE", value_parser = values::netns)]
    netns: Vec<u32>,

    /// IPv4 sockets
    #[arg(short = '4')]
    ipv4: bool,

    /// IPv6 sockets, v4-mapped connections included
    #[arg(short = '6')]
    ipv6: bool,

    /// Sockets in LISTEN, TIME_WAIT and SYN_RECV too
    #[arg(long)]
    all: bool,
}

impl SelectArgs {
    pub(in crate::cli) fn selection(&self) -> Selection {
        let families = [(self.ipv4, Family::Ipv4), (self.ipv6, Family::Ipv6)];
        Selection {
            pids: self.pid.clone(),
            comms: self.comm.clone(),
            ports: self.port.clone(),
            remotes: self.remote.clone(),
            locals: self.local.clone(),
            states: self.state.clone(),
            verdicts: self.verdict.clone(),
            healths: self.health.clone(),
            min_idle: self.min_idle.clone(),
            min_quiet: self.min_quiet.clone(),
            cgroups: self.cgroup.clone(),
            netns: self.netns.clone(),
            families: families
                .into_iter()
                .filter_map(|(asked, family)| asked.then_some(family))
                .collect(),
            all: self.all,
        }
    }
}

/// The flags without a command.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct Flags {
    #[command(flatten)]
    select: SelectArgs,
}

/// Reads flags that select, without a command.
///
/// # Errors
/// Error in one line.
pub fn parse_selection(words: &[String]) -> Result<Selection, String> {
    match Flags::try_parse_from(words) {
        Ok(flags) => Ok(flags.select.selection()),
        Err(error) => {
            let text = error.render().to_string();
            let first = text.lines().next().unwrap_or_default();
            Err(first.trim_start_matches("error: ").to_owned())
        }
    }
}

/// Reads query parameters that select: named as the flags, with the same meaning. Those that take no
/// value may have `true` or `false`.
///
/// # Errors
/// Error and the right form, in one line.
pub fn parse_query(pairs: &[(String, String)]) -> Result<Selection, String> {
    let flags = Flags::command();
    let mut words = Vec::new();
    for (name, value) in pairs {
        let flag = flags.get_arguments().find(|flag| parameter(flag) == *name);
        let Some(flag) = flag else {
            let names: Vec<_> = flags.get_arguments().map(parameter).collect();
            let names = names.join(", ");
            return Err(format!("no parameter {name:?}: there are {names}"));
        };
        let is_switch = !flag.get_action().takes_values();
        let word = match (is_switch, value.as_str()) {
            (false, value) => format!("--{name}={value}"),
            (true, "" | "1" | "true") if flag.get_short().is_some() => format!("-{name}"),
            (true, "" | "1" | "true") => format!("--{name}"),
            (true, "0" | "false") => continue,
            (true, other) => {
                return Err(format!(
                    "{name} takes true, false or no value, not {other:?}"
                ));
            }
        };
        if !(is_switch && words.contains(&word)) {
            words.push(word);
        }
    }
    let parsed = Flags::try_parse_from(words).map(|flags| flags.select.selection());
    parsed.map_err(|error| query_error(&error))
}

/// A flag's name without dashes.
fn parameter(flag: &Arg) -> String {
    let short = || flag.get_short().map(String::from);
    let long = flag.get_long().map(str::to_owned);
    long.or_else(short).unwrap_or_default()
}

/// clap's first paragraph in one line, with the parameter named as it was given.
fn query_error(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    let lines: Vec<_> = first.lines().map(str::trim).collect();
    let line = lines.join(" ");
    let line = line.trim_start_matches("error: ");
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(flag)) => {
            let name = flag.trim_start_matches('-').split(' ').next();
            line.replace(flag.as_str(), name.unwrap_or_default())
        }
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Selection, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        parse_selection(&words)
    }

    #[test]
    fn a_filter_has_the_words_of_the_flags() {
        let words = ["--port", "443", "--port", "80", "--comm", "python*", "-4"];
        let selection = parse(&words).unwrap();
        assert_eq!(selection.ports, [443, 80]);
        assert_eq!(selection.families, [Family::Ipv4]);
    }

    #[test]
    fn what_is_wrong_with_a_filter_is_one_line() {
        for words in [
            &["--port", "x"][..],
            &["443"],
            &["--nonsense"],
            &["--help"],
            &["--port"],
        ] {
            let error = parse(words).unwrap_err();
            assert!(
                !error.is_empty() && !error.contains('\n'),
                "{words:?}: {error:?}"
            );
        }
        assert!(parse(&["--port", "x"]).unwrap_err().contains("'x'"));
    }

    fn query(pairs: &[(&str, &str)]) -> Result<Selection, String> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let pairs: Vec<_> = pairs.iter().map(owned).collect();
        parse_query(&pairs)
    }

    #[test]
    fn a_query_has_the_names_of_the_flags() {
        let selection = query(&[
            ("port", "443"),
            ("port", "80"),
            ("min-quiet", "2m"),
            ("comm", "-x --all"),
            ("4", ""),
            ("4", "true"),
            ("6", "false"),
            ("all", "1"),
        ])
        .unwrap();
        assert_eq!(selection.ports, [443, 80]);
        assert_eq!(selection.min_quiet[0].ms, 120_000);
        assert_eq!(selection.comms.len(), 1);
        assert_eq!(selection.families, [Family::Ipv4]);
        assert!(selection.all);
        assert!(!query(&[("all", "false")]).unwrap().all);
    }

    #[test]
    fn what_is_wrong_with_a_query_says_what_would_be_right() {
        for (name, value, expected) in [
            (
                "prot",
                "443",
                "no parameter \"prot\": there are pid, comm, port, remote, local, state, verdict, health, min-idle, min-quiet, cgroup, netns, 4, 6, all",
            ),
            (
                "port",
                "0",
                "invalid value '0' for 'port': a port is a whole number from 1 to 65535",
            ),
            (
                "health",
                "bad",
                "invalid value 'bad' for 'health' [possible values: retransmitting, probing, stale, at-risk, ok]",
            ),
            (
                "all",
                "yes",
                "all takes true, false or no value, not \"yes\"",
            ),
            ("", "", "no parameter \"\": there are"),
        ] {
            let error = query(&[(name, value)]).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
        assert!(
            query(&[("remote", "10.0.0.0/99")])
                .unwrap_err()
                .contains("/99")
        );
    }
}

#[cfg(test)]
#[path = "select_round_trip.rs"]
mod round_trip;
