//! The flags of each command.

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgAction, Args, ValueEnum};

use super::common::{Color, CommonArgs};
use super::select::SelectArgs;
use crate::cli::values;
use crate::config::listen::Listen;
use crate::model::EventKind;
use crate::policy::span::Span;

#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    #[command(flatten)]
    pub(in crate::cli) common: CommonArgs,
    /// How to print the sockets
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub(in crate::cli) output: Output,

    /// What to sort by, instead of the most dangerous first
    ///
    /// quiet and idle put the longest first, pid the lowest, remote sorts by address and port.
    #[arg(long, value_enum, value_name = "KEY")]
    pub(in crate::cli) sort: Option<Sort>,

    /// Exit with 3 if a socket shown is so [repeatable]
    ///
    /// late covers unprotected too, and at-risk stale, which are worse. unknown is a socket whose verdict or
    /// health cannot be told; without it, the check cannot be made for such a socket: stderr says so, and
    /// the exit code is 1.
    #[arg(long, value_enum, value_name = "WHAT", action = ArgAction::Append)]
    pub(in crate::cli) fail_on: Vec<FailOn>,

    /// When to use colours
    ///
    /// auto uses them on a terminal, unless NO_COLOR is set.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    pub(in crate::cli) color: Color,

    // Last, because its help heading holds for what follows.
    #[command(flatten)]
    pub(in crate::cli) select: SelectArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct TraceArgs {
    #[command(flatten)]
    pub(in crate::cli) common: CommonArgs,
    /// How to print the events
    #[arg(short, long, value_enum, default_value_t = TraceOutput::Text)]
    pub(in crate::cli) output: TraceOutput,

    /// Only events of this kind: set, opened, probe or closed [repeatable]
    ///
    /// The kernel side drops events of other kinds, so that they cost nothing.
    #[arg(long, value_name = "KIND", value_parser = values::kind())]
    pub(in crate::cli) kind: Vec<EventKind>,

    /// End after so long, such as 90s, 5m, 1h30m or 350 (seconds), instead of on Ctrl-C
    #[arg(long = "for", value_name = "DUR")]
    pub(in crate::cli) lasts: Option<Span>,

    /// When to use colours
    ///
    /// auto uses them on a terminal, unless NO_COLOR is set.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    pub(in crate::cli) color: Color,

    // Last, because its help heading holds for what follows.
    #[command(flatten)]
    pub(in crate::cli) select: SelectArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct WatchArgs {
    #[command(flatten)]
    pub(in crate::cli) common: CommonArgs,

    /// Time from one scan to the next, such as 1s or 500 (seconds)
    #[arg(long, value_name = "DUR", default_value = "2s")]
    pub(in crate::cli) interval: Span,

    /// End after so long, such as 90s, 5m, 1h30m or 350 (seconds), instead of on q or Ctrl-C
    #[arg(long = "for", value_name = "DUR")]
    pub(in crate::cli) lasts: Option<Span>,

    /// When to use colours
    ///
    /// auto uses them on a terminal, unless NO_COLOR is set.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    pub(in crate::cli) color: Color,

    // Last, because its help heading holds for what follows.
    #[command(flatten)]
    pub(in crate::cli) select: SelectArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ExplainArgs {
    #[command(flatten)]
    pub(in crate::cli) common: CommonArgs,

    /// How to print
    #[arg(short, long, value_enum, default_value_t = TextOrJson::Text)]
    pub(in crate::cli) output: TextOrJson,

    /// The socket with this cookie, as list and trace show it
    #[arg(long, value_name = "N")]
    pub(in crate::cli) cookie: Option<u64>,

    /// When to use colours
    ///
    /// auto uses them on a terminal, unless NO_COLOR is set.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    pub(in crate::cli) color: Color,

    // Last, because its help heading holds for what follows.
    #[command(flatten)]
    pub(in crate::cli) select: SelectArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DoctorArgs {
    #[command(flatten)]
    pub(in crate::cli) common: CommonArgs,

    /// How to print
    #[arg(short, long, value_enum, default_value_t = TextOrJson::Text)]
    pub(in crate::cli) output: TextOrJson,

    /// Print the table of path profiles instead: how long known middleboxes remember a silent
    /// connection
    #[arg(long)]
    pub(in crate::cli) profiles: bool,

    /// When to use colours
    ///
    /// auto uses them on a terminal, unless NO_COLOR is set.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    pub(in crate::cli) color: Color,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct AgentArgs {
    #[command(flatten)]
    pub(in crate::cli) common: CommonArgs,

    /// Check the configuration, print what is in effect, and end
    #[arg(long)]
    pub(in crate::cli) check: bool,

    /// Where to serve HTTP; overrides the configuration
    ///
    /// An IP address and port, such as 127.0.0.1:9787, or unix: and a path.
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "OBSERVER_LISTEN",
        hide_env_values = true
    )]
    pub(in crate::cli) listen: Option<Listen>,

    /// The name of this host in alerts, on the page and in JSON, instead of its own
    ///
    /// For containers, whose own name says nothing: the name of the node.
    #[arg(
        long,
        value_name = "NAME",
        env = "OBSERVER_HOST",
        hide_env_values = true,
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub(in crate::cli) host: Option<String>,

    /// How to log
    #[arg(
        long,
        value_enum,
        value_name = "HOW",
        default_value_t = Log::Auto,
        env = "OBSERVER_LOG",
        hide_env_values = true
    )]
    pub(in crate::cli) log: Log,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Log {
    /// To the journal where stderr is connected to it, else as text
    Auto,
    /// Lines of text on stderr
    Text,
    /// JSON objects on stderr, one a line
    Json,
    /// To systemd's journal, with fields
    Journald,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum TextOrJson {
    /// For people
    Text,
    /// One JSON document
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Output {
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
pub(in crate::cli) enum TraceOutput {
    /// Aligned columns
    Text,
    /// One JSON object an event, each on its line
    Jsonl,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Sort {
    Quiet,
    Idle,
    Pid,
    Remote,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum FailOn {
    Unprotected,
    Late,
    AtRisk,
    Stale,
    Unknown,
}
