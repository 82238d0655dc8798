//! Programs that speak the protocol, and programs that do not.

use std::fs;
use std::path::Path;

use futures::executor::block_on;
use lazycat::generator::ports::{Job, RunGenerators as _};
use serde_json::{Value, json};

use crate::world::{PATIENCE, ask, configured, fixture, generators, job, misbehaving, refusal, wait_until_gone};

fn none() -> Value {
    json!({})
}

#[test]
fn a_program_answers_many_requests_and_is_started_once() {
    let generators = misbehaving(60, none());
    let pid = |at: usize| ask(&generators, job(&format!("r{at}"), "bad", json!({"do": "pid"}))).unwrap()["id"].clone();
    let first = pid(0);
    assert!((1..20).all(|at| pid(at) == first));
    let number = first.as_str().unwrap().strip_prefix("pid-").unwrap().to_owned();
    drop(generators);
    wait_until_gone(&number);
}

#[test]
fn answers_come_in_any_order() {
    let generators = misbehaving(60, none());
    let jobs = ["a", "b"].map(|id| job(id, "bad", json!({"do": "late"})));
    let given = block_on(generators.run(&jobs));
    let ids: Vec<Value> =
        given.into_iter().map(|text| serde_json::from_str::<Value>(&text.unwrap()).unwrap()["id"].clone()).collect();
    assert_eq!(ids, ["late-a", "late-b"]);
}

#[test]
fn an_error_of_the_generator_is_passed_on_and_says_whether_it_may_pass() {
    let generators = misbehaving(60, none());
    for retry in [true, false] {
        let error = refusal(&generators, json!({"do": "error", "retry": retry}));
        assert_eq!((error.permanent, error.reason.as_str()), (!retry, "not-found"));
        assert_eq!(error.detail, "there is no such scene");
    }
}

#[test]
fn a_program_that_hangs_is_ended_and_started_again_for_the_next_request() {
    let folder = tempfile::tempdir().unwrap();
    let first = folder.path().join("first");
    // It hangs when it is started for the first time, and is the shell of the examples then.
    let script = "test -e \"$0\" && exec \"$1\"; : > \"$0\"; echo waiting for an archive >&2; exec sleep 600";
    let command = json!(["sh", "-c", script, first, fixture("point.sh")]);
    let generators = generators(json!({"generators": {"bad": {"command": command, "time_out": 5}}}));
    let error = refusal(&generators, none());
    assert_eq!((error.permanent, error.reason.as_str()), (false, "time-out"));
    assert_eq!(error.detail, "it gave no answer within 5 s, and was ended; its stderr ends: waiting for an archive");
    ask(&generators, job("2", "bad", none())).unwrap();
}

#[test]
fn a_program_that_ends_tells_how_and_what_it_said_last() {
    let generators = misbehaving(60, none());
    for (what, reason, says) in [
        (json!({"do": "exit", "code": 3}), "failed", "exit code 3; its stderr ends: Traceback: no such band"),
        (json!({"do": "exit", "code": 0}), "failed", "exit code 0 and without an answer; its stderr ends: Traceback"),
        (json!({"do": "signal"}), "killed", "ended by signal 11 (as some programs do"),
        (json!({"do": "close"}), "failed", "it closed its output"),
    ] {
        let error = refusal(&generators, what);
        assert!(!error.permanent && error.reason == reason && error.detail.contains(says), "{error}");
        ask(&generators, job("2", "bad", json!({"do": "good"}))).unwrap();
    }
}

#[test]
fn what_is_no_answer_ends_the_program() {
    let generators = misbehaving(60, none());
    for (what, says) in [
        ("garbage", "it printed what is no answer: \"loading model...\""),
        ("other-id", "it answered the request \"ffffffffffffffff\", which it was not asked"),
        ("long-line", "a line of more than 16777216 bytes"),
    ] {
        let error = refusal(&generators, json!({"do": what}));
        assert!(error.permanent && error.reason == "garbage" && error.detail.contains(says), "{error}");
    }
    // The first of its answers counts, the second ends it, and the next request has nothing to do with that.
    for round in 0..10 {
        ask(&generators, job(&format!("{round}-1"), "bad", json!({"do": "twice"}))).unwrap();
        ask(&generators, job(&format!("{round}-2"), "bad", json!({"do": "good"}))).unwrap();
    }
}

#[test]
fn one_bad_request_does_not_sink_those_that_are_worked_on_beside_it() {
    let generators = misbehaving(60, none());
    let whats =
        [json!({"do": "good"}), json!({"do": "exit", "code": 1}), json!({"do": "good"}), json!({"do": "garbage"})];
    for round in 0..5 {
        let jobs: Vec<Job> =
            whats.iter().enumerate().map(|(at, what)| job(&format!("{round}-{at}"), "bad", what.clone())).collect();
        let given = block_on(generators.run(&jobs));
        let told: Vec<Result<(), String>> =
            given.into_iter().map(|given| given.map(drop).map_err(|error| error.reason)).collect();
        assert_eq!(told, [Ok(()), Err("failed".to_owned()), Ok(()), Err("garbage".to_owned())], "round {round}");
    }
}

