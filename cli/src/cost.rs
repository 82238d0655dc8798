//! `lazycat cost`: what a catalog on AWS asks for, what that costs, and which limits it meets.

use std::io::{self, Write as _};
use std::process::ExitCode;

use indicatif::{HumanCount, HumanDuration};
use lazycat::cost::{AS_OF, Bill, FIXED, Limit, REGION, Requests, Standing, Work, Workload, limits};
use serde::Serialize;

use crate::target::unprinted;

/// Estimate what a catalog on AWS costs: requests and US dollars a month, and for a reprocess of everything.
///
/// Lazily, as lazycat does it, beside eagerly: the same with each item's row rebuilt at once. Prices are list prices
/// without the free tier, and at the dearest: each message comes alone, but in a reprocess, where ten come together. What
/// readers of the catalog cause, storage, logs and transfer are not in it.
///
/// Exit code 0: it is printed. 1: it cannot be. 2: wrong usage.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lazycat cost --scenes-per-day 600 --scenes 1000000
  lazycat cost --scenes-per-day 600 --scenes 1000000 --tick 15 --json | jq .month.lazy.bill.dollars")]
pub(crate) struct Args {
    /// New scenes a day.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    scenes_per_day: u64,

    /// Scenes in the catalog: those of a reprocess.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000_000))]
    scenes: u64,

    /// Minutes between two ticks of the mover: the stack's parameter Schedule.
    #[arg(long, value_name = "MINUTES", default_value_t = 1.0, value_parser = minutes)]
    tick: f64,

    /// How many of the catalog's scenes a row has, on average.
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    scenes_per_row: u64,

    /// How many batches are worked on at once: the stack's parameter Concurrency.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(2..=1_000))]
    concurrency: u64,

    /// Print it as JSON.
    #[arg(long)]
    json: bool,
}

/// Prints the estimate.
pub(crate) fn execute(args: &Args) -> ExitCode {
    let estimate = Estimate::of(Workload {
        scenes_per_day: args.scenes_per_day,
        scenes: args.scenes,
        scenes_per_row: args.scenes_per_row,
        tick: args.tick,
        concurrency: args.concurrency,
    });
    match print(&estimate, args.json).map_err(unprinted) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("lazycat cost: {message}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Serialize)]
struct Estimate {
    workload: Workload,
    region: &'static str,
    as_of: &'static str,
    month: Both,
    /// In every month, whatever comes; the lazy one has it all, an eager one would poll one queue in place of two.
    standing: &'static [Standing],
    reprocess: Both,
    reprocess_seconds: f64,
    limits: Vec<Limit>,
}

#[derive(Serialize)]
struct Both {
    lazy: Priced,
    eager: Priced,
}

#[derive(Serialize)]
struct Priced {
    work: Work,
    requests: Requests,
    bill: Bill,
}

impl Estimate {
    fn of(workload: Workload) -> Self {
        let both = |lazy: Work, eager: Work| Both { lazy: Priced::of(lazy), eager: Priced::of(eager) };
        Self {
            workload,
            region: REGION,
            as_of: AS_OF,
            month: both(workload.month(), workload.eager_month()),
            standing: &FIXED,
            reprocess: both(workload.reprocess(), workload.eager_reprocess()),
            reprocess_seconds: workload.reprocess_seconds(),
            limits: limits(&workload),
        }
    }
}

impl Priced {
    fn of(work: Work) -> Self {
        let requests = work.requests();
        Self { work, requests, bill: requests.bill() }
    }
}

fn print(estimate: &Estimate, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer(&mut out, estimate)?;
        return writeln!(out);
    }
    show(&mut out, estimate)
}

fn show(out: &mut impl io::Write, estimate: &Estimate) -> io::Result<()> {
    let Workload { scenes_per_day, scenes, tick, .. } = estimate.workload;
    let rows = HumanCount(estimate.workload.rows() as u64);
    writeln!(
        out,
        "{} new scenes a day, {} in {rows} rows, a tick every {tick} min; list prices of {}, {}, in US dollars\n",
        HumanCount(scenes_per_day),
        HumanCount(scenes),
        estimate.region,
        estimate.as_of,
    )?;
    let [month, reprocess] = [&estimate.month, &estimate.reprocess];
    writeln!(out, "{:40}{:>22}{:>22}", "", "A MONTH", "A REPROCESS")?;
    writeln!(out, "{:28}{:>12}{:>12}{:>10}{:>12}{:>10}", "", "", "lazy", "eager", "lazy", "eager")?;
    let rebuilds = |priced: &Priced| count(priced.work.rebuilds);
    let columns = |name: &str, [a, b, c, d]: [String; 4]| format!("{name:40}{a:>12}{b:>10}{c:>12}{d:>10}");
    let four = [&month.lazy, &month.eager, &reprocess.lazy, &reprocess.eager];
    writeln!(out, "{}", columns("levels rebuilt", four.map(rebuilds)))?;
    for (at, line) in month.lazy.bill.lines.iter().enumerate() {
        let name = format!("{} {}", line.service, line.what);
        writeln!(out, "{}", columns(&name, four.map(|priced| count(priced.bill.lines[at].count))))?;
    }
    writeln!(out, "{}", columns("dollars for these", four.map(|priced| dollars(priced.bill.dollars))))?;
    let standing: f64 = estimate.standing.iter().map(|standing| standing.dollars).sum();
    for each in estimate.standing {
        let name = format!("{} {}", each.service, each.what);
        writeln!(out, "{name:48}{:>8}", dollars(each.dollars))?;
    }
    writeln!(out, "{:48}{:>8}", "dollars a month", dollars(month.lazy.bill.dollars + standing))?;
    writeln!(out, "\n{:>10}{:>16}  LIMIT", "SCENES/S", "SCENES/DAY")?;
    for limit in &estimate.limits {
        let [second, day] = [limit.scenes_a_second, limit.scenes_a_second * 86_400.0].map(count);
        writeln!(out, "{second:>10}{day:>16}  {}: {}\n{:28}{}", limit.service, limit.what, "", limit.remedy)?;
    }
    let takes = HumanDuration(std::time::Duration::from_secs_f64(estimate.reprocess_seconds));
    writeln!(out, "so that a reprocess takes {takes} at least")
}

fn count(count: f64) -> String {
    HumanCount(count.round() as u64).to_string()
}

fn dollars(dollars: f64) -> String {
    format!("{dollars:.2}")
}

fn minutes(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(minutes) if (1.0..=1_440.0).contains(&minutes) => Ok(minutes),
        _ => Err("expected a number of minutes from 1 to 1440".to_owned()),
    }
}
