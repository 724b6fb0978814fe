//! The one definition of the command line, from which help, completions and manual come.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{ArgAction, Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use wildmatch::WildMatch;

use super::values;
use crate::model::event::Kind;
use crate::model::{Family, State};
use crate::policy::cidr::Cidr;
use crate::policy::path::Limit;
use crate::policy::select::CommGlob;
use crate::policy::span::Span;
use crate::policy::{Health, Selection, Verdict};
use crate::source::{HooksChoice, Way};

/// Watches TCP keepalive across all processes and says which connections will hang
///
/// A load balancer, NAT or firewall forgets a connection that is silent for too long, and tells
/// nobody. Only TCP keepalive probes that come in time prevent it. observer shows for every TCP
/// socket of this host how long it has been silent, what its keepalive settings are, and whether
/// the next probe comes before the path forgets.
#[derive(Debug, Parser)]
#[command(
    name = "observer",
    version,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

impl Cli {
    /// What each flag alone cannot tell.
    ///
    /// # Errors
    /// Flags that make no sense together.
    pub(super) fn checked(self) -> Result<Self, clap::Error> {
        match &self.command {
            Command::Trace(args) if args.common.hooks() == Hooks::None => {
                Err(wrong("trace", NOTHING_WITHOUT_HOOKS))
            }
            _ => Ok(self),
        }
    }
}

const NOTHING_WITHOUT_HOOKS: &str = "trace sees events by hooks, and without them there is nothing to show: leave out --hooks none and --no-hooks, or use `observer list`, which needs no hooks";

/// An error as clap's own, with the usage of the command.
fn wrong(command: &str, message: &str) -> clap::Error {
    let mut cli = Cli::command();
    cli.build();
    let command = cli.find_subcommand_mut(command);
    let kind = ErrorKind::ArgumentConflict;
    match command {
        Some(command) => command.error(kind, message),
        None => cli.error(kind, message),
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Shows every TCP socket with its keepalive, timers, silence and verdict
    ///
    /// One scan, then a table with the most dangerous sockets first. QUIET is the time since any
    /// packet is known to have crossed the wire, LIMIT the silence after which the path forgets the
    /// connection, KEEPALIVE idle/interval/probes as the kernel will use them (seconds, seconds,
    /// count), NEXT the time until the next probe leaves, TIMER what `netstat --timers` shows.
    /// `?` is a value that this host, kernel or permission cannot give.
    #[command(after_long_help = LIST_MORE)]
    List(Box<ListArgs>),
    /// Prints one line an event: options set, probes sent, connections opened and lost
    ///
    /// Each line says when (UTC), what kind of event, which process, between which ends, and what
    /// happened. A process in parentheses did not act itself: it opened the connection. `?` is a
    /// value that this host, kernel or permission cannot give, or that was there before observer.
    #[command(
        after_long_help = TRACE_MORE,
        mut_arg("pid", |arg| arg.help(TRACE_PID)),
        mut_arg("comm", |arg| arg.help(TRACE_COMM).long_help(TRACE_COMM_LONG)),
        mut_arg("all", |arg| arg.help(TRACE_ALL)),
    )]
    Trace(Box<TraceArgs>),
    /// Shows the same as list, live: a full screen on a terminal, else a line a change of health
    ///
    /// On a terminal: counts by health and verdict, the sockets with the most dangerous first, and
    /// the events of trace below. The bar fills from the last packet to the path limit, LEFT is the
    /// time until the path forgets the connection, or with a + since it did. SET is who last set a
    /// keepalive option, since observer runs. `?` shows the keys.
    ///
    /// A peer's keepalive probe leaves no trace but a count of segments: watch compares it from scan
    /// to scan, so that a connection that its peer keeps alive is not shown in danger.
    #[command(after_long_help = WATCH_MORE)]
    Watch(Box<WatchArgs>),
    /// Explains one socket: how long each layer waits, what will happen, what to change
    #[command(after_long_help = EXPLAIN_MORE)]
    Explain(Box<ExplainArgs>),
    /// Says what this host lets observer see, what is missing, and what to do about it
    ///
    /// How observer will scan and hook here, what that costs, and what each check found. Where
    /// something is missing: what is unknown through that, and what to do.
    #[command(after_long_help = DOCTOR_MORE)]
    Doctor(Box<DoctorArgs>),
    /// Prints completions for a shell
    #[command(
        after_long_help = "Example:\n  observer completions bash > /etc/bash_completion.d/observer"
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Prints the manual page
    #[command(after_long_help = "Example:\n  observer man | man -l -")]
    Man,
}

