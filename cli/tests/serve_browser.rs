//! `lazycat serve --browser`: a build of STAC Browser beside the catalog.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "serve/server.rs"]
mod server;

use std::fs;
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;

use server::{CATALOG, ITEM, Server, lazycat, sample};

const PAGE: &str = "<!DOCTYPE html><title>STAC Browser</title>";

/// A made-up build, with a file of every kind that a real one has.
const FILES: &[(&str, &str)] = &[
    ("index.html", "text/html; charset=utf-8"),
    ("config.js", "text/javascript; charset=utf-8"),
    ("js/app.1a2b.js", "text/javascript; charset=utf-8"),
    ("js/app.1a2b.js.map", "application/json"),
    ("css/app.1a2b.css", "text/css; charset=utf-8"),
    ("img/logo.svg", "image/svg+xml"),
    ("fonts/a.woff2", "font/woff2"),
    ("locales/en.json", "application/json"),
    ("catalog.json", "application/json"),
];

fn build() -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, _) in FILES {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, if *name == "index.html" { PAGE } else { name }).unwrap();
    }
    fs::write(folder.path().join(".secret"), "secret").unwrap();
    folder
}

fn with_browser(folder: &Path) -> Server {
    Server::with(sample(), &["--browser", folder.to_str().unwrap()])
}

#[test]
fn it_prints_the_address_that_opens_the_catalog_in_it() {
    let browser = build();
    let server = with_browser(browser.path());
    assert_eq!(server.lines[0], format!("http://{}/catalog.json\n", server.address));
    assert_eq!(server.lines[1], format!("open it in STAC Browser: http://{}/browser/\n", server.address));
    assert_eq!(server.get("/browser/").text(), PAGE);
}

#[test]
fn its_files_are_served_beside_those_of_the_catalog() {
    let browser = build();
    let server = with_browser(browser.path());
    for (name, content_type) in FILES {
        let path = format!("/browser/{name}");
        let answer = server.get(&path);
        let expected = if *name == "index.html" { PAGE } else { name };
        assert_eq!((answer.status, answer.text()), (200, expected), "{path}");
        assert_eq!(answer.header("content-type"), *content_type, "{path}");
        assert_eq!(answer.header("cache-control"), "public, max-age=10", "{path}");
    }
    assert_eq!(server.get("/catalog.json").text(), CATALOG);
    assert_eq!(server.get("/CBERS4/a.json").header("content-type"), "application/geo+json");
    assert!(server.get("/").text().contains("conformsTo"), "the landing page of the API stays where it is");
}

#[test]
fn an_address_without_its_last_slash_leads_to_the_one_with_it() {
    let browser = build();
    let server = with_browser(browser.path());
    for method in ["GET", "HEAD"] {
        let answer = server.ask(method, "/browser", &[]);
        assert_eq!((answer.status, answer.header("location")), (307, "/browser/"), "{method}");
    }
}

#[test]
fn it_is_read_as_the_catalog_is() {
    let browser = build();
    let server = with_browser(browser.path());
    for path in ["/browser/", "/browser/index.html", "/browser/js/app.1a2b.js"] {
        let whole = server.get(path);
        assert_eq!(whole.header("access-control-allow-origin"), "*", "{path}");
        let tag = whole.header("etag").to_owned();
        assert_eq!(server.ask("GET", path, &[("If-None-Match", &tag)]).status, 304, "{path}");
        let part = server.ask("GET", path, &[("Range", "bytes=1-3")]);
        assert_eq!((part.status, &*part.body), (206, &whole.body[1..4]), "{path}");
        let head = server.ask("HEAD", path, &[]);
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        for name in ["content-type", "content-length", "etag", "cache-control"] {
            assert_eq!(head.header(name), whole.header(name), "{path} {name}");
        }
        assert_eq!(server.ask("POST", path, &[]).status, 405, "{path}");
    }
    let asked = [("Origin", "https://a.example"), ("Access-Control-Request-Method", "GET")];
    assert_eq!(server.ask("OPTIONS", "/browser/", &asked).status, 204);
}

#[test]
fn nothing_outside_the_two_folders_is_served() {
    let browser = build();
    let outside = TempDir::new().unwrap();
    fs::write(outside.path().join("a.json"), ITEM).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(outside.path(), browser.path().join("folder")).unwrap();
    let server = with_browser(browser.path());
    for path in [
        "/browser/.secret",
        "/browser/%2esecret",
        "/browser/../catalog.json",
        "/browser/%2e%2e/catalog.json",
        "/browser/..%2f..%2fetc/passwd",
        "/browser/folder/a.json",
        "/browser//etc/passwd",
        "/browser/js",
        "/browser/js/",
        "/browser/CBERS4/a.json",
        "/browsers/index.html",
        "/browserindex.html",
        "/index.html",
        "/%62rowser/index.html",
    ] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
}

#[test]
fn without_one_the_path_is_a_path_of_the_catalog() {
    let server = Server::start();
    assert_eq!(server.get("/browser").status, 404);
    assert_eq!(server.get("/browser/").status, 404);
    fs::create_dir(server.path().join("browser")).unwrap();
    fs::write(server.path().join("browser/a.json"), ITEM).unwrap();
    assert_eq!(server.get("/browser/a.json").text(), ITEM);
}

#[test]
fn a_folder_that_is_no_build_is_refused_in_one_line() {
    let catalog = TempDir::new().unwrap();
    let file = catalog.path().join("catalog.json");
    fs::write(&file, CATALOG).unwrap();
    let directory = catalog.path().to_str().unwrap();
    for (browser, expected) in [
        (directory, "has no index.html; give a build of STAC Browser"),
        ("/nonexistent/browser", "--browser: /nonexistent/browser does not exist; give"),
        (file.to_str().unwrap(), "is not a directory; give the directory that holds a build of STAC Browser"),
    ] {
        let output = lazycat()
            .args(["serve", directory, "--addr", "127.0.0.1:0", "--browser", browser])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{browser}");
        assert!(message.contains(expected) && message.lines().count() == 1, "{message}");
        assert!(output.stdout.is_empty());
    }
}
