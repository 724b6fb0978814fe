//! Which format and which encoding a client prefers, RFC 9110 section 12.5.

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, ACCEPT_ENCODING, HeaderName};

/// A text format of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus text format 0.0.4.
    Text,
}

impl Format {
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// The format that the client likes best. As Prometheus's own libraries do it, whoever asks for
    /// nothing that there is gets the older format instead of an error, and so does a browser.
    pub(crate) fn preferred(headers: &HeaderMap) -> Self {
        let mut best = (0, Self::Text);
        for item in items(headers, &ACCEPT) {
            let version = item.parameter("version");
            let format = match item.name.as_str() {
                "application/openmetrics-text" if matches!(version, None | Some("1.0.0")) => {
                    Self::OpenMetrics
                }
                "text/plain" if matches!(version, None | Some("0.0.4")) => Self::Text,
                "*/*" | "text/*" => Self::Text,
                _ => continue,
            };
            // Of equals, the first that is named.
            if item.weight > best.0 {
                best = (item.weight, format);
            }
        }
        best.1
    }
}

/// True where the client takes a body that is compressed by gzip.
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    let mut any = 0;
    for item in items(headers, &ACCEPT_ENCODING) {
        match item.name.as_str() {
            "gzip" | "x-gzip" => return item.weight > 0,
            "*" => any = item.weight,
            _ => {}
        }
    }
    any > 0
}

/// One choice of a list: `text/plain;version=0.0.4;q=0.5`.
struct Item<'a> {
    /// In lower case.
    name: String,
    parameters: &'a str,
    /// Thousandths; what is not a weight counts as none given.
    weight: u16,
}

impl<'a> Item<'a> {
    fn parse(text: &'a str) -> Self {
        let (name, parameters) = text.split_once(';').unwrap_or((text, ""));
        let mut item = Self {
            name: name.trim().to_ascii_lowercase(),
            parameters,
            weight: 1000,
        };
        if let Some(weight) = item.parameter("q").and_then(thousandths) {
            item.weight = weight;
        }
        item
    }

    fn parameter(&self, name: &str) -> Option<&'a str> {
        let mut pairs = self.parameters.split(';').filter_map(|p| p.split_once('='));
        let (_, value) = pairs.find(|(found, _)| found.trim().eq_ignore_ascii_case(name))?;
        Some(value.trim().trim_matches('"'))
    }
}

fn items<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = Item<'a>> {
    let values = headers.get_all(name).into_iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(Item::parse)
}

fn thousandths(weight: &str) -> Option<u16> {
    let weight: f32 = weight.parse().ok()?;
    let is_weight = (0.0..=1.0).contains(&weight);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 1000"
    )]
    is_weight.then_some((weight * 1000.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &HeaderName, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.append(name, value.parse().unwrap());
        headers
    }

    fn format(accept: &str) -> Format {
        Format::preferred(&headers(&ACCEPT, accept))
    }

    #[test]
    fn scrapers_get_what_they_prefer() {
        for (accept, expected) in [
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Format::OpenMetrics,
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                Format::OpenMetrics,
            ),
            // Prometheus 2.5 to 2.22 know an OpenMetrics that there is not here.
            (
                "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Format::Text,
            ),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Format::Text),
            ("*/*", Format::Text),
            ("", Format::Text),
            ("image/png", Format::Text),
            ("Application/OpenMetrics-Text", Format::OpenMetrics),
            (
                "text/plain;q=0.3, application/openmetrics-text; q=0.9",
                Format::OpenMetrics,
            ),
            (
                "text/plain;q=0.9, application/openmetrics-text; q=0.3",
                Format::Text,
            ),
            ("application/openmetrics-text;q=0", Format::Text),
            ("text/plain, application/openmetrics-text", Format::Text),
            (
                "application/openmetrics-text;q=nonsense",
                Format::OpenMetrics,
            ),
        ] {
            assert_eq!(format(accept), expected, "{accept}");
        }
        assert_eq!(Format::preferred(&HeaderMap::new()), Format::Text);
    }

    #[test]
    fn gzip_is_for_those_who_take_it() {
        for (accept, expected) in [
            ("gzip", true),
            ("gzip, deflate, br", true),
            ("GZIP;q=0.5", true),
            ("*", true),
            ("identity, gzip;q=0", false),
            ("gzip;q=0, *", false),
            ("deflate", false),
            ("", false),
        ] {
            assert_eq!(
                takes_gzip(&headers(&ACCEPT_ENCODING, accept)),
                expected,
                "{accept}"
            );
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
