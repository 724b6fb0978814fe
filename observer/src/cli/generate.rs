//! Completions and the manual page, from the definition of the command line.

use std::io::{self, Write as _};

use anyhow::Context as _;
use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;

use super::args::Cli;
use super::exit::Exit;

pub(super) fn completions(shell: Shell) -> anyhow::Result<Exit> {
    // Into memory first: the generator panics where it cannot write.
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "observer", &mut text);
    print(&text)
}

pub(super) fn man() -> anyhow::Result<Exit> {
    print(page()?.as_bytes())
}

fn print(text: &[u8]) -> anyhow::Result<Exit> {
    io::stdout()
        .write_all(text)
        .and_then(|()| io::stdout().flush())
        .context("cannot write to stdout")?;
    Ok(Exit::Done)
}

/// The whole tool in one page, a section for each command.
fn page() -> io::Result<String> {
    let mut command = Cli::command();
    command.build();
    let mut page = String::new();
    {
        let man = Man::new(command.clone())
            .section("8")
            .manual("System Administration");
        page += &rendered(|w| man.render_title(w))?;
        page += &rendered(|w| man.render_name_section(w))?;
        page += &rendered(|w| man.render_synopsis_section(w))?;
        page += &rendered(|w| man.render_description_section(w))?;
    }
    for subcommand in command.get_subcommands() {
        page += &section(subcommand)?;
    }
    page += FILES;
    Ok(once(&page, QUOTES))
}

/// Every rendering begins with these definitions.
const QUOTES: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";

/// Keeps only the first of the repetitions.
fn once(text: &str, repeated: &str) -> String {
    let rest = text.replace(repeated, "");
    format!("{repeated}{rest}")
}

const FILES: &str = "\
.SH FILES
.TP
/etc/observer/config.toml
Read if it exists and no other file is named.
.SH \"SEE ALSO\"
tcp(7), socket(7), ss(8), netstat(8)
";

fn section(command: &Command) -> io::Result<String> {
    let man = Man::new(command.clone());
    let mut section = format!(".SH \"{}\"\n", command.get_name().to_uppercase());
    section += &without_heading(&rendered(|w| man.render_synopsis_section(w))?);
    section += ".PP\n";
    section += &without_heading(&rendered(|w| man.render_description_section(w))?);
    section += &rendered(|w| man.render_options_section(w))?.replace(".SH ", ".SS ");
    if command.get_after_long_help().is_some() {
        // Lists and commands, whose lines must stay lines.
        let more = rendered(|w| man.render_extra_section(w))?;
        section += &format!(".SS MORE\n.nf\n{}.fi\n", without_heading(&more));
    }
    Ok(section)
}

fn rendered(render: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> io::Result<String> {
    let mut text = Vec::new();
    render(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn without_heading(rendered: &str) -> String {
    let lines = rendered.split_inclusive('\n');
    lines.filter(|line| !line.starts_with(".SH ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_covers_every_command_and_flag() {
        let page = page().unwrap();
        assert_eq!(page.matches(".TH ").count(), 1);
        assert_eq!(page.matches(QUOTES).count(), 1);
        for command in Cli::command().get_subcommands() {
            let heading = format!(".SH \"{}\"", command.get_name().to_uppercase());
            assert!(page.contains(&heading), "{heading}");
            for arg in command.get_arguments().filter_map(|arg| arg.get_long()) {
                let flag = format!("\\-\\-{}", arg.replace('-', "\\-"));
                assert!(page.contains(&flag), "{flag}");
            }
        }
    }

    #[test]
    fn every_shell_has_completions() {
        for shell in <Shell as clap::ValueEnum>::value_variants() {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "observer", &mut text);
            let text = String::from_utf8(text).unwrap();
            assert!(text.contains("min-quiet"), "{shell}");
        }
    }
}
