//! Migrations are compiled in: a new file means a new build.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
