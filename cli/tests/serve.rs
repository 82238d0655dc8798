//! `lazycat serve`, the real command, asked over real connections.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "serve/door.rs"]
mod door;
#[path = "serve/server.rs"]
mod server;

use std::fs;
use std::io::{Read, Write};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use server::{Answer, CATALOG, ITEM, Server, lazycat};

fn refused(arguments: &[&str]) -> Output {
    lazycat().arg("serve").args(arguments).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn it_prints_its_address_and_how_to_open_it() {
    let server = Server::start();
    assert_eq!(server.lines[0], format!("http://{}/catalog.json\n", server.address));
    assert!(!server.address.ends_with(":0"));
    assert!(server.lines[1].ends_with(&format!(
        " https://radiantearth.github.io/stac-browser/#/external/http:/{}/catalog.json\n",
        server.address
    )));
}

#[test]
fn a_catalog_is_served_to_any_page() {
    let answer = Server::start().get("/catalog.json");
    assert_eq!((answer.status, answer.text()), (200, CATALOG));
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("content-length"), CATALOG.len().to_string());
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("vary"), "Origin");
    for exposed in ["ETag", "Content-Range", "Content-Length"] {
        assert!(answer.header("access-control-expose-headers").contains(exposed), "{exposed}");
    }
}

#[test]
fn an_item_is_geojson_and_may_be_kept_longer_than_a_catalog() {
    let server = Server::start();
    let answer = server.get("/CBERS4/a.json");
    assert_eq!((answer.status, answer.text()), (200, ITEM));
    assert_eq!(answer.header("content-type"), "application/geo+json");
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    assert_eq!(server.get("/catalog.json").header("cache-control"), "public, max-age=10");
}

