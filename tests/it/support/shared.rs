//! The folder with material that is shared between projects: test mail, pages, hooks.

use std::env;
use std::path::PathBuf;

/// Finds the shared folder: `$MAPISTORE_SHARED`, else `../shared` beside the checkout.
///
/// Without it a test says so and returns, unless `MAPISTORE_REQUIRE_SHARED=1`.
///
/// # Panics
///
/// If the folder is required and not there.
pub(crate) fn shared_folder() -> Option<PathBuf> {
    let named = env::var_os("MAPISTORE_SHARED")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    let folder = named.unwrap_or_else(|| {
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .join("shared")
    });
    if folder.is_dir() {
        return Some(folder);
    }
    let required = env::var_os("MAPISTORE_REQUIRE_SHARED").is_some_and(|value| value == "1");
    assert!(
        !required,
        "no shared folder at {}, and it is required",
        folder.display()
    );
    println!("skipped: no shared folder");
    None
}
