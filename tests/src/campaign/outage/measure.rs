//! Figures: the daemon's memory, shares of a list, calls in any second. Neighbour: `mod`, which
//! holds them against what is promised.

use std::time::Duration;

/// A process's resident memory, KiB.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// Now.
    pub resident: u64,
    /// The most it ever was.
    pub peak: u64,
}

impl Memory {
    /// As the kernel tells it; zeros where there is no such process.
    #[must_use]
    pub fn of(pid: u32) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let of = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            number.unwrap_or_default()
        };
        Self {
            resident: of("VmRSS:"),
            peak: of("VmHWM:"),
        }
    }
}

/// Processor time a process has used, s.
#[must_use]
pub fn processor_seconds(pid: u32) -> f64 {
    /// The kernel counts in hundredths of a second on every Linux we know of.
    const TICKS: f64 = 100.0;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields = after.split_whitespace().skip(11).take(2);
    fields.filter_map(|f| f.parse::<f64>().ok()).sum::<f64>() / TICKS
}

/// The value that `share` of all are not above; 0 of none.
#[must_use]
pub fn quantile(values: &[i64], share: f64) -> i64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a list of some thousands"
    )]
    let at = ((sorted.len() as f64 * share).ceil() as usize).saturating_sub(1);
    sorted.get(at).copied().unwrap_or_default()
}

/// The most calls that came within any stretch of this length. `calls` is in order, ms.
#[must_use]
pub fn most_within(calls: &[i64], stretch: Duration) -> usize {
    let stretch = i64::try_from(stretch.as_millis()).unwrap_or(i64::MAX);
    let mut first = 0;
    let mut most = 0;
    for (last, at) in calls.iter().enumerate() {
        while calls.get(first).is_some_and(|begun| at - begun >= stretch) {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_within_a_second_is_of_any_second_and_not_of_whole_ones() {
        let calls = [0, 900, 950, 1_000, 1_100, 1_899, 1_900];
        assert_eq!(most_within(&calls, Duration::from_secs(1)), 5);
        assert_eq!(most_within(&[], Duration::from_secs(1)), 0);
    }

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let values: Vec<i64> = (1..=200).rev().collect();
        assert_eq!(quantile(&values, 0.99), 198);
        assert_eq!(quantile(&values, 0.5), 100);
        assert_eq!(quantile(&[], 0.99), 0);
    }
}