const WATCH_MORE: &str = "\
Keys: arrows, j, k, PgUp, PgDn, Home, End, G move; Enter explains a socket or opens a group, Esc goes
back; / searches, n and N go on; f filters by the flags below; s sorts by danger, quiet, idle, pid,
remote; g groups by process, unit, remote; space pauses; e shows events only; ? helps; q quits.

Without a terminal, each line is a time (UTC), what the health was and is, whose socket, its ends,
how long it was quiet, the path limit, keepalive and timer. What is not well at the first scan is
said then.

Scans take at most a thirtieth of a CPU: with very many sockets they are further apart than
--interval, and the first line says how old the last is.

Exit codes:
  0  done (q, --for is over, a closed pipe, Ctrl-C and SIGTERM too)
  1  it could not be done
  2  the command line is wrong

Examples:
  sudo observer watch
  sudo observer watch --port 5432 --path 4m
  observer watch --health stale --health at-risk --for 10m | tee changes.log";

const EXPLAIN_MORE: &str = "\
Without a selection, and where several sockets match, the most dangerous is explained.

Layers, in the order in which a request meets them, each with how long it waits and what says so:
  name lookup  nameservers that do not answer: resolv.conf of the process, as its resolver uses it
  connect      SYNs without an answer: TCP_SYNCNT or tcp_syn_retries, TCP_USER_TIMEOUT
  write        data without an acknowledgement: tcp_retries2 and the RTO, TCP_USER_TIMEOUT
  read         no data: SO_RCVTIMEO of a blocking socket; else the kernel sets no limit
  keepalive    a silent connection whose peer is gone: the time until it is noticed
  path         the silence after which a middlebox forgets the connection
  one request  all waits up to the first byte of the answer

no limit is a wait that the kernel does not end; a program may have a timer of its own, which is
not seen. ? is a value that this host, kernel or permission cannot give.

Then what will happen to the connection as it stands, and what to change in its program, if the
connection is late or unprotected.

Exit codes:
  0  done (a closed pipe and Ctrl-C too)
  1  it could not be done, or no socket matches
  2  the command line is wrong

Examples:
  observer explain                              # the most dangerous connection of this host
  observer explain --pid 812 --remote 203.0.113.9
  observer explain --cookie 4711 -o json | jq '.ladder[] | select(.unlimited)'
  observer explain --comm 'java*' -o json | jq -r .change.snippet";

const DOCTOR_MORE: &str = "\
Everything is tried, and detached again: the iterators, each hook in each of its ways, sock_diag,
the network namespaces. Marks:
  ok    it is there
  note  it is not, and nothing is unknown through that
  LOST  it is not, and something is unknown or not seen: what, and what to do, is in the next lines
  ?     it could not be found out

The first line names the most important thing that is missing. --scan and --hooks force a way, as
for the other commands, and count: what is lost to them is unknown too.

Exit codes:
  0  nothing is unknown on this host (Ctrl-C too)
  1  something is, or it could not be done
  2  the command line is wrong

Examples:
  observer doctor
  observer doctor --hooks trampoline
  observer doctor -o json | jq '.checks[] | select(.lost)'
  observer doctor --profiles";

