//! `observer agent`: the host daemon.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::args::{AgentArgs, Log, parse_query};
use super::exit::Exit;
use super::shared::scan_choice;
use crate::agent::log::{self, LogFormat};
use crate::agent::{self, Launch};
use crate::config::listen::Listen;
use crate::config::{Config, DEFAULT_FILE};
use crate::policy::path::Limit;

pub(super) fn run(args: &AgentArgs) -> anyhow::Result<Exit> {
    let overrides = Overrides::of(args);
    let config = overrides.load()?;
    if args.check {
        let text = config.to_toml();
        io::stdout()
            .write_all(text.as_bytes())
            .context("cannot write to stdout")?;
        return Ok(Exit::Done);
    }
    let format = match args.log {
        Log::Auto => LogFormat::Auto,
        Log::Text => LogFormat::Text,
        Log::Json => LogFormat::Json,
        Log::Journald => LogFormat::Journald,
    };
    let lost_lines = log::start(format, args.common.verbose)?;
    agent::run(Launch {
        config,
        file: overrides.file().to_owned(),
        reload: Box::new(move || overrides.load()),
        scan: scan_choice(args.common.scan),
        hooks: args.common.hooks_choice(),
        host: args.host.clone(),
        read_query: parse_query,
        lost_lines,
    })?;
    Ok(Exit::Done)
}

/// Values of flags and environment that replace those of the file.
struct Overrides {
    file: Option<PathBuf>,
    path: Option<Limit>,
    listen: Option<Listen>,
}

impl Overrides {
    fn of(args: &AgentArgs) -> Self {
        Self {
            file: args.common.config.clone(),
            path: args.common.path.clone(),
            listen: args.listen.clone(),
        }
    }

    fn file(&self) -> &Path {
        self.file.as_deref().unwrap_or(Path::new(DEFAULT_FILE))
    }

    fn load(&self) -> anyhow::Result<Config> {
        let mut config = Config::load(self.file.as_deref())?;
        if let Some(limit) = &self.path {
            config.path.default = limit.clone();
            config.path.rule.clear();
        }
        if let Some(listen) = &self.listen {
            config.agent.listen = listen.clone();
            config.agent.check()?;
        }
        Ok(config)
    }
}
