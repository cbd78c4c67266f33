//! A new migration rebuilds the crate, which embeds them.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
