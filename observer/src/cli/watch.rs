//! `observer watch`.

use super::args::WatchArgs;
use super::exit::Exit;

pub(super) fn run(args: &WatchArgs) -> anyhow::Result<Exit> {
    anyhow::bail!("not built: {args:?}")
}