const TRACE_PID: &str = "Process that acted or opened the connection [repeatable, as all of these: values of one flag are or-ed, flags are and-ed]";
const TRACE_COMM: &str =
    "Name of a process that acted or opened the connection; * and ? are wildcards";
const TRACE_COMM_LONG: &str = "\
Name of a process that acted or opened the connection; * and ? are wildcards

The kernel keeps 15 bytes of a name; a longer one without wildcards is cut to match.";
const TRACE_ALL: &str =
    "Nothing more: sockets in every state are selected, unless --state is given";

const TRACE_MORE: &str = "\
Kinds of events:
  set     SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT or TCP_USER_TIMEOUT was set, or
          an attempt failed: what was asked, what the kernel made of it
  opened  a connection was established, by connect or accept
  probe   a keepalive probe left: how many before it are unanswered, how long it was quiet
  closed  a connection or an attempt to connect ended: why, how long it was quiet, how old it was
  lost    so many events did not fit into the queue

An event is selected by its socket as it stood then, and by its processes. Sockets in every state
are selected, listeners and those not yet connected too, unless --state says otherwise.

Exit codes:
  0  done (--for is over, a closed pipe, Ctrl-C and SIGTERM too)
  1  it could not be done
  2  the command line is wrong

Examples:
  observer trace --comm 'python*'
  observer trace --port 5432 --for 10m
  observer trace -o jsonl | jq 'select(.kind == \"set\" and .errno != 0)'
  observer trace -o jsonl | jq 'select(.cause == \"keepalive_timeout\") | .owner.comm'";

const LIST_MORE: &str = "\
Verdicts:
  protected    keepalive is on, and its idle time is below the path limit
  late         keepalive is on, and its idle time is not below the path limit
  unprotected  keepalive is off
  exempt       there is no path limit, or the socket is not connected

Health, the first that holds:
  retransmitting  data in flight was sent again
  probing         a keepalive probe is unanswered
  stale           late or unprotected, and quiet for as long as the path limit
  at-risk         late or unprotected, and quiet for half of it
  ok              none of these

Exit codes:
  0  done (a closed pipe and Ctrl-C too)
  1  it could not be done
  2  the command line is wrong
  3  --fail-on matched a socket

Examples:
  observer list --path azure-lb --verdict unprotected --verdict late
  observer list --comm 'python*' --remote 10.0.0.0/8 --min-quiet 2m
  observer list -o json --pid 812 | jq '.sockets[].keepalive'
  observer list --fail-on stale --fail-on at-risk > /dev/null || echo connections will hang";

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    pub(super) common: CommonArgs,
    /// How to print the sockets
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub(super) output: Output,

    /// What to sort by, instead of the most dangerous first
    ///
    /// quiet and idle put the longest first, pid the lowest, remote sorts by address and port.
    #[arg(long, value_enum, value_name = "KEY")]
    pub(super) sort: Option<Sort>,

    /// Exit with 3 if a socket shown is so [repeatable]
    ///
    /// at-risk covers stale too, which is worse.
    #[arg(long, value_enum, value_name = "WHAT", action = ArgAction::Append)]
    pub(super) fail_on: Vec<FailOn>,

    /// When to use colours
    ///
    /// auto uses them on a terminal, unless NO_COLOR is set.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    pub(super) color: Color,

    // Last, because its help heading holds for what follows.
    #[command(flatten)]
    pub(super) select: SelectArgs,
}

#[derive(Debug, Args)]
pub(super) struct TraceArgs {
    #[command(flatten)]
    pub(super) common: CommonArgs,
    /// How to print the events
    #[arg(short, long, value_enum, default_value_t = TraceOutput::Text)]
    pub(super) output: TraceOutput,

    /// Only events of this kind: set, opened, probe or closed [repeatable]
    ///
    /// The kernel side is told, so that events of other kinds cost nothing.
    #[arg(long, value_name = "KIND", value_parser = values::kind())]
    pub(super) kind: Vec<Kind>,

