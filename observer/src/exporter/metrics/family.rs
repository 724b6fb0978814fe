//! A metric family: its name, type, labels and help, and how its samples come from [`Values`].
//!
//! Exposition and reference are both made of these, so that neither can have what the other has not.

use std::borrow::Cow;
use std::fmt;

use prometheus_client::encoding::{
    CounterValueEncoder, DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue,
    GaugeValueEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::Values;
use crate::text::visible::visible;

/// Meaning of a value over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MetricKind {
    /// Only rises while the agent runs.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// One metric family.
#[derive(Debug)]
pub(super) struct Family {
    /// Name without unit and without the `_total` of a counter.
    pub(super) base: &'static str,
    pub(super) unit: Option<Unit>,
    pub(super) kind: MetricKind,
    /// One line; without backslashes and quotes, which the two formats escape differently.
    pub(super) help: &'static str,
    /// Names, and for people which values they take.
    pub(super) labels: &'static [(&'static str, &'static str)],
    /// Appends the samples; none where nothing is known.
    pub(super) samples: for<'v> fn(&'v Values, &mut Samples<'v>),
}

impl Family {
    /// The name that its samples have, in both formats.
    pub(super) fn sample_name(&self) -> String {
        let mut name = self.base.to_owned();
        if let Some(unit) = &self.unit {
            name.push('_');
            name.push_str(unit.as_str());
        }
        name.push_str(match self.kind {
            MetricKind::Counter => "_total",
            MetricKind::Gauge => "",
        });
        name
    }

    pub(super) fn encode(
        &self,
        values: &Values,
        encoder: &mut DescriptorEncoder<'_>,
    ) -> fmt::Result {
        let mut samples = Samples::default();
        (self.samples)(values, &mut samples);
        if samples.0.is_empty() {
            return Ok(());
        }
        let kind = match self.kind {
            MetricKind::Counter => MetricType::Counter,
            MetricKind::Gauge => MetricType::Gauge,
        };
        let mut metric =
            encoder.encode_descriptor(self.base, self.help, self.unit.as_ref(), kind)?;
        for Sample { labels, value } in &samples.0 {
            match self.kind {
                MetricKind::Counter if labels.is_empty() => {
                    metric.encode_counter::<NoLabelSet, _, f64>(value, None)?;
                }
                MetricKind::Counter => metric
                    .encode_family(labels)?
                    .encode_counter::<NoLabelSet, _, f64>(value, None)?,
                MetricKind::Gauge if labels.is_empty() => metric.encode_gauge(value)?,
                MetricKind::Gauge => metric.encode_family(labels)?.encode_gauge(value)?,
            }
        }
        Ok(())
    }
}

/// The samples of one family.
#[derive(Debug, Default)]
pub(super) struct Samples<'v>(Vec<Sample<'v>>);

#[derive(Debug)]
struct Sample<'v> {
    labels: Vec<(&'static str, Cow<'v, str>)>,
    value: Number,
}

impl<'v> Samples<'v> {
    /// Appends a sample. Label values may be foreign: what is hostile to look at is spelled out
    /// here, what is special to the format is escaped by the encoder.
    pub(super) fn push<const N: usize>(
        &mut self,
        labels: [(&'static str, &'v str); N],
        value: impl Into<Number>,
    ) {
        let labels = labels.map(|(name, value)| (name, visible(value)));
        self.0.push(Sample {
            labels: labels.into(),
            value: value.into(),
        });
    }

    /// The names of each sample's labels.
    #[cfg(test)]
    pub(super) fn labels(&self) -> impl Iterator<Item = Vec<&'static str>> {
        let names = |sample: &Sample<'_>| sample.labels.iter().map(|(name, _)| *name).collect();
        self.0.iter().map(names)
    }
}

/// A sample's value: counts stay whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Whole(u64),
    Real(f64),
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<bool> for Number {
    fn from(value: bool) -> Self {
        Self::Whole(value.into())
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl EncodeCounterValue for Number {
    fn encode(&self, encoder: &mut CounterValueEncoder<'_>) -> fmt::Result {
        match self {
            Self::Whole(value) => EncodeCounterValue::encode(value, encoder),
            Self::Real(value) => EncodeCounterValue::encode(value, encoder),
        }
    }
}

impl EncodeGaugeValue for Number {
    fn encode(&self, encoder: &mut GaugeValueEncoder<'_>) -> fmt::Result {
        match self {
            Self::Whole(value) => EncodeGaugeValue::encode(value, encoder),
            Self::Real(value) => EncodeGaugeValue::encode(value, encoder),
        }
    }
}
