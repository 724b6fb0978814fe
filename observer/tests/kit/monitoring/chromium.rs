//! A real browser, without a window.

use std::process::Command;

use super::Folder;

/// A page as a browser shows it, and the complaints in its console.
#[derive(Debug)]
pub struct Shown {
    pub dom: String,
    pub console: Vec<String>,
}

/// Loads the page.
pub fn show(url: &str) -> Shown {
    let profile = Folder::new("chromium");
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu"])
        .args(["--disable-quic", "--no-first-run", "--disable-sync"])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
        ])
        .arg(format!("--user-data-dir={}", profile.0.display()))
        .args(["--enable-logging=stderr", "--dump-dom", url])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let console = said.lines().filter(|line| line.contains("CONSOLE"));
    Shown {
        dom: String::from_utf8_lossy(&output.stdout).into_owned(),
        console: console.map(str::to_owned).collect(),
    }
}

impl Shown {
    /// The words that a person reads, cells and lines apart.
    pub fn words(&self) -> String {
        let body = self.dom.split_once("<body").map_or("", |(_, body)| body);
        let mut words = String::new();
        // Each piece begins with a tag, without its first character.
        for piece in body.split('<') {
            let (tag, text) = piece.split_once('>').unwrap_or_default();
            if tag.starts_with("/t") || tag.starts_with("/p") || tag.starts_with("/h") {
                words.push('\n');
            }
            words.push_str(text);
        }
        words.replace("&amp;", "&")
    }
}
