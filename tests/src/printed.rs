//! What the programs print, whether or not anybody reads on. Neighbours: the binaries, which end with
//! these lines; `asked`, what they are asked.

use std::io::Write;

/// Prints a line. Nobody may be reading any more, as behind `head`: that is no trouble, and the exit code
/// still tells.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
