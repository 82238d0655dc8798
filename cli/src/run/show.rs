//! What a person sees of a run: a bar on a terminal, lines elsewhere, and the summary.

use std::io::{self, Write as _};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressStyle};
use lazycat::embedded::progress::{News, Progress, StaleLevel, Summary};
use lazycat::generate::Refusal;

/// How often a bar is drawn anew.
const BAR_EVERY: Duration = Duration::from_millis(100);

/// How often a line is printed where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// How many refused scenes a summary names.
const REFUSALS_SHOWN: usize = 50;

/// Shows the progress of a run while it lasts.
pub(crate) struct Shown<'a> {
    progress: &'a Progress,
    watch: bool,
    terminal: bool,
    /// What is counted: `scenes`.
    what: &'static str,
}

impl<'a> Shown<'a> {
    pub(crate) fn start(progress: &'a Progress, watch: bool, terminal: bool) -> Self {
        Self { progress, watch, terminal, what: "scenes" }
    }

    /// Calls what is counted so.
    pub(crate) fn of(self, what: &'static str) -> Self {
        Self { what, ..self }
    }

    /// Runs `work`, showing its progress meanwhile.
    pub(crate) fn during<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let (done, waiting) = mpsc::channel::<()>();
        thread::scope(|scope| {
            scope.spawn(move || {
                let ended = |for_at_most| waiting.recv_timeout(for_at_most) != Err(RecvTimeoutError::Timeout);
                if self.terminal { self.bar(ended) } else { self.lines(ended) }
            });
            let result = work();
            drop(done);
            result
        })
    }

    fn bar(&self, ended: impl Fn(Duration) -> bool) {
        let bar = ProgressBar::new_spinner();
        let counted = format!("{{bar:32}} {{human_pos}}/{{human_len}} {}  {{per_sec}}  {{eta}} left{{msg}}", self.what);
        let counting = format!("{{spinner}} {{human_pos}} {}  {{per_sec}}{{msg}}", self.what);
        let style =
            |template: &str| ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style(&counting));
        let mut is_counted = false;
        while !ended(BAR_EVERY) {
            let (expected, is_final) = self.progress.expected();
            let done = self.progress.scenes_done();
            if is_final && !is_counted && !self.watch {
                bar.set_style(style(&counted));
                is_counted = true;
            }
            bar.set_length(expected.max(done));
            bar.set_position(done);
            bar.set_message(self.aside());
            if self.watch {
                self.progress.news().iter().for_each(|news| bar.println(told_news(news)));
            }
        }
        bar.finish_and_clear();
    }

    /// What is told beside the scenes.
    fn aside(&self) -> String {
        let mut aside = format!("  {} levels rebuilt", HumanCount(self.progress.levels_rebuilt()));
        let refused = self.progress.scenes_refused();
        if refused > 0 {
            aside.push_str(&format!(", {} refused", HumanCount(refused)));
        }
        let stale = self.progress.levels_stale();
        if stale > 0 {
            aside.push_str(&format!(", {} levels not rebuilt", HumanCount(stale)));
        }
        aside
    }

    fn lines(&self, ended: impl Fn(Duration) -> bool) {
        let (mut at, mut before) = (Instant::now(), self.counts());
        loop {
            // A watch tells what it has done soon after.
            let every = if self.watch { Duration::from_millis(200) } else { LINE_EVERY };
            let is_over = ended(every);
            // A watch has no summary to tell them in.
            if self.watch {
                self.progress.news().iter().for_each(|news| eprintln!("{}", told_news(news)));
            }
            let now = self.counts();
            if now != before {
                let (expected, is_final) = self.progress.expected();
                let rate = (now.0 - before.0) as f64 / at.elapsed().as_secs_f64();
                let mut line = format!("{} {}", HumanCount(now.0), self.what);
                if is_final && !self.watch {
                    line.push_str(&format!(" of {}", HumanCount(expected)));
                }
                line.push_str(&format!(", {rate:.0}/s,{}", self.aside()));
                if is_final && !self.watch && rate > 0.0 && expected > now.0 {
                    let left = Duration::from_secs_f64((expected - now.0) as f64 / rate);
                    line.push_str(&format!(", {} left", HumanDuration(left)));
                }
                eprintln!("{line}");
            }
            if is_over {
                return;
            }
            (at, before) = (Instant::now(), now);
        }
    }

    fn counts(&self) -> (u64, u64) {
        (self.progress.scenes_done(), self.progress.levels_rebuilt())
    }
}

/// Prints the summary of a run on standard output; `what` is what was counted.
pub(crate) fn summary(summary: &Summary, what: &str, catalog: &Path, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer(&mut out, summary)?;
        return writeln!(out);
    }
    let scenes = summary.made + summary.unchanged + summary.refused;
    writeln!(
        out,
        "{} {what} in {:.1} s ({:.0}/s): {} made, {} unchanged, {} refused; {} levels rebuilt",
        HumanCount(scenes),
        summary.seconds,
        scenes as f64 / summary.seconds.max(0.001),
        HumanCount(summary.made),
        HumanCount(summary.unchanged),
        HumanCount(summary.refused),
        HumanCount(summary.rebuilt),
    )?;
    troubles(&mut out, summary)?;
    writeln!(out, "{}", catalog.join("catalog.json").display())
}

/// Prints what went wrong: refused scenes, stale levels, and what was overcome.
pub(crate) fn troubles(out: &mut impl io::Write, summary: &Summary) -> io::Result<()> {
    for refusal in summary.refusals.iter().take(REFUSALS_SHOWN) {
        writeln!(out, "{}", told(refusal))?;
    }
    if summary.refused > REFUSALS_SHOWN as u64 {
        let reasons: Vec<String> =
            summary.reasons.iter().map(|(reason, count)| format!("{reason} {}", HumanCount(*count))).collect();
        writeln!(out, "... all {} by reason: {}", HumanCount(summary.refused), reasons.join(", "))?;
    }
    for level in summary.stale_levels.iter().take(REFUSALS_SHOWN) {
        writeln!(out, "{}", told_stale(level))?;
    }
    if !summary.troubles.is_empty() {
        writeln!(out, "troubles that passed: {}", crate::explain::printable(&summary.troubles.join("; ")))?;
    }
    Ok(())
}

/// What to do about levels that could not be rebuilt.
pub(crate) fn advice(summary: &Summary) -> String {
    let levels: Vec<&str> = summary.stale_levels.iter().take(3).map(|level| level.level.as_str()).collect();
    let more = if summary.stale > levels.len() as u64 { ", ..." } else { "" };
    format!(
        "{} could not be rebuilt and lag behind their items: level {}{more}. Clear what is in their way, as told above, \
         and run again: they are tried first.",
        HumanCount(summary.stale),
        crate::explain::printable(&levels.join(", ")),
    )
}

fn told_news(news: &News) -> String {
    match news {
        News::Refused(refusal) => told(refusal),
        News::Stale(level) => told_stale(level),
    }
}

/// A level that could not be rebuilt, and why, in two lines.
fn told_stale(StaleLevel { level, reason, detail }: &StaleLevel) -> String {
    format!(
        "not rebuilt ({reason}): level {}\n    {}",
        crate::explain::printable(level),
        crate::explain::printable(detail)
    )
}

/// A refused scene, and why, in two lines.
fn told(Refusal { scene, reason, detail }: &Refusal) -> String {
    format!("refused ({reason}): {}\n    {}", crate::explain::printable(scene), crate::explain::printable(detail))
}