#[test]
fn whatever_a_program_has_started_ends_with_it_also_outside_its_group() {
    let folder = tempfile::tempdir().unwrap();
    let note = folder.path().join("pids");
    let error = refusal(&misbehaving(60, none()), json!({"do": "fork", "note": note}));
    assert!(error.detail.contains("exit code 7"), "{error}");
    let pids = fs::read_to_string(note).unwrap();
    assert_eq!(pids.lines().count(), 2);
    pids.lines().for_each(wait_until_gone);
}

#[test]
fn a_program_that_fills_the_disk_is_ended() {
    let error = refusal(&misbehaving(120, json!({"folder_mib": 8})), json!({"do": "fill"}));
    assert!(error.permanent && error.reason == "disk", "{error}");
    assert!(error.detail.starts_with("it wrote more than 8 MiB into its folder"), "{error}");
}

#[test]
fn neither_a_long_file_nor_much_memory_is_had() {
    let generators = misbehaving(120, json!({"file_mib": 16, "memory_mib": 1024}));
    let error = refusal(&generators, json!({"do": "long-file"}));
    assert!(error.detail.contains("File too large"), "{error}");
    let error = refusal(&generators, json!({"do": "memory"}));
    assert!(error.detail.contains("MemoryError"), "{error}");
}

#[test]
fn a_program_gets_no_environment_but_its_own_and_its_folder_is_gone_after_it() {
    let script = "while read -r line; do id=${line#'{\"protocol\":1,\"id\":\"'}; id=${id%%'\"'*}; \
        names=$(env | sed 's/=.*//' | sort | tr '\\n' ' '); printf '{\"protocol\":1,\"id\":\"%s\",\"item\":' \"$id\"; \
        printf '{\"names\":\"%s\",\"temporary\":\"%s\"}}\\n' \"$names\" \"$TMPDIR\"; done";
    let generators = generators(json!({"generators": {"bad": {"command": ["sh", "-c", script]}}}));
    let item = ask(&generators, job("1", "bad", none())).unwrap();
    let names: Vec<&str> = item["names"].as_str().unwrap().split_whitespace().collect();
    let own = ["HOME", "LANG", "LAZYCAT_GENERATOR", "PATH", "TMPDIR"];
    // What a shell adds by itself.
    let shells = ["OLDPWD", "PWD", "SHLVL", "_"];
    assert!(own.iter().all(|name| names.contains(name)), "{names:?}");
    assert!(names.iter().all(|name| own.contains(name) || shells.contains(name)), "{names:?}");
    let folder = item["temporary"].as_str().unwrap();
    assert!(Path::new(folder).is_dir());
    drop(generators);
    assert!(!Path::new(folder).exists());
}

#[test]
fn variables_are_given_to_a_program_by_name() {
    let members = json!({
        "generators": {"bad": {"command": ["python3", fixture("misbehaves.py")]}}, "environment": ["CARGO_PKG_NAME", "NOT_SET"],
    });
    let item = ask(&generators(members), job("1", "bad", json!({"do": "environment"}))).unwrap();
    let names = item["properties"]["names"].as_array().unwrap();
    assert!(names.contains(&json!("CARGO_PKG_NAME")) && !names.contains(&json!("NOT_SET")));
}

#[test]
fn much_on_stderr_is_read_and_little_of_it_kept() {
    let generators = misbehaving(60, none());
    let error = refusal(&generators, json!({"do": "noise", "code": 1}));
    assert!(error.detail.len() < 2_000 && error.detail.contains("a warning that nobody reads"), "{error}");
}

#[test]
fn a_program_that_is_not_there_and_a_name_that_is_not_known_are_told() {
    let generators = generators(json!({"generators": {"gone": {"command": ["/nowhere/generator", "x"]}}}));
    let error = ask(&generators, job("1", "gone", none())).unwrap_err();
    assert!(error.reason == "command" && error.detail.contains("no program \"/nowhere/generator\""), "{error}");
    let error = ask(&generators, job("1", "other", none())).unwrap_err();
    assert!(error.permanent && error.reason == "unknown-generator", "{error}");
    assert_eq!(error.detail, "there is no generator \"other\"; these are: gone");
    let error = ask(&generators, crate::world::package_job("stactools-a", "a", &[], &[])).unwrap_err();
    assert!(error.permanent && error.reason == "not-allowed", "{error}");
}

#[test]
fn a_request_for_which_there_is_no_time_is_not_started() {
    let members = json!({"generators": {"bad": {"command": ["python3", fixture("misbehaves.py")]}}, "at_once": 1});
    let none_left = std::time::Duration::ZERO;
    let generators = lazycat::process::Generators::new(&configured(members), none_left).unwrap();
    let error = refusal(&generators, json!({"do": "good"}));
    assert!(!error.permanent && error.reason == "busy", "{error}");
    assert!(PATIENCE > none_left);
}

#[test]
fn ending_the_generators_ends_what_they_work_on() {
    let generators = misbehaving(600, none());
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| refusal(&generators, json!({"do": "hang"})));
        // The program is asked before it is ended, or it is not started at all: both are told the same way.
        generators.end();
        let error = asking.join().unwrap();
        assert!(!error.permanent && error.reason == "ended", "{error}");
    });
}
