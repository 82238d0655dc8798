//! How much of a processor was used, from /proc.

use std::fs;

/// Ticks in a second.
const TICKS: f64 = 100.0;

/// Seconds of this process so far.
pub(crate) fn of_this() -> f64 {
    of(&fs::read_to_string("/proc/self/stat").unwrap(), false)
}

/// Seconds of the database's server so far: its processes, and those that have ended.
pub(crate) fn of_server() -> f64 {
    let server = std::env::var("LAZYCAT_BENCH_SERVER").unwrap();
    let own = fs::read_to_string(format!("/proc/{server}/stat")).unwrap();
    let children = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        (fields(&stat).get(1) == Some(&server.as_str())).then(|| of(&stat, false))
    });
    of(&own, true) + children.sum::<f64>()
}

/// The fields of a process's stat behind its name.
fn fields(stat: &str) -> Vec<&str> {
    stat.rsplit_once(") ").map(|(_, rest)| rest.split(' ').collect()).unwrap_or_default()
}

fn of(stat: &str, with_children: bool) -> f64 {
    let until = if with_children { 15 } else { 13 };
    fields(stat)[11..until].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / TICKS
}
