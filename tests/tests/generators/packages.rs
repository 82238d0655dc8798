//! Packages of stactools: what is run, and what becomes of those that do not behave. A program in place of `uvx` plays
//! the bad ones; `amazonia` is a real package.

use std::fs;
use std::path::Path;
use std::process::Command;

use lazycat::generator::made::Made;
use lazycat::generator::ports::GeneratorError;
use lazycat::generator::request::Setting;
use lazycat::process::Generators;
use lazycat_fixtures::{Date, SceneSpec};
use serde_json::{Value, json};

use crate::world::{ask, fixture, generators, package_job, wait_until_gone};

const PACKAGE: &str = "stactools-amazonia-1";

fn pretending(time_out: u64, limits: Value) -> Generators {
    generators(json!({
        "stactools": {"packages": ["stactools-a==1.0"], "uvx": fixture("uvx.py"), "time_out": time_out, "cache": "/tmp"},
        "limits": limits,
    }))
}

fn refusal(group: &str) -> GeneratorError {
    let generators = pretending(60, json!({}));
    ask(&generators, package_job("stactools-a", group, &[], &[])).unwrap_err()
}

#[test]
fn a_package_is_run_pinned_without_input_and_without_our_environment() {
    let values = Setting::Values(vec!["--x".to_owned(), "y z".to_owned()]);
    let job = package_job("Stactools_A", "tell", &["--version", "-50"], &[("b", values), ("f", Setting::Flag)]);
    let item = ask(&pretending(60, json!({})), job).unwrap();
    let arguments: Vec<&str> =
        item["properties"]["arguments"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    assert_eq!(
        arguments,
        [
            "--quiet",
            "--from",
            "stactools==0.5.3",
            "--with",
            "stactools-a==1.0",
            "--with",
            "requests==2.32.5",
            "stac",
            "tell",
            "create-item",
            "--b=--x",
            "--b=y z",
            "--f",
            "--",
            "--version",
            "-50",
        ]
    );
    assert_eq!(item["properties"]["input"], "");
    let names = item["properties"]["names"].as_array().unwrap();
    assert!(names.contains(&json!("UV_CACHE_DIR")) && names.contains(&json!("UV_PYTHON_DOWNLOADS")));
    assert!(!names.iter().any(|name| name.as_str().unwrap().starts_with("CARGO")), "{names:?}");
}

#[test]
fn a_package_that_gives_no_item_is_told_with_what_it_said() {
    for (group, permanent, reason, says) in [
        (
            "nothing",
            true,
            "no-item",
            "there is no file at the destination it was given; its stderr ends: nothing to do",
        ),
        ("link", true, "no-item", "its destination cannot be read"),
        ("long", true, "too-long", "longer than 16777216 bytes"),
        ("usage", true, "arguments", "its command line is wrong; its stderr ends: Usage: stac usage"),
        ("absent", true, "package", "the package cannot be installed; its stderr ends: error: No solution"),
        ("fails", false, "failed", "exit code 1; its stderr ends: Traceback: the archive does not answer"),
    ] {
        let error = refusal(group);
        assert_eq!((error.permanent, error.reason.as_str()), (permanent, reason), "{group}: {error}");
        assert!(error.detail.contains(says), "{group}: {error}");
    }
    let error = ask(&pretending(60, json!({})), package_job("stactools-b", "a", &[], &[])).unwrap_err();
    assert!(error.permanent && error.reason == "not-allowed", "{error}");
}

#[test]
fn a_package_that_hangs_is_ended() {
    let error = ask(&pretending(2, json!({})), package_job("stactools-a", "hang", &[], &[])).unwrap_err();
    assert_eq!((error.permanent, error.reason.as_str()), (false, "time-out"));
    assert!(error.detail.starts_with("it gave no item within 2 s, and was ended"), "{error}");
}

#[test]
fn what_a_package_prints_is_nobodys() {
    ask(&pretending(60, json!({})), package_job("stactools-a", "prints", &[], &[])).unwrap();
}

#[test]
fn a_package_that_fills_the_disk_is_ended() {
    let error =
        ask(&pretending(120, json!({"folder_mib": 8})), package_job("stactools-a", "fills", &[], &[])).unwrap_err();
    assert!(error.permanent && error.reason == "disk", "{error}");
}

#[test]
fn what_a_package_leaves_running_is_ended_also_when_it_gave_an_item() {
    let folder = tempfile::tempdir().unwrap();
    let note = folder.path().join("pids");
    let job = package_job("stactools-a", "forks", &[note.to_str().unwrap()], &[]);
    ask(&pretending(60, json!({})), job).unwrap();
    let pids = fs::read_to_string(note).unwrap();
    assert_eq!(pids.lines().count(), 2);
    pids.lines().for_each(wait_until_gone);
}

/// A real package, installed by `tests/generators/setup.sh`, without the network.
fn amazonia() -> Generators {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    let set_up = Command::new("bash").arg(root.join("tests/generators/setup.sh")).output().unwrap();
    assert!(set_up.status.success(), "tests/generators/setup.sh: {}", String::from_utf8_lossy(&set_up.stderr));
    let tools = root.join("target/generators");
    generators(json!({
        "stactools": {
            "packages": [format!("{PACKAGE}==0.1.3")], "uvx": tools.join("venv/bin/uvx"), "cache": tools.join("cache"),
            "offline": true,
        },
    }))
}

#[test]
fn a_real_package_makes_an_item_of_a_scene() {
    let folder = tempfile::tempdir().unwrap();
    let scene = SceneSpec::amazonia1_wfi(33, 17, Date::new(2021, 5, 2));
    let file = folder.path().join(scene.file_name());
    fs::write(&file, scene.xml()).unwrap();
    let generators = amazonia();
    let job = package_job(PACKAGE, "amazonia1", &[file.to_str().unwrap()], &[]);
    let item = ask(&generators, job).unwrap();
    assert_eq!(item["id"], scene.id());
    let made = Made::new(&item.to_string(), Some("AMAZONIA1-WFI")).unwrap();
    assert_eq!((made.id(), made.collection()), (scene.id().as_str(), "AMAZONIA1-WFI"));
    // What the package does not know, it says itself.
    let error = ask(&generators, package_job(PACKAGE, "amazonia1", &["--help"], &[])).unwrap_err();
    assert!(error.reason == "failed" && error.detail.contains("--help"), "{error}");
    let error = ask(&generators, package_job(PACKAGE, "amazonia2", &["x"], &[])).unwrap_err();
    assert!(error.reason == "arguments" && error.detail.contains("No such command 'amazonia2'"), "{error}");
}
