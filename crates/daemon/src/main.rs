//! The program `jelou-bridge`. All of it is in the library beside; this is its door.

use std::process::ExitCode;

fn main() -> ExitCode {
    jelou_bridge::cli::main()
}
