//! The command itself: its version, help, completions, manual pages and configuration file; and the commands that change nothing,
//! `cost` and `plot`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::process::{Command, Output};

use lazycat_fixtures::{Date, SceneSpec};
use serde_json::Value;
use tempfile::TempDir;

const SHELLS: [&str; 5] = ["bash", "elvish", "fish", "powershell", "zsh"];

fn lazycat(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lazycat")).args(arguments).output().unwrap()
}

fn printed(arguments: &[&str]) -> String {
    let output = lazycat(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The names of the commands, as the help lists them.
fn commands() -> Vec<String> {
    let help = printed(&["--help"]);
    let (_, listed) = help.split_once("Commands:\n").unwrap();
    let listed = listed.lines().take_while(|line| !line.is_empty());
    let named = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names: Vec<String> = named.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect();
    names.into_iter().filter(|name| name != "help").collect()
}

#[test]
fn the_version_names_that_of_the_items_it_writes() {
    let folder = TempDir::new().unwrap();
    let scene = SceneSpec::cbers4_mux(57, 121, Date::new(2017, 6, 18));
    fs::write(folder.path().join(scene.file_name()), scene.xml()).unwrap();
    let catalog = folder.path().join("catalog");
    printed(&["run", folder.path().to_str().unwrap(), "--catalog", catalog.to_str().unwrap()]);
    let root: Value = serde_json::from_slice(&fs::read(catalog.join("catalog.json")).unwrap()).unwrap();
    let expected = format!("lazycat {} (STAC {})\n", env!("CARGO_PKG_VERSION"), root["stac_version"].as_str().unwrap());
    assert_eq!(printed(&["--version"]), expected);
}

#[test]
fn every_command_says_what_it_does_and_shows_an_example() {
    let commands = commands();
    assert!(["run", "serve", "validate", "withdraw"].iter().all(|known| commands.iter().any(|name| name == known)));
    for command in commands {
        let help = printed(&[&command, "--help"]);
        assert!(help.contains("Example"), "{command}: {help}");
        assert!(help.contains(&format!("  lazycat {command}")), "{command}: {help}");
    }
}

#[test]
fn what_is_not_printed_to_a_terminal_has_no_colours() {
    for arguments in [&["--help"][..], &["run", "--help"], &["run"], &["walk"], &["validate", "/nowhere"]] {
        let output = lazycat(arguments);
        for text in [output.stdout, output.stderr] {
            assert!(!text.contains(&0x1b), "{arguments:?}: {}", String::from_utf8_lossy(&text));
        }
    }
}

#[test]
fn each_shell_is_told_of_each_command() {
    for shell in SHELLS {
        let completions = printed(&["completions", shell]);
        for command in commands() {
            assert!(completions.contains(&command), "{shell}: {command}");
        }
    }
    let output = lazycat(&["completions", "tcsh"]);
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(SHELLS.iter().all(|shell| told.contains(shell)), "{told}");
}

#[test]
fn there_is_a_manual_page_of_each_command() {
    let folder = TempDir::new().unwrap();
    let pages = folder.path().join("man/man1");
    printed(&["man", pages.to_str().unwrap()]);
    let mut names = vec!["lazycat.1".to_owned()];
    names.extend(commands().iter().map(|command| format!("lazycat-{command}.1")));
    for name in names {
        let page = fs::read_to_string(pages.join(&name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(page.contains(".SH NAME") && page.contains(".SH EXTRA"), "{name}: {page}");
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let output = lazycat(&["man", file.join("man1").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.starts_with("lazycat man: ") && told.contains(file.to_str().unwrap()), "{told}");
}

/// A folder with one scene's XML in `scenes`, and this configuration file.
fn configured(text: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    let scene = SceneSpec::cbers4_mux(57, 121, Date::new(2017, 6, 18));
    fs::create_dir(folder.path().join("scenes")).unwrap();
    fs::write(folder.path().join("scenes").join(scene.file_name()), scene.xml()).unwrap();
    fs::write(folder.path().join("lazycat.toml"), text).unwrap();
    folder
}

fn within(folder: &TempDir, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lazycat")).args(arguments).current_dir(folder.path()).output().unwrap()
}

#[test]
fn a_configuration_file_in_the_working_directory_says_what_the_command_line_leaves_out() {
    let folder =
        configured("catalog = \"made\"\n[run]\nsource = \"scenes\"\npublic-url = \"https://example.com/stac\"\n");
    assert!(within(&folder, &["run"]).status.success());
    let root: Value = serde_json::from_slice(&fs::read(folder.path().join("made/catalog.json")).unwrap()).unwrap();
    let links = root["links"].as_array().unwrap();
    assert!(links.iter().any(|link| link["href"] == "https://example.com/stac/catalog.json"), "{links:?}");
    assert!(within(&folder, &["validate"]).status.success());
    assert!(within(&folder, &["run", "--catalog", "other"]).status.success());
    assert!(folder.path().join("other/catalog.json").exists());
}

#[test]
fn a_configuration_file_means_the_same_from_wherever_it_is_named() {
    let folder = configured("catalog = \"made\"\n[run]\nsource = \"scenes\"\n");
    let file = folder.path().join("lazycat.toml");
    let elsewhere = TempDir::new().unwrap();
    assert!(within(&elsewhere, &["run", "--config", file.to_str().unwrap()]).status.success());
    assert!(folder.path().join("made/catalog.json").exists());
}

#[test]
fn a_mistake_in_the_configuration_file_is_told_with_file_and_line_and_nothing_is_done() {
    let folder = configured("catalog = \"made\"\n[run]\nsource = \"scenes\"\ntik = 2\n");
    let output = within(&folder, &["run"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.starts_with("lazycat: lazycat.toml, line 4: unknown field `tik`, expected one of"), "{told}");
    assert!(!folder.path().join("made").exists());
}

#[test]
fn a_configuration_file_that_is_named_must_be_there() {
    let output = within(&TempDir::new().unwrap(), &["status", "--config", "missing.toml"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("the configuration file missing.toml cannot be read"), "{told}");
}

#[test]
fn a_cost_is_told_to_people_and_to_programs_alike() {
    let arguments = ["cost", "--scenes-per-day", "600", "--scenes", "1000000", "--tick", "15"];
    let told: Value = serde_json::from_str(&printed(&[&arguments[..], &["--json"]].concat())).unwrap();
    let month = told["month"]["lazy"]["bill"]["dollars"].as_f64().unwrap();
    let standing: f64 = told["standing"].as_array().unwrap().iter().map(|each| each["dollars"].as_f64().unwrap()).sum();
    let text = printed(&arguments);
    let [these, all] = ["dollars for these", "dollars a month"]
        .map(|name| text.lines().find(|line| line.starts_with(name)).unwrap().split_whitespace().nth(3).unwrap());
    assert_eq!(these, format!("{month:.2}"));
    assert_eq!(all, format!("{:.2}", month + standing));
    let limits = told["limits"].as_array().unwrap();
    let rates: Vec<f64> = limits.iter().map(|limit| limit["scenes_a_second"].as_f64().unwrap()).collect();
    assert!(rates.len() > 3 && rates.is_sorted(), "{rates:?}");
    let seconds = told["reprocess_seconds"].as_f64().unwrap();
    assert!((seconds - 1e6 / rates[0]).abs() < 1.0, "the lowest limit says how long a reprocess takes");
}

#[test]
fn a_plot_is_a_picture_of_the_catalog_and_a_folder_without_one_is_told() {
    let folder = configured("catalog = \"made\"\n[run]\nsource = \"scenes\"\n");
    let refused = within(&folder, &["plot", "--catalog", "scenes", "--out", "scenes.svg"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("scenes holds no catalog"));
    assert!(within(&folder, &["run"]).status.success());
    assert!(within(&folder, &["plot", "--out", "made.svg"]).status.success());
    let picture = fs::read_to_string(folder.path().join("made.svg")).unwrap();
    assert!(picture.starts_with("<svg") && picture.trim_end().ends_with("</svg>"));
    assert!(picture.contains("CBERS4-MUX: 1 scene"));
    assert_eq!(within(&folder, &["plot", "--out", "made.png"]).status.code(), Some(2), "no other kind is made");
}
