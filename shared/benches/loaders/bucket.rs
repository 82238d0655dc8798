//! A bucket that answers at once: its objects are items under ids of their own, `/bench/{round}/{number}.json`.

use std::sync::Arc;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// An item, cut where its id stands.
struct Template(String, String);

/// Serves until the process ends. Gives the port.
pub(crate) async fn serve(items: &[Value]) -> u16 {
    let templates: Arc<Vec<Template>> = Arc::new(items.iter().map(template).collect());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, Arc::clone(&templates)));
        }
    });
    port
}

fn template(item: &Value) -> Template {
    let text = item.to_string();
    let (head, tail) = text.split_once(&format!("\"id\":{}", item["id"])).unwrap();
    Template(head.to_owned(), tail.to_owned())
}

async fn answer(stream: TcpStream, templates: Arc<Vec<Template>>) {
    // Small answers go out at once, as those of a server on another machine would.
    stream.set_nodelay(true).unwrap();
    let mut stream = BufReader::new(stream);
    let (mut key, mut line) = (String::new(), String::new());
    loop {
        key.clear();
        loop {
            line.clear();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            if key.is_empty() {
                line.split(' ').nth(1).unwrap_or_default().clone_into(&mut key);
            }
            if line == "\r\n" {
                break;
            }
        }
        let name = key.split(['?', '.']).next().unwrap_or_default();
        let (_, number) = name.rsplit_once('/').unwrap_or_default();
        let Template(head, tail) = &templates[number.parse::<usize>().unwrap()];
        let body = format!("{head}\"id\":\"{}\"{tail}", name.trim_start_matches('/').replace('/', "-"));
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nlast-modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}
