//! `observer explain`.

use super::args::ExplainArgs;
use super::exit::Exit;

pub(super) fn run(args: &ExplainArgs) -> anyhow::Result<Exit> {
    anyhow::bail!("not built: {args:?}")
}
