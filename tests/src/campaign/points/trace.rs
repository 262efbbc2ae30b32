//! `strace` as the one that injects: its options, and its log as the proof that a fault fired.
//! Neighbour: the module above, which decides what is injected where.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Command, Stdio},
};

/// What happens at a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// SIGKILL as the call begins.
    Kill,
    /// "No space left on device".
    NoSpace,
    /// "Input/output error".
    Broken,
    /// "Connection reset by peer".
    Reset,
}

impl Kind {
    /// How a person calls it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Kill => "KILL",
            Self::NoSpace => "ENOSPC",
            Self::Broken => "EIO",
            Self::Reset => "ECONNRESET",
        }
    }
}

/// What is injected in one run: at the `from`th call of a thread and, where it is an error, at each
/// `step`th after it.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// The system call.
    pub syscall: &'static str,
    /// What happens there.
    pub kind: Kind,
    /// The first time, from 1, counted in each thread.
    pub from: u64,
    /// Every so many after it.
    pub step: u64,
}

/// That strace is here.
///
/// # Errors
/// How to get it.
pub fn there() -> Result<(), String> {
    let mut asked = Command::new("strace");
    asked.arg("-V").stdout(Stdio::null()).stderr(Stdio::null());
    match asked.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) | Err(_) => Err("strace is missing: `apt-get install strace`".to_owned()),
    }
}

/// The words that come before the program. strace stands aside (`-D`), so that signals and the exit
/// status are the program's own, and looks at this call alone.
pub fn before(fault: Fault, log: &Path) -> Vec<String> {
    let Fault {
        syscall,
        kind,
        from,
        step,
    } = fault;
    let inject = match kind {
        Kind::Kill => format!("inject={syscall}:signal=SIGKILL:when={from}"),
        Kind::NoSpace | Kind::Broken | Kind::Reset => {
            format!("inject={syscall}:error={}:when={from}+{step}", kind.word())
        }
    };
    // Without `-I 1` strace could not be sent away from a program that goes on. Not `--seccomp-bpf`:
    // strace 6.1 then injects no signal but at the first call, and its filter stays when it leaves,
    // so that the call answers "Function not implemented" for ever.
    let words = ["strace", "-D", "-f", "-I", "1", "-qq", "-s", "0"];
    let trace = format!("trace={syscall}");
    let log = log.display().to_string();
    // `-ttt`: when each call was, so that it can be told which calls to a remote it met.
    let more = [
        "-ttt",
        "-e",
        &trace,
        "-e",
        "signal=none",
        "-e",
        &inject,
        "-o",
        &log,
    ];
    words.into_iter().chain(more).map(str::to_owned).collect()
}

/// A system call at which a fault fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fired {
    /// The how manyth of its thread it was.
    pub nth: u64,
    /// When, ms since 1970.
    pub at_ms: i64,
}

/// At which calls the fault fired, by strace's log, in its order.
///
/// strace says `(INJECTED)` of an error. Of a signal it says nothing; then it is the call that never
/// came back, and only counts if the program was killed by that signal, which the caller knows.
pub fn fired(log: &str, fault: Fault) -> Vec<Fired> {
    let mut count: BTreeMap<&str, u64> = BTreeMap::new();
    let mut fired = Vec::new();
    let begins = format!("{}(", fault.syscall);
    for line in log.lines() {
        let Some((thread, at_ms, said)) = parts(line) else {
            continue;
        };
        let count = count.entry(thread).or_default();
        if said.trim_start().starts_with(&begins) {
            *count += 1;
        }
        let here = match fault.kind {
            Kind::Kill => *count == fault.from,
            Kind::NoSpace | Kind::Broken | Kind::Reset => said.ends_with("(INJECTED)"),
        };
        if here {
            let nth = *count;
            fired.push(Fired { nth, at_ms });
        }
    }
    fired
}

/// A line of the log: which thread, when in ms since 1970, and what strace says of it.
fn parts(line: &str) -> Option<(&str, i64, &str)> {
    let (thread, rest) = line.split_once(' ')?;
    let (at, said) = rest.trim_start().split_once(' ')?;
    let (seconds, micros) = at.split_once('.')?;
    let (seconds, micros) = (seconds.parse::<i64>().ok()?, micros.parse::<i64>().ok()?);
    Some((thread, seconds * 1_000 + micros / 1_000, said))
}

/// Who traces a process; none if nobody does.
fn tracer(pid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("TracerPid:"))?;
    line.trim().parse().ok().filter(|tracer| *tracer != 0)
}

/// Sends strace away from a process, which goes on. True if nobody traces it any more.
pub async fn let_go(pid: u32) -> bool {
    for _ in 0..100 {
        let Some(tracer) = tracer(pid) else {
            return true;
        };
        let _ = Command::new("kill").arg(tracer.to_string()).status();
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAULT: Fault = Fault {
        syscall: "fsync",
        kind: Kind::Broken,
        from: 2,
        step: 2,
    };

    fn points(log: &str, fault: Fault) -> Vec<(u64, i64)> {
        let fired = fired(log, fault).into_iter();
        fired.map(|fired| (fired.nth, fired.at_ms)).collect()
    }

    #[test]
    fn a_fault_is_proven_by_what_strace_says_and_counted_by_thread() {
        let log = "10 1795370714.001000 fsync(3) = 0\n11 1795370714.002000 fsync(4) = 0\n\
                   10 1795370714.003000 fsync(3 <unfinished ...>\n\
                   11 1795370714.004000 fsync(4) = -1 EIO (Input/output error) (INJECTED)\n\
                   10 1795370714.005999 <... fsync resumed>) = -1 EIO (Input/output error) (INJECTED)\n\
                   10 1795370714.007000 fsync(3) = 0\n\
                   10    1795370714.009000 fsync(3) = -1 EIO (Input/output error) (INJECTED)\n";
        let met = [
            (2, 1_795_370_714_004),
            (2, 1_795_370_714_005),
            (4, 1_795_370_714_009),
        ];
        assert_eq!(points(log, FAULT), met);
        assert_eq!(points("10 1795370714.001000 fsync(3) = 0\n", FAULT), []);
    }

    #[test]
    fn a_kill_is_proven_by_the_call_it_came_at() {
        let kill = Fault {
            kind: Kind::Kill,
            ..FAULT
        };
        let log =
            "10 1795370714.001000 fsync(3) = 0\n10 1795370714.002000 fsync(3 <unfinished ...>\n";
        assert_eq!(points(log, kill), [(2, 1_795_370_714_002)]);
        let log = "10 1795370714.001000 fsync(3) = 0\n11 1795370714.002000 fsync(3) = 0\n";
        assert_eq!(points(log, kill), []);
    }
}
