//! What must be there before the crate is compiled.

use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    // Migrations are compiled in: a new file means a new build.
    println!("cargo:rerun-if-changed=../migrations");
    // The pages are found through the path of this directory as it is at compile time. Where it does not exist yet, that path
    // cannot be resolved, and a program of the dev profile would never find what is built into it later.
    fs::create_dir_all(Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/site"))
}
