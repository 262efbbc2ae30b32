//! A network namespace of its own for the daemon, and one wire out of it on which answers can be
//! lost. Neighbours: `relay`, which stands at our end of the wire; `cut`, which makes the weather.
//!
//! In there the daemon calls `127.0.0.1`, as its configuration demands of a remote without TLS; the
//! namespace rewrites those calls to our end of the wire. What carries an answer is dropped on the
//! way in, after the remote has done what was asked: TCP goes on sending it until the daemon gives
//! up, or the weather does.

use std::{
    net::Ipv4Addr,
    path::Path,
    process::{Command, Stdio},
};

/// Names of ours begin like this and end with the process id, so that leftovers can be told.
const NAME: &str = "jbcut";

/// Where `ip netns` keeps its names.
const NAMES: &str = "/var/run/netns";

/// The namespace. It is gone when this is dropped, also in a panic.
#[derive(Debug)]
pub struct Net {
    name: String,
    wire: String,
    /// Our end of the wire.
    pub here: Ipv4Addr,
    /// The daemon's end.
    pub there: Ipv4Addr,
}

impl Net {
    /// Makes one in which calls to `127.0.0.1` reach our end of the wire, at the same port.
    ///
    /// # Errors
    /// What is missing, or what the tool said: it takes root, `iproute2` and `nftables`.
    pub fn set() -> Result<Self, String> {
        clear_what_the_dead_left();
        let pid = std::process::id();
        let [here, there] = addresses(pid);
        let net = Self {
            name: format!("{NAME}{pid}"),
            wire: format!("jbc{pid}"),
            here,
            there,
        };
        net.lay()?;
        Ok(net)
    }

    fn lay(&self) -> Result<(), String> {
        let (name, wire) = (self.name.as_str(), self.wire.as_str());
        let end = format!("{wire}d");
        run("ip", &["netns", "add", name])?;
        let pair = ["type", "veth", "peer", "name", &end, "netns", name];
        run("ip", &[&["link", "add", wire], &pair[..]].concat())?;
        let (here, there) = (format!("{}/30", self.here), format!("{}/30", self.there));
        run("ip", &["addr", "add", &here, "dev", wire])?;
        run("ip", &["link", "set", wire, "up"])?;
        run("ip", &["-n", name, "addr", "add", &there, "dev", &end])?;
        run("ip", &["-n", name, "link", "set", &end, "up"])?;
        run("ip", &["-n", name, "link", "set", "lo", "up"])?;
        // Without this the kernel takes no packet from 127.0.0.1 off the machine.
        let leave = "echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet";
        run("ip", &["netns", "exec", name, "sh", "-c", leave])?;
        let here = self.here;
        self.nft(&format!(
            "table ip weather {{
                chain calls {{
                    type nat hook output priority -100; policy accept;
                    ip daddr 127.0.0.1 meta l4proto tcp dnat to {here}
                }}
                chain sources {{
                    type nat hook postrouting priority 100; policy accept;
                    oifname \"{end}\" masquerade
                }}
                chain answers {{
                    type filter hook input priority 0; policy accept;
                }}
                counter lost {{ }}
            }}"
        ))
    }

    /// From now on this share of the answers from these ports is lost, in percent.
    ///
    /// # Errors
    /// What `nft` said.
    pub fn lose(&self, ports: &[u16], percent: usize) -> Result<(), String> {
        let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
        let ports = ports.join(", ");
        let share = match percent {
            0..100 => format!("numgen random mod 100 < {percent}"),
            _ => String::new(),
        };
        // What carries data is pushed; what only says that data came is not, and comes through.
        self.nft(&format!(
            "add rule ip weather answers tcp sport {{ {ports} }} tcp flags & psh == psh \
             {share} counter name lost drop"
        ))
    }

    /// All answers come through again.
    ///
    /// # Errors
    /// What `nft` said.
    pub fn heal(&self) -> Result<(), String> {
        self.nft("flush chain ip weather answers")
    }

    /// How many packets with an answer in them were lost so far, counting each time that one was
    /// sent again.
    ///
    /// # Errors
    /// What `nft` said.
    pub fn lost(&self) -> Result<u64, String> {
        let told = self.exec(&["nft", "list", "counter", "ip", "weather", "lost"])?;
        let mut words = told.split_whitespace();
        words.find(|word| *word == "packets");
        let count = words.next().and_then(|count| count.parse().ok());
        count.ok_or_else(|| format!("nft told no count: {told}"))
    }

    /// How a program is started in here: the words that come before it.
    #[must_use]
    pub fn before(&self) -> Vec<String> {
        let words = ["ip", "netns", "exec", &self.name];
        words.map(str::to_owned).to_vec()
    }

    fn exec(&self, words: &[&str]) -> Result<String, String> {
        run("ip", &[&["netns", "exec", &self.name], words].concat())
    }

    fn nft(&self, rules: &str) -> Result<(), String> {
        self.exec(&["nft", rules]).map(|_| ())
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        // The wire goes with its namespace, but only after a while.
        let _ = run("ip", &["link", "del", &self.wire]);
        let _ = run("ip", &["netns", "del", &self.name]);
    }
}

/// Two campaigns at the same time have two process ids, and so two networks of four addresses.
fn addresses(pid: u32) -> [Ipv4Addr; 2] {
    let network = u32::from(Ipv4Addr::new(10, 213, 0, 0)) + (pid % 16_384) * 4;
    [1, 2].map(|host| Ipv4Addr::from(network + host))
}

/// A campaign that was killed cleaned up nothing. Its name says that it was one of ours, and the
/// process id in it that it is dead.
fn clear_what_the_dead_left() {
    let Ok(names) = std::fs::read_dir(NAMES) else {
        return;
    };
    for name in names.flatten() {
        let name = name.file_name().to_string_lossy().into_owned();
        let pid = name
            .strip_prefix(NAME)
            .and_then(|pid| pid.parse::<u32>().ok());
        if let Some(pid) = pid.filter(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            let _ = run("ip", &["link", "del", &format!("jbc{pid}")]);
            let _ = run("ip", &["netns", "del", &name]);
        }
    }
}

fn run(program: &str, words: &[&str]) -> Result<String, String> {
    let told = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{program} could not be run: {error}"))?;
    if told.status.success() {
        return Ok(String::from_utf8_lossy(&told.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&told.stderr);
    Err(format!("{program} {}: {}", words.join(" "), said.trim()))
}
