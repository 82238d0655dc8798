//! The command as a server, and a client for it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

pub(crate) const CATALOG: &str = r#"{"type":"Catalog","id":"root"}"#;
pub(crate) const ITEM: &str = r#"{"type":"Feature","id":"a"}"#;

/// A running server on a directory of its own; ended when dropped.
pub(crate) struct Server {
    pub(crate) directory: TempDir,
    pub(crate) process: Child,
    pub(crate) address: String,
    pub(crate) lines: Vec<String>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::on(sample())
    }

    pub(crate) fn on(directory: TempDir) -> Self {
        Self::with(directory, &[])
    }

    /// On this directory, with more options.
    pub(crate) fn with(directory: TempDir, options: &[&str]) -> Self {
        Self::in_environment(directory, options, &[])
    }

    /// With more variables in its environment.
    pub(crate) fn in_environment(directory: TempDir, options: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut process = lazycat()
            .envs(variables.iter().copied())
            .arg("serve")
            .arg(directory.path())
            .args(["--addr", "127.0.0.1:0"])
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let lines: Vec<String> = (0..2)
            .map(|_| {
                let mut line = String::new();
                stdout.read_line(&mut line).unwrap();
                line
            })
            .collect();
        let address = lines[0].trim_start_matches("http://").split('/').next().unwrap().to_owned();
        Self { directory, process, address, lines }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut raw = Vec::new();
        stream.read_to_end(&mut raw).unwrap();
        Answer::parse(&raw)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[])
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Answer {
    pub(crate) fn parse(raw: &[u8]) -> Self {
        let end = raw.windows(4).position(|window| window == b"\r\n\r\n").expect("a whole head");
        let head = std::str::from_utf8(&raw[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        Self { status, headers, body: raw[end + 4..].to_vec() }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

pub(crate) fn sample() -> TempDir {
    let directory = TempDir::new().unwrap();
    fs::create_dir_all(directory.path().join("CBERS4/.hidden")).unwrap();
    fs::create_dir_all(directory.path().join(".lazycat")).unwrap();
    fs::write(directory.path().join("catalog.json"), CATALOG).unwrap();
    fs::write(directory.path().join("CBERS4/a.json"), ITEM).unwrap();
    fs::write(directory.path().join("CBERS4/.hidden/a.json"), ITEM).unwrap();
    fs::write(directory.path().join(".lazycat/state.db"), "secret").unwrap();
    directory
}

pub(crate) fn lazycat() -> Command {
    Command::new(env!("CARGO_BIN_EXE_lazycat"))
}
