//! The end of what a process writes: all of it is read, so that it never waits, and the end is kept.

use std::io::Read;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How much is kept, in bytes.
const KEPT: usize = 4096;

/// How much of it is told, in characters.
const TOLD: usize = 1_500;

/// For how long the rest is waited for when its writer has ended: another that has the same pipe may still hold it.
const REST: Duration = Duration::from_secs(1);

/// The end of a stream that a thread reads.
#[derive(Debug)]
pub(super) struct Tail {
    kept: Arc<Mutex<Vec<u8>>>,
    done: Receiver<()>,
}

impl Tail {
    /// Reads a stream to its end.
    pub(super) fn of(mut stream: impl Read + Send + 'static) -> std::io::Result<Self> {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let (ended, done) = channel();
        let reader = Arc::clone(&kept);
        std::thread::Builder::new().name("generator-tail".to_owned()).spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                match stream.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(read) => keep(&mut reader.lock().unwrap_or_else(PoisonError::into_inner), &buffer[..read]),
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(_) => break,
                }
            }
            // Nobody waits any more when the receiver is gone.
            let _ = ended.send(());
        })?;
        Ok(Self { kept, done })
    }

    /// The end of it, as text without control characters, once its writer has ended.
    pub(super) fn text(&self) -> String {
        // A time-out, too, leaves what has come so far.
        let _ = self.done.recv_timeout(REST);
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&kept);
        let plain: String = text.chars().map(|at| if at.is_control() && at != '\n' { ' ' } else { at }).collect();
        let plain = plain.trim();
        match plain.char_indices().nth_back(TOLD - 1) {
            Some((at, _)) if at > 0 => format!("…{}", &plain[at..]),
            _ => plain.to_owned(),
        }
    }
}

fn keep(kept: &mut Vec<u8>, read: &[u8]) {
    kept.extend_from_slice(read);
    let beyond = kept.len().saturating_sub(KEPT);
    kept.drain(..beyond);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_kept_and_told_without_control_characters() {
        let written = format!("{}\u{1b}[31mthe end\r\n\n", "long ".repeat(10_000));
        let tail = Tail::of(std::io::Cursor::new(written)).unwrap();
        let text = tail.text();
        assert!(text.ends_with("[31mthe end") && text.starts_with('…'), "{text}");
        assert_eq!(text.chars().count(), TOLD + 1);
        assert_eq!(Tail::of(&b"  short "[..]).unwrap().text(), "short");
    }
}
