//! All schedules of small scopes.

use std::time::Instant;

use lazycat_tests::simulation::scopes;

/// How many schedules of a scope are run at most.
const MOST: usize = 1_000;

#[test]
fn under_all_schedules_of_small_scopes_the_catalog_converges() {
    for scope in scopes::all() {
        let began = Instant::now();
        let exploration = scope.explore(None, MOST, |outcome| !outcome.violations.is_empty());
        if let Some((seed, _)) = exploration.broken {
            panic!("{}", seed.story(None));
        }
        let all = if exploration.complete { "all" } else { "the first" };
        println!(
            "{}: {all} {} schedules with at most {} preemptions and {} troubles, {} steps, {:.1} s",
            scope.name,
            exploration.schedules,
            scope.preemptions,
            scope.troubles,
            exploration.steps,
            began.elapsed().as_secs_f32()
        );
    }
}
