//! All schedules of small scopes.

use std::time::Instant;

use lazycat_tests::simulation::scopes::{self, Scope};

/// How many schedules of a scope are run at most.
const MOST: usize = 1_000;

fn converge(scopes: impl Iterator<Item = Scope>) {
    for scope in scopes {
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

#[test]
fn in_whatever_order_the_few_steps_of_a_small_scope_are_done_the_catalog_converges() {
    converge(scopes::all().into_iter().filter(|scope| scope.troubles == 0));
}

#[test]
fn whatever_goes_wrong_at_whatever_step_of_a_small_scope_the_catalog_converges() {
    converge(scopes::all().into_iter().filter(|scope| scope.troubles > 0));
}
