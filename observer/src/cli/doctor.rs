//! `observer doctor`.

use super::args::DoctorArgs;
use super::exit::Exit;

pub(super) fn run(args: &DoctorArgs) -> anyhow::Result<Exit> {
    anyhow::bail!("not built: {args:?}")
}
