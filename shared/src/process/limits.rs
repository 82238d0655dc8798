//! What a process may use, and what it may not see.

use rustix::process::Pid;

use crate::generator::configuration::Limits;

/// Sets the limits of a process, which those inherit that it starts. Only Linux can do this to another process;
/// elsewhere there are none.
#[cfg(target_os = "linux")]
pub(super) fn limit(pid: Pid, limits: Limits) -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, prlimit};

    let bytes = |mib: u64| mib.saturating_mul(1024 * 1024);
    for (resource, most) in [
        (Resource::As, bytes(limits.memory_mib)),
        (Resource::Fsize, bytes(limits.file_mib)),
        (Resource::Nproc, limits.processes),
        (Resource::Core, 0),
    ] {
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        match prlimit(Some(pid), resource, limit) {
            Ok(_) => {}
            // A limit of ours that is lower already, and may not be raised: what it is for is done.
            Err(rustix::io::Errno::PERM) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// There is nothing to set.
#[cfg(not(target_os = "linux"))]
pub(super) fn limit(_: Pid, _: Limits) -> std::io::Result<()> {
    Ok(())
}

/// Keeps other processes of this user from looking into this one: its environment may hold secrets, such as the
/// credentials of a Lambda function, and who is given none could read them there. Root looks into everything.
///
/// # Errors
///
/// What the system says.
pub fn hide_environment() -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}
