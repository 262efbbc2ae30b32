//! The program `jelou-bridge`. All of it is in the library beside; this is its door.

use std::process::ExitCode;

#[cfg(feature = "planted")]
compile_error!("bugs are planted for tests alone: the program is never built with them");

fn main() -> ExitCode {
    jelou_bridge::cli::main()
}
