//! Ending a process with everything that it has started.

use std::collections::HashSet;
use std::fs;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// The variable that every process of a group has in its environment.
pub(super) const MARKER: &str = "LAZYCAT_GENERATOR";

/// How often processes are looked for that have left the group: each may have started another meanwhile.
const ROUNDS: usize = 20;

/// A process group, and the mark of all who were started in it.
#[derive(Debug)]
pub(super) struct Group {
    leader: Pid,
    marker: String,
    ended: bool,
}

impl Group {
    /// The group that the process `leader` leads, whose environment has [`MARKER`] with this value.
    pub(super) fn new(leader: Pid, marker: String) -> Self {
        Self { leader, marker, ended: false }
    }

    /// Ends the group, and whoever has left it and kept its environment. It does so once, when the leader has ended or is
    /// to end: numbers of processes are given out in turn, so that of the leader is not another's by then.
    pub(super) fn kill(&mut self) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        // There may be nobody left.
        let _ = kill_process_group(self.leader, Signal::KILL);
        let mut killed = HashSet::new();
        for _ in 0..ROUNDS {
            if !self.kill_strays(&mut killed) {
                return;
            }
        }
        tracing::warn!(group = ?self.leader, "processes of a generator start others faster than they can be ended");
    }

    /// Whether there were any that were not `killed` before: these may take a moment to end.
    fn kill_strays(&self, killed: &mut HashSet<Pid>) -> bool {
        let mark = format!("{MARKER}={}", self.marker);
        let mut found = false;
        // Elsewhere than on Linux there is no such folder, and only the group is ended.
        for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let pid = process.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
            let Some(pid) = pid else { continue };
            // One that cannot be read is somebody else's, or has ended.
            let Ok(environment) = fs::read(process.path().join("environ")) else { continue };
            if environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes()) {
                found |= kill_process(pid, Signal::KILL).is_ok() && killed.insert(pid);
            }
        }
        found
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
