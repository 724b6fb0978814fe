//! `docs/performance.md`, made of a template with the prose and of stored results.

use std::fs;

use anyhow::{Context as _, Result, bail};
use xtask::env;

use super::{
    goals,
    results::{Place, Results},
    section::Section,
    show::{self, Block},
};

const TEMPLATE: &str = "docs/performance.md.in";
const RESULTS: &str = "docs/performance.json";
const PAGE: &str = "docs/performance.md";

pub(super) fn main(check: bool) -> Result<()> {
    let root = env::workspace_root();
    let read = |name: &str| {
        fs::read_to_string(root.join(name)).with_context(|| format!("cannot read {name}"))
    };
    let page = render(&read(TEMPLATE)?, &Results::load(&root.join(RESULTS))?)?;
    if !check {
        return fs::write(root.join(PAGE), page).with_context(|| format!("cannot write {PAGE}"));
    }
    if read(PAGE)? != page {
        bail!(
            "{PAGE} is not what {TEMPLATE} and {RESULTS} make: run `cargo xtask bench --page` and \
             commit the result"
        );
    }
    println!("{PAGE} is what {TEMPLATE} and {RESULTS} make");
    Ok(())
}

/// Replaces lines such as `{{native floors}}`.
fn render(template: &str, results: &Results) -> Result<String> {
    let mut out = String::new();
    for line in template.lines() {
        let inner = line
            .strip_prefix("{{")
            .and_then(|line| line.strip_suffix("}}"));
        match inner {
            Some(inner) => {
                let shown = piece(inner, results)
                    .with_context(|| format!("{TEMPLATE}: {line} names no piece of the results"))?;
                out.push_str(shown.trim_end());
            }
            None => out.push_str(line),
        }
        out.push('\n');
    }
    Ok(out)
}

fn piece(words: &str, results: &Results) -> Option<String> {
    let (place, name) = words.trim().split_once(' ')?;
    let (place, is_guest) = match place {
        "native" => (&results.native, false),
        "guest" => (&results.guest, true),
        _ => return None,
    };
    if name == "goals" {
        let goals = goals::check(place, &Section::all(is_guest), is_guest);
        return Some(show::goals(&goals));
    }
    let block = Block::ALL.into_iter().find(|block| block.name() == name)?;
    Some(shown(block, place, is_guest))
}

/// Text for a section; one that is missing is named as such.
fn shown(block: Block, place: &Place, is_guest: bool) -> String {
    block.show(place).unwrap_or_else(|| {
        let guest = if is_guest { " --guest 6.12" } else { "" };
        let section = block.section().name();
        format!(
            "**Not measured yet:** `cargo xtask bench{guest} --only {section} --save {RESULTS}` does."
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::testing::results;

    #[test]
    fn a_page_is_prose_and_tables() {
        let page = render("# Cost\n\n{{native floors}}\n\nProse.\n", &results()).unwrap();
        let expected = "# Cost\n\n\
            observer 0.1.0, iproute2-6.1.0; Linux 6.18.44, 2 CPUs (A fast one), 24,000 MiB; load 0.25 \
            before it began.\n\n\
            90,000 sockets, 6 processes, 2 rounds; others used 0.5 % of one CPU; 90,010 descriptors of \
            TCP sockets were touched, 90,008 sockets summarized:\n\n";
        let rest = page
            .strip_prefix(expected)
            .unwrap_or_else(|| panic!("{page}"));
        let row = rest.lines().find(|line| line.contains("summary")).unwrap();
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let of_summary = [
            "the agent's summary",
            "75.0",
            "70.0",
            "90.0",
            "85.0",
            "1000",
            "1.50",
            "1.50",
        ];
        assert_eq!(cells, of_summary);
        assert!(page.ends_with("|\n\nProse.\n"), "{page}");
    }

    #[test]
    fn what_is_missing_is_named_and_never_zero() {
        let page = render("{{guest scrape}}\n{{native churn}}\n", &Results::default()).unwrap();
        for command in [
            "bench --guest 6.12 --only scrape --save docs/performance.json",
            "bench --only churn --save docs/performance.json",
        ] {
            assert!(page.contains(command), "{page}");
        }
        let goals = render("{{native goals}}\n", &Results::default()).unwrap();
        assert!(
            goals.contains("not measured") && !goals.contains("| met"),
            "{goals}"
        );
    }

    #[test]
    fn unknown_pieces_are_errors() {
        for line in ["{{native}}", "{{here floors}}", "{{native speed}}"] {
            let error = render(line, &results()).unwrap_err();
            assert!(format!("{error:#}").contains(line), "{error:#}");
        }
    }

    #[test]
    fn the_pages_template_is_whole() {
        let root = env::workspace_root();
        let template = fs::read_to_string(root.join(TEMPLATE)).unwrap();
        let results = Results::load(&root.join(RESULTS)).unwrap();
        let page = render(&template, &results).unwrap();
        assert!(!page.contains("{{"));
        assert_eq!(page, fs::read_to_string(root.join(PAGE)).unwrap());
    }
}