#[test]
fn the_root_is_the_landing_page_and_leads_to_the_root_catalog() {
    let server = Server::start();
    let answer = server.get("/");
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    assert!(
        answer.text().contains(&format!(r#""href":"http://{}/catalog.json""#, server.address)),
        "{}",
        answer.text()
    );
}

#[test]
fn a_search_without_an_index_says_how_to_make_one() {
    let answer = Server::start().get("/search");
    assert_eq!((answer.status, answer.header("retry-after")), (503, "5"));
    assert!(answer.text().contains(r#""code":"NoIndex""#) && answer.text().contains("lazycat index rebuild"));
}

#[test]
fn head_says_what_get_would_without_the_content() {
    let server = Server::start();
    fs::write(server.path().join("large.tif"), vec![7; 3_000_000]).unwrap();
    for path in ["/catalog.json", "/CBERS4/a.json", "/large.tif"] {
        let (head, get) = (server.ask("HEAD", path, &[]), server.get(path));
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        for name in ["content-type", "content-length", "etag", "cache-control", "accept-ranges"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
            assert!(!head.header(name).is_empty(), "{path} {name}");
        }
    }
}

#[test]
fn an_unchanged_document_is_not_sent_again_and_a_changed_one_is() {
    let server = Server::start();
    let tag = server.get("/catalog.json").header("etag").to_owned();
    assert!(tag.starts_with('"'), "a strong tag, found {tag}");
    for header in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
        let answer = server.ask("GET", "/catalog.json", &[("If-None-Match", &header)]);
        assert_eq!((answer.status, answer.body.len()), (304, 0), "{header}");
        assert_eq!(answer.header("etag"), tag);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
    }
    fs::write(server.path().join("catalog.json"), "{}").unwrap();
    let answer = server.ask("GET", "/catalog.json", &[("If-None-Match", &tag)]);
    assert_eq!((answer.status, answer.text()), (200, "{}"));
    fs::write(server.path().join("catalog.json"), CATALOG).unwrap();
    assert_eq!(server.get("/catalog.json").header("etag"), tag, "equal content has an equal tag again");
}

#[test]
fn a_part_of_a_file_is_sent_whether_it_is_small_or_large() {
    let server = Server::start();
    for (name, length) in [("small.tif", 1000_usize), ("large.tif", 3_000_000), ("large.json", 3_000_000)] {
        let content: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
        fs::write(server.path().join(name), &content).unwrap();
        let path = format!("/{name}");
        for (range, expected) in [
            ("bytes=10-19", 10..20),
            ("bytes=-5", length - 5..length),
            ("bytes=990-", 990..length),
            ("bytes=0-0", 0..1),
        ] {
            let answer = server.ask("GET", &path, &[("Range", range)]);
            assert_eq!(answer.status, 206, "{name} {range}");
            assert!(answer.body == content[expected.clone()], "{name} {range}");
            assert_eq!(
                answer.header("content-range"),
                format!("bytes {}-{}/{length}", expected.start, expected.end - 1),
                "{name} {range}"
            );
        }
        let past = server.ask("GET", &path, &[("Range", &format!("bytes={length}-"))]);
        assert_eq!((past.status, past.header("content-range")), (416, &*format!("bytes */{length}")));
        let whole = server.get(&path);
        assert!(whole.status == 200 && whole.body == content, "{name}");
    }
}

#[test]
fn a_large_document_has_a_strong_tag_and_another_large_file_a_weak_one() {
    let server = Server::start();
    fs::write(server.path().join("large.json"), vec![b' '; 2_000_000]).unwrap();
    fs::write(server.path().join("large.tif"), vec![b' '; 2_000_000]).unwrap();
    assert!(server.get("/large.json").header("etag").starts_with('"'));
    let weak = server.get("/large.tif").header("etag").to_owned();
    assert!(weak.starts_with("W/"));
    assert_eq!(server.ask("GET", "/large.tif", &[("If-None-Match", &weak)]).status, 304);
    let with_weak = server.ask("GET", "/large.tif", &[("Range", "bytes=0-1"), ("If-Range", &weak)]);
    assert_eq!(with_weak.status, 200, "a weak tag does not vouch for a part");
}

#[test]
fn a_part_of_an_older_version_is_answered_with_the_whole() {
    let server = Server::start();
    let tag = server.get("/catalog.json").header("etag").to_owned();
    let part = |tag: &str| server.ask("GET", "/catalog.json", &[("Range", "bytes=0-1"), ("If-Range", tag)]);
    assert_eq!(part(&tag).status, 206);
    assert_eq!(part("\"older\"").status, 200);
}

#[test]
fn a_preflight_allows_reading_parts_and_conditions() {
    let server = Server::start();
    let asked = [("Origin", "https://a.example"), ("Access-Control-Request-Method", "GET")];
    let answer = server.ask("OPTIONS", "/catalog.json", &asked);
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, "*"));
    for method in ["GET", "HEAD", "OPTIONS"] {
        assert!(answer.header("access-control-allow-methods").contains(method));
    }
    for header in ["Range", "If-None-Match"] {
        assert!(answer.header("access-control-allow-headers").contains(header));
    }
    assert_eq!(server.ask("OPTIONS", "/catalog.json", &[]).header("allow"), "GET, HEAD, OPTIONS");
}

#[test]
fn nothing_but_reading_is_allowed() {
    let server = Server::start();
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let answer = server.ask(method, "/catalog.json", &[]);
        assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD, OPTIONS"), "{method}");
    }
    assert_eq!(fs::read_to_string(server.path().join("catalog.json")).unwrap(), CATALOG);
}