    /// End after so long, such as 90s, 5m, 1h30m or 350 (seconds), instead of on Ctrl-C
    #[arg(long = "for", value_name = "DUR")]
    pub(super) lasts: Option<Span>,

    /// When to use colours
    ///
    /// auto uses them on a terminal, unless NO_COLOR is set.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    pub(super) color: Color,

    // Last, because its help heading holds for what follows.
    #[command(flatten)]
    pub(super) select: SelectArgs,
}

#[derive(Debug, Args)]
pub(super) struct WatchArgs {
    #[command(flatten)]
    pub(super) common: CommonArgs,

    /// Time from one scan to the next, such as 1s or 500 (seconds)
    #[arg(long, value_name = "DUR", default_value = "2s")]
    pub(super) interval: Span,

    /// End after so long, such as 90s, 5m, 1h30m or 350 (seconds), instead of on q or Ctrl-C
    #[arg(long = "for", value_name = "DUR")]
    pub(super) lasts: Option<Span>,

    /// When to use colours
    ///
    /// auto uses them on a terminal, unless NO_COLOR is set.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    pub(super) color: Color,

    // Last, because its help heading holds for what follows.
    #[command(flatten)]
    pub(super) select: SelectArgs,
}

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    #[command(flatten)]
    pub(super) common: CommonArgs,

    /// How to print
    #[arg(short, long, value_enum, default_value_t = TextOrJson::Text)]
    pub(super) output: TextOrJson,

    /// The socket with this cookie, as list and trace show it
    #[arg(long, value_name = "N")]
    pub(super) cookie: Option<u64>,

    /// When to use colours
    ///
    /// auto uses them on a terminal, unless NO_COLOR is set.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    pub(super) color: Color,

    // Last, because its help heading holds for what follows.
    #[command(flatten)]
    pub(super) select: SelectArgs,
}

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    pub(super) common: CommonArgs,

    /// How to print
    #[arg(short, long, value_enum, default_value_t = TextOrJson::Text)]
    pub(super) output: TextOrJson,

    /// Print the table of path profiles instead: how long known middleboxes remember a silent
    /// connection
    #[arg(long)]
    pub(super) profiles: bool,

    /// When to use colours
    ///
    /// auto uses them on a terminal, unless NO_COLOR is set.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    pub(super) color: Color,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum TextOrJson {
    /// For people
    Text,
    /// One JSON document
    Json,
}

/// What every command that looks at sockets takes.
#[derive(Debug, Args)]
pub(super) struct CommonArgs {
    /// How long paths remember a silent connection; overrides the configuration
    ///
    /// A profile, a duration (350s, 5m50s, 350) or none. Profiles: aws-nlb, aws-nat-gateway,
    /// aws-vpc-endpoint, aws-gwlb, aws-network-firewall, aws-security-group (350 s each), azure-lb
    /// (240 s), gcp-firewall (600 s), gcp-cloud-nat (1200 s), ipvs (900 s), kube-proxy-conntrack
    /// (86400 s), linux-conntrack (432000 s), cisco-ftd, istio, envoy (3600 s each). Without this
    /// flag and a configuration: aws-nlb.
    #[arg(
        long,
        value_name = "LIMIT",
        env = "OBSERVER_PATH",
        hide_env_values = true
    )]
    pub(super) path: Option<Limit>,

    /// Configuration file, which must exist
    ///
    /// Without this flag, /etc/observer/config.toml is read if it exists.
    #[arg(
        long,
        value_name = "FILE",
        env = "OBSERVER_CONFIG",
        hide_env_values = true
    )]
    pub(super) config: Option<PathBuf>,

    /// How to find sockets
    ///
    /// auto tries bpf, and falls back to diag where the host refuses it.
    #[arg(
        long,
        value_enum,
        value_name = "HOW",
        default_value_t = Scan::Auto,
        env = "OBSERVER_SCAN",
        hide_env_values = true
    )]
    pub(super) scan: Scan,

    /// How to see what a scan cannot, such as who set an option
    ///
    /// trace attaches hooks for as long as it runs. list attaches none: it reads what those of a
    /// running observer remember, and with none not even that.
    #[arg(long, value_enum, value_name = "HOW", default_value_t = Hooks::Auto)]
    hooks: Hooks,

    /// The same as --hooks none
    #[arg(long, conflicts_with = "hooks")]
    no_hooks: bool,

    /// Say on stderr what is done and how long each phase takes; twice for more
    #[arg(short, long, action = ArgAction::Count)]
    pub(super) verbose: u8,
}

