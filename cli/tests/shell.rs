//! The command itself: its version, help, completions and manual pages.
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