#[test]
fn what_is_not_a_visible_file_is_not_found() {
    let server = Server::start();
    fs::write(server.path().join("CBERS4/a b.json"), ITEM).unwrap();
    assert_eq!(server.get("/CBERS4/a%20b.json?x=1").status, 200);
    let long = format!("/{}", "a".repeat(5000));
    for path in [
        "/absent.json",
        "/CBERS4",
        "/CBERS4/",
        "/CBERS4//a.json",
        "/catalog.json/",
        "/catalog.json/a",
        "/.lazycat/state.db",
        "/%2elazycat/state.db",
        "/CBERS4/.hidden/a.json",
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/CBERS4/..%2f..%2fetc/passwd",
        "/CBERS4%2fa.json",
        "/CBERS4%5ca.json",
        "/a%00",
        "//etc/passwd",
        "/%ff",
        &long,
    ] {
        let answer = server.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.text().starts_with(r#"{"code":"NotFound","description":""#), "{path}");
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
    }
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_is_followed_inside_the_directory_only() {
    use std::os::unix::fs::symlink;
    let server = Server::start();
    let outside = TempDir::new().unwrap();
    fs::write(outside.path().join("a.json"), ITEM).unwrap();
    symlink(outside.path().join("a.json"), server.path().join("file.json")).unwrap();
    symlink(outside.path(), server.path().join("folder")).unwrap();
    symlink(server.path().join(".lazycat"), server.path().join("state")).unwrap();
    symlink("circle", server.path().join("circle")).unwrap();
    symlink("CBERS4/a.json", server.path().join("inside.json")).unwrap();
    for path in ["/file.json", "/folder/a.json", "/state/state.db", "/circle"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    assert_eq!(server.get("/inside.json").text(), ITEM);
}

#[cfg(unix)]
#[test]
fn a_pipe_is_not_waited_for() {
    let server = Server::start();
    assert!(Command::new("mkfifo").arg(server.path().join("pipe.json")).status().unwrap().success());
    assert_eq!(server.get("/pipe.json").status, 404);
}

#[test]
fn a_document_replaced_while_it_is_read_is_served_whole() {
    let server = Server::start();
    let (old, new) = (vec![b'a'; 8_000_000], vec![b'b'; 4_000_000]);
    fs::write(server.path().join("large.json"), &old).unwrap();
    let mut stream = server.connect();
    stream.write_all(b"GET /large.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut raw = vec![0; 1];
    stream.read_exact(&mut raw).unwrap();
    fs::write(server.path().join("large.tmp"), &new).unwrap();
    fs::rename(server.path().join("large.tmp"), server.path().join("large.json")).unwrap();
    stream.read_to_end(&mut raw).unwrap();
    assert!(Answer::parse(&raw).body == old);
    assert!(server.get("/large.json").body == new);
}

#[test]
fn one_connection_takes_many_requests() {
    let server = Server::start();
    let mut stream = server.connect();
    for _ in 0..3 {
        stream.write_all(b"GET /CBERS4/a.json HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut raw = Vec::new();
        while !raw.ends_with(ITEM.as_bytes()) {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            raw.push(byte[0]);
        }
        assert_eq!(Answer::parse(&raw).status, 200);
    }
}

#[test]
fn a_directory_without_a_catalog_is_served_with_a_warning() {
    let mut server = Server::on(TempDir::new().unwrap());
    assert_eq!(server.get("/catalog.json").status, 404);
    fs::write(server.path().join("catalog.json"), CATALOG).unwrap();
    assert_eq!(server.get("/catalog.json").status, 200);
    server.process.kill().unwrap();
    let mut warning = String::new();
    server.process.stderr.take().unwrap().read_to_string(&mut warning).unwrap();
    assert!(warning.contains("has no catalog.json yet"), "{warning}");
}

#[cfg(unix)]
#[test]
fn it_ends_when_told_to_although_a_connection_is_open() {
    for signal in ["-TERM", "-INT"] {
        let mut server = Server::start();
        let _idle = server.connect();
        assert_eq!(server.get("/catalog.json").status, 200);
        let pid = server.process.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        assert!(server.process.wait().unwrap().success(), "{signal}");
    }
}

#[test]
fn what_cannot_be_served_is_said_in_one_line() {
    let server = Server::start();
    let directory = server.path().to_str().unwrap();
    let file = format!("{directory}/catalog.json");
    for (arguments, expected) in [
        (vec!["/nonexistent/catalog"], "/nonexistent/catalog does not exist; give"),
        (vec![&*file], "is not a directory; give"),
        (vec![directory, "--addr", &server.address], "is in use; stop"),
        (vec![directory, "--addr", "192.0.2.1:0"], "is no address of this machine; use"),
    ] {
        let output = refused(&arguments);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(message.contains(expected) && message.lines().count() == 1, "{message}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn wrong_usage_has_its_own_exit_code() {
    assert_eq!(refused(&[]).status.code(), Some(2));
    assert_eq!(refused(&[".", "--addr", "8000"]).status.code(), Some(2));
}
