//! The whole benchmark: every section in turn, one report, and whether the goals are met.

use anyhow::{Result, bail};

use super::{
    goals::{self, Goal},
    guest, host, interrupt, measure,
    options::Options,
    page,
    plan::Plan,
    results::{Place, Results},
    show,
};
use crate::output::Output;

pub(super) fn run(options: &Options) -> Result<()> {
    if options.page {
        return page::main(options.check);
    }
    super::root()?;
    interrupt::clean_up_on_signals()?;
    let is_guest = options.guest.is_some() || host::is_guest();
    let plan = options.plan(is_guest)?;
    let mut place = Place::default();
    let outcome = match &options.guest {
        Some(kernel) => guest::measure(kernel, options).map(|measured| {
            place = measured;
            save(options, &place, true)
        }),
        None => Ok(measure(options, &plan, &mut place)),
    };
    let outcome = outcome.and_then(|saved| saved);
    let goals = goals::of_run(&place, &plan, is_guest);
    if !options.emit {
        print(options.output, &place, &goals)?;
    }
    outcome?;
    let missed: Vec<_> = goals.iter().filter(|goal| !goal.is_met()).collect();
    // In a guest, the host reports them.
    if !missed.is_empty() && !options.emit {
        let names: Vec<_> = missed.iter().map(|goal| goal.name.as_str()).collect();
        bail!("not met: {}", names.join("; "));
    }
    Ok(())
}

/// Each section is stored as soon as it is measured; one that fails keeps none from its turn.
fn measure(options: &Options, plan: &Plan, place: &mut Place) -> Result<()> {
    let observer = super::observer()?;
    let mut failed = Vec::new();
    for section in &plan.sections {
        let measured = measure::measure(*section, plan, &observer, place)
            .and_then(|()| save(options, place, host::is_guest()));
        if let Err(error) = measured {
            eprintln!("testbed: {}: {error:#}", section.name());
            failed.push(section.name());
        }
    }
    if !failed.is_empty() {
        bail!("these sections failed: {}", failed.join(", "));
    }
    Ok(())
}

fn save(options: &Options, place: &Place, is_guest: bool) -> Result<()> {
    if options.emit {
        guest::emit(place)?;
    }
    let Some(file) = &options.save else {
        return Ok(());
    };
    Results::save_into(results(place, is_guest), file)
}

fn results(place: &Place, is_guest: bool) -> Results {
    let mut results = Results::default();
    if is_guest {
        results.guest = place.clone();
    } else {
        results.native = place.clone();
    }
    results
}

fn print(output: Output, place: &Place, goals: &[Goal]) -> Result<()> {
    match output {
        Output::Json => {
            let goals: Vec<_> = goals.iter().map(Goal::to_json).collect();
            let document = serde_json::json!({ "results": place, "goals": goals });
            println!("{document:#}");
        }
        Output::Table => {
            print!("{}", show::report(place));
            if !goals.is_empty() {
                println!("## Goals\n\n{}", show::goals(goals));
            }
        }
    }
    Ok(())
}
