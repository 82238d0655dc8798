//! Promises about how far long jobs have come.

use lazycat::ports::{KeepCheckpoints, PortError, PortResult};

use super::done;

#[track_caller]
fn changed(result: PortResult<()>) {
    assert!(matches!(result, Err(PortError::Precondition { .. })), "{result:?}");
}

/// Whatever characters it holds, and as long as a job's gets.
pub async fn a_checkpoint_is_read_as_it_was_kept<C: KeepCheckpoints>(checkpoints: &C) {
    assert_eq!(done(checkpoints.checkpoint("job").await), None);
    let long = format!("{{\"after\": \"é\\n{}\"}}", "x".repeat(4_000));
    done(checkpoints.keep("job", &long, None).await);
    assert_eq!(done(checkpoints.checkpoint("job").await), Some(long));
}

/// Names are all that tells them apart.
pub async fn checkpoints_of_different_names_are_apart<C: KeepCheckpoints>(checkpoints: &C) {
    done(checkpoints.keep("job", "1", None).await);
    done(checkpoints.keep("Job", "2", None).await);
    done(checkpoints.keep("job-2", "3", None).await);
    done(checkpoints.forget("Job", "2").await);
    assert_eq!(done(checkpoints.checkpoint("job").await).as_deref(), Some("1"));
    assert_eq!(done(checkpoints.checkpoint("Job").await), None);
    assert_eq!(done(checkpoints.checkpoint("job-2").await).as_deref(), Some("3"));
    // Those of items are as long as two names of files.
    let long = format!("filed/{}/{}", "%C3%A9".repeat(40), "x".repeat(250));
    for name in ["filed/a%20b/c", "filed/a b/c", "filed/a/b/c", "filed//c", &long] {
        done(checkpoints.keep(name, name, None).await);
    }
    for name in ["filed/a%20b/c", "filed/a b/c", "filed/a/b/c", "filed//c", &long] {
        assert_eq!(done(checkpoints.checkpoint(name).await).as_deref(), Some(name));
    }
}

/// Of two that read the same, one writes.
pub async fn a_checkpoint_is_kept_only_over_what_was_expected<C: KeepCheckpoints>(checkpoints: &C) {
    changed(checkpoints.keep("job", "2", Some("1")).await);
    done(checkpoints.keep("job", "1", None).await);
    changed(checkpoints.keep("job", "2", None).await);
    done(checkpoints.keep("job", "2", Some("1")).await);
    changed(checkpoints.keep("job", "3", Some("1")).await);
    assert_eq!(done(checkpoints.checkpoint("job").await).as_deref(), Some("2"));
}

/// The answer to an earlier attempt may have been lost.
pub async fn a_checkpoint_that_stands_already_counts_as_kept<C: KeepCheckpoints>(checkpoints: &C) {
    done(checkpoints.keep("job", "1", None).await);
    done(checkpoints.keep("job", "1", None).await);
    done(checkpoints.keep("job", "2", Some("1")).await);
    done(checkpoints.keep("job", "2", Some("1")).await);
    assert_eq!(done(checkpoints.checkpoint("job").await).as_deref(), Some("2"));
}

/// Where nothing stands that is done already.
pub async fn a_checkpoint_is_forgotten_only_as_expected<C: KeepCheckpoints>(checkpoints: &C) {
    done(checkpoints.keep("job", "1", None).await);
    changed(checkpoints.forget("job", "0").await);
    assert_eq!(done(checkpoints.checkpoint("job").await).as_deref(), Some("1"));
    done(checkpoints.forget("job", "1").await);
    done(checkpoints.forget("job", "1").await);
    assert_eq!(done(checkpoints.checkpoint("job").await), None);
    done(checkpoints.keep("job", "1", None).await);
}
