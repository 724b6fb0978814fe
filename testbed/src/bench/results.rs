//! Measured results, as they are stored: a section each of a run here and of one in a guest.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::{
    agent::{cost::Steady, latency::Scrape},
    churn::Churn,
    floors::Floors,
    hooks::Hooks,
    host::Host,
    list::List,
    watch::Watch,
};

/// All that a page is made of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Results {
    pub(super) native: Place,
    pub(super) guest: Place,
}

/// Expands to the struct of all sections, and to what is done with each of them.
macro_rules! sections {
    ($($name:ident: $result:ty),* $(,)?) => {
        /// Results of one place; `None` where a section was not measured.
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(super) struct Place {
            $(
                #[serde(skip_serializing_if = "Option::is_none")]
                pub(super) $name: Option<Taken<$result>>,
            )*
        }

        impl Place {
            /// Takes over the sections that `newer` has.
            pub(super) fn merge(&mut self, newer: Self) {
                $(
                    if newer.$name.is_some() {
                        self.$name = newer.$name;
                    }
                )*
            }

            /// A line for each section, so that a section measured anew is a line changed.
            fn write(&self, out: &mut String) -> Result<()> {
                let mut lines = Vec::new();
                $(
                    if let Some(taken) = &self.$name {
                        let json = serde_json::to_string(taken)?;
                        lines.push(format!("\"{}\": {json}", stringify!($name)));
                    }
                )*
                out.push_str(&lines.join(",\n"));
                Ok(())
            }
        }
    };
}

sections! {
    list: List,
    floors: Floors,
    agent: Steady,
    scrape: Scrape,
    hooks: Hooks,
    churn: Churn,
    watch: Watch,
}

/// One section's result, and where and how it was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Taken<T> {
    pub(super) host: Host,
    /// The load average of one minute before it began: what else ran.
    pub(super) load_before: f64,
    /// With small numbers, to try the bench and not observer.
    pub(super) quick: bool,
    pub(super) result: T,
}

impl Results {
    /// Reads what is stored; nothing where there is no file yet.
    pub(super) fn load(file: &Path) -> Result<Self> {
        if !file.exists() {
            return Ok(Self::default());
        }
        let text =
            fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} holds no results of this bench", file.display()))
    }

    pub(super) fn save(&self, file: &Path) -> Result<()> {
        fs::write(file, self.to_json()?).with_context(|| format!("cannot write {}", file.display()))
    }

    /// Stores the sections that `newer` has, and leaves the others in the file as they are.
    pub(super) fn save_into(newer: Self, file: &Path) -> Result<()> {
        let mut all = Self::load(file)?;
        all.native.merge(newer.native);
        all.guest.merge(newer.guest);
        all.save(file)
    }

    fn to_json(&self) -> Result<String> {
        let mut out = "{\"native\": {\n".to_owned();
        self.native.write(&mut out)?;
        out.push_str("\n}, \"guest\": {\n");
        self.guest.write(&mut out)?;
        out.push_str("\n}}\n");
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::testing::{floors, host, results, watch};

    #[test]
    fn what_is_saved_is_read_again() {
        let results = results();
        let read: Results = serde_json::from_str(&results.to_json().unwrap()).unwrap();
        assert_eq!(read, results);
        let none = Results::default();
        let read: Results = serde_json::from_str(&none.to_json().unwrap()).unwrap();
        assert_eq!(read, none);
    }

    #[test]
    fn a_section_measured_anew_replaces_itself_alone() {
        let folder = std::env::temp_dir().join(format!("observer-results-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("results.json");
        let before = results();
        before.save(&file).unwrap();
        let mut newer = Results::default();
        newer.native.floors = Some(Taken {
            host: host("6.99"),
            load_before: 3.0,
            quick: false,
            result: floors(7.0),
        });
        Results::save_into(newer.clone(), &file).unwrap();
        let after = Results::load(&file).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(after.native.floors, newer.native.floors);
        assert_ne!(after.native.floors, before.native.floors);
        assert_eq!(after.native.list, before.native.list);
        assert_eq!(after.native.watch.unwrap().result, watch());
        assert_eq!(after.guest, before.guest);
    }

    #[test]
    fn what_is_no_results_file_is_not_overwritten() {
        let error = serde_json::from_str::<Results>("{\"sockets\": 3}").unwrap_err();
        assert!(error.to_string().contains("sockets"), "{error}");
    }
}
