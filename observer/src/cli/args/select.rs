//! Flags that select sockets.

use clap::{Args, Parser};
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

/// Reads flags that select, without a command.
///
/// # Errors
/// What is wrong, in one line.
pub fn parse_selection(words: &[String]) -> Result<Selection, String> {
    #[derive(Debug, Parser)]
    #[command(no_binary_name = true, disable_help_flag = true)]
    struct Flags {
        #[command(flatten)]
        select: SelectArgs,
    }
    match Flags::try_parse_from(words) {
        Ok(flags) => Ok(flags.select.selection()),
        Err(error) => {
            let text = error.render().to_string();
            let first = text.lines().next().unwrap_or_default();
            Err(first.trim_start_matches("error: ").to_owned())
        }
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
}
