//! Clearing up after holders that are gone: what they held is given back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Instant;

use super::super::files::Temporaries;
use super::{State, lock, queue};
use crate::ports::{PortError, PortResult};

impl State {
    /// Makes the messages of holders that are gone visible and removes their unfinished files. Whether there was any
    /// such message.
    ///
    /// Several processes may do this at the same time. What shows that a holder was there, its file, goes last: who
    /// dies in the middle leaves it to the next one to finish.
    pub(super) fn clear_up(&self) -> PortResult<bool> {
        let failed = |error: io::Error| PortError::Unavailable {
            what: format!("clearing up beside {}", self.shared.path.display()),
            source: error.into(),
        };
        let holder = &self.shared.holder;
        let known: BTreeMap<String, i64> = self.read_one("reading the holders", |connection| {
            connection
                .prepare_cached("SELECT name, id FROM holders")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })?;
        // A holder has its file before it has anything else. So what is of one without file is of the dead.
        let unfinished = self.unfinished().map_err(failed)?;
        let mut names: BTreeSet<&str> = known.keys().map(String::as_str).collect();
        let others = holder.others().map_err(failed)?;
        names.extend(others.iter().map(String::as_str));
        names.extend(unfinished.iter().map(|(owner, _)| owner.as_str()));
        let mut gone = BTreeMap::new();
        for name in names {
            if let Some(proof) = holder.gone(name).map_err(failed)? {
                gone.insert(name, proof);
            }
        }
        if gone.is_empty() {
            return Ok(false);
        }
        // Before anything is written: on a full disk this is what makes room.
        for (owner, path) in &unfinished {
            if gone.contains_key(owner.as_str())
                && let Err(error) = fs::remove_file(path)
                && error.kind() != io::ErrorKind::NotFound
            {
                // It is in nobody's way.
                tracing::warn!(path = %path.display(), %error, "an unfinished file stays");
            }
        }
        let ids: Vec<i64> = gone.keys().filter_map(|name| known.get(*name).copied()).collect();
        let given_back = self.write("giving back messages", |connection| queue::give_back(connection, &ids))?;
        for proof in gone.into_values() {
            proof.forget().map_err(failed)?;
        }
        if given_back > 0 {
            tracing::info!(messages = given_back, "gave back what a process that is gone had received");
        }
        Ok(given_back > 0)
    }

    /// [`State::clear_up`] unless it was just done: it opens a file for every other holder.
    pub(super) fn clear_up_sometimes(&self) -> PortResult<bool> {
        {
            let mut asked = lock(&self.shared.asked);
            if asked.elapsed() < self.shared.options.ask_for_the_gone_every {
                return Ok(false);
            }
            *asked = Instant::now();
        }
        self.clear_up()
    }

    /// The temporary files and whose they are.
    fn unfinished(&self) -> io::Result<Vec<(String, PathBuf)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.shared.temporaries)? {
            let entry = entry?;
            if let Some(owner) = Temporaries::owner(&entry.file_name().to_string_lossy()) {
                files.push((owner.to_owned(), entry.path()));
            }
        }
        Ok(files)
    }
}
