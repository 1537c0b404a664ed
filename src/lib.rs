#![doc = "MAPI's message store on one SQLite file."]

mod db;
mod error;
#[cfg(feature = "mime")]
pub mod mime;
mod model;
mod store;

pub use db::database::Durability;
pub use db::inspect::Cell;
pub use db::place::NetworkFileSystems;
pub use error::*;
pub use model::*;
pub use model::FolderKind as SpecialFolder;
pub use store::*;
