//! Builds the profiles in: every file of `profiles/` under its own name, so that teaching one more
//! system adds a file and not a line of Rust. Neighbour: `src/profile/mod.rs`, which includes the list.
#![allow(
    clippy::disallowed_methods,
    reason = "cargo tells a build script its folders in the environment"
)]

use std::{env, error::Error, fmt::Write, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("profiles");
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut files = fs::read_dir(&folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?;
    files.retain(|file| file.extension().is_some_and(|kind| kind == "toml"));
    files.sort();
    let mut list = String::from("&[\n");
    for file in &files {
        let name = file.file_stem().and_then(|name| name.to_str());
        let name = name.ok_or("a profile's name is not readable")?;
        let path = file.to_str().ok_or("a profile's path is not readable")?;
        writeln!(list, "    ({name:?}, include_str!({path:?})),")?;
    }
    list.push(']');
    let out = Path::new(&env::var("OUT_DIR")?).join("builtin.rs");
    fs::write(out, list)?;
    Ok(())
}