impl CommonArgs {
    pub(super) fn hooks(&self) -> Hooks {
        if self.no_hooks {
            Hooks::None
        } else {
            self.hooks
        }
    }
}

impl CommonArgs {
    /// The same in the words of who attaches them.
    pub(super) fn hooks_choice(&self) -> HooksChoice {
        match self.hooks() {
            Hooks::Auto => HooksChoice::Auto,
            Hooks::Trampoline => HooksChoice::Only(Way::Trampoline),
            Hooks::Tracepoint => HooksChoice::Only(Way::Tracepoint),
            Hooks::None => HooksChoice::None,
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

/// Which sockets. Values of one flag are or-ed, flags are and-ed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Selection")]
pub(super) struct SelectArgs {
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
    pub(super) fn selection(&self) -> Selection {
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// A table
    Table,
    /// A table with every column
    Wide,
    /// One JSON document
    Json,
    /// One JSON object a socket, each on its line
    Jsonl,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum TraceOutput {
    /// Aligned columns
    Text,
    /// One JSON object an event, each on its line
    Jsonl,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Sort {
    Quiet,
    Idle,
    Pid,
    Remote,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    Unprotected,
    Late,
    AtRisk,
    Stale,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Scan {
    /// The first of the others that this host allows
    Auto,
    /// eBPF iterators
    Bpf,
    /// sock_diag, /proc and getsockopt
    Diag,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Hooks {
    /// The first of the others that this host allows
    Auto,
    /// BPF trampolines on the kernel's own functions: cost other calls nothing
    Trampoline,
    /// Tracepoints: those of setsockopt cost every system call of this host some 40 ns
    Tracepoint,
    /// No hooks
    None,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::profile::PROFILES;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_forms_of_no_hooks_are_one() {
        let hooks = |flags: &[&str]| {
            let arguments = ["observer", "list"].iter().chain(flags);
            match Cli::try_parse_from(arguments).unwrap().command {
                Command::List(args) => args.common.hooks(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(hooks(&[]), Hooks::Auto);
        assert_eq!(hooks(&["--hooks", "tracepoint"]), Hooks::Tracepoint);
        assert_eq!(hooks(&["--hooks", "none"]), Hooks::None);
        assert_eq!(hooks(&["--no-hooks"]), Hooks::None);
    }

    #[test]
    fn trace_needs_hooks() {
        let checked = |flags: &[&str]| {
            let arguments = ["observer", "trace"].iter().chain(flags);
            Cli::try_parse_from(arguments).unwrap().checked().map(drop)
        };
        assert!(checked(&["--hooks", "trampoline"]).is_ok());
        assert!(checked(&[]).is_ok());
        for flags in [["--hooks", "none"].as_slice(), &["--no-hooks"]] {
            let error = checked(flags).unwrap_err();
            assert_eq!(error.exit_code(), 2);
        }
    }

    #[test]
    fn help_names_every_profile_and_its_limit() {
        let help = Cli::command()
            .find_subcommand("list")
            .and_then(|list| list.get_arguments().find(|arg| arg.get_id() == "path"))
            .and_then(|arg| arg.get_long_help())
            .unwrap()
            .to_string();
        for profile in &PROFILES {
            assert!(help.contains(profile.name), "{}", profile.name);
            assert!(help.contains(&format!("({} s", profile.limit_s)));
        }
    }

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
