//! Where folders are, as the view of that name has it, for files in which anything may be wrong.
//!
//! The view goes down from the root by an index: without end where that is damaged so that a folder is found below itself,
//! and through all folders for the path of one. Here the rows are followed upwards.

use std::collections::{HashMap, HashSet};

use rusqlite::Connection;

use crate::db::folders::{self, FolderRow};
use crate::error::Result;
use crate::model::FolderKind;

/// A folder with the path that the views show.
#[derive(Debug, Clone)]
pub(crate) struct FolderPath {
    pub(crate) folder: FolderRow,
    pub(crate) path: String,
}

/// Where a folder is that is the root, or somewhere below it.
#[derive(Debug, Clone)]
struct Place {
    kind: FolderKind,
    path: String,
}

impl Place {
    fn root() -> Place {
        Place {
            kind: FolderKind::Root,
            path: "/".to_owned(),
        }
    }

    /// The place of a folder right below this one.
    fn below(&self, folder: &FolderRow) -> Place {
        let name = &folder.name;
        Place {
            kind: folder.kind,
            path: match self.kind {
                FolderKind::Root => format!("/{name}"),
                FolderKind::IpmSubtree => name.clone(),
                _ => format!("{}/{name}", self.path),
            },
        }
    }
}

/// All folders with their paths, the root first, then by path.
pub(crate) fn all(connection: &Connection) -> Result<Vec<FolderPath>> {
    let with_path = |(folder, place): (FolderRow, Option<Place>)| {
        place.map(|Place { path, .. }| FolderPath { folder, path })
    };
    let mut all: Vec<FolderPath> = located(connection)?
        .into_iter()
        .filter_map(with_path)
        .collect();
    all.sort_by_cached_key(|found| (!found.path.starts_with('/'), found.path.to_lowercase()));
    Ok(all)
}

/// The folders that are not below the root.
pub(crate) fn astray(connection: &Connection) -> Result<Vec<FolderRow>> {
    let located = located(connection)?.into_iter();
    Ok(located
        .filter(|(_, place)| place.is_none())
        .map(|(folder, _)| folder)
        .collect())
}

/// All folders, each with its place if it has one.
fn located(connection: &Connection) -> Result<Vec<(FolderRow, Option<Place>)>> {
    let rows = folders::rows(connection)?;
    let mut places: HashMap<i64, Option<Place>> = HashMap::new();
    for folder_id in rows.keys() {
        // From this folder up to one whose place is known.
        let mut unknown: Vec<&FolderRow> = Vec::new();
        let mut next = Some(*folder_id);
        let mut place = loop {
            let Some(folder) = next.and_then(|id| rows.get(&id)) else {
                break None;
            };
            if let Some(known) = places.get(&folder.folder_id) {
                break known.clone();
            }
            if folder.kind == FolderKind::Root {
                places.insert(folder.folder_id, Some(Place::root()));
                break Some(Place::root());
            }
            // Until more is known it is nowhere: so a folder below itself ends here.
            places.insert(folder.folder_id, None);
            unknown.push(folder);
            next = folder.parent_folder_id;
        };
        for folder in unknown.into_iter().rev() {
            place = place.map(|above| above.below(folder));
            places.insert(folder.folder_id, place.clone());
        }
    }
    let located = rows.into_iter().map(|(folder_id, folder)| {
        let place = places.remove(&folder_id).flatten();
        (folder, place)
    });
    Ok(located.collect())
}

/// The path of one folder; none where the folders above it do not end at the root.
pub(crate) fn of(connection: &Connection, folder_id: i64) -> Result<Option<String>> {
    let mut seen = HashSet::new();
    // From the folder up.
    let mut chain: Vec<FolderRow> = Vec::new();
    let mut next = Some(folder_id);
    while let Some(id) = next {
        let Some(folder) = folders::by_id(connection, id)?.filter(|_| seen.insert(id)) else {
            return Ok(None);
        };
        if folder.kind == FolderKind::Root {
            let down = chain.iter().rev();
            let place = down.fold(Place::root(), |above, folder| above.below(folder));
            return Ok(Some(place.path));
        }
        next = folder.parent_folder_id;
        chain.push(folder);
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::migrate;
    use crate::model::FileTime;

    /// What the view says, by folder.
    fn shown(connection: &Connection) -> Vec<(i64, String)> {
        let mut select = connection
            .prepare("SELECT folder_id, path FROM folder_paths ORDER BY folder_id")
            .unwrap();
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// The same from the rows, all at once.
    fn found(connection: &Connection) -> Vec<(i64, String)> {
        let mut found: Vec<_> = all(connection)
            .unwrap()
            .into_iter()
            .map(|found| (found.folder.folder_id, found.path))
            .collect();
        found.sort();
        found
    }

    #[test]
    fn folders_are_where_the_view_shows_them() {
        let place = tempfile::tempdir().unwrap();
        let mut connection = Connection::open(place.path().join("mail.store")).unwrap();
        migrate::migrate(&mut connection, "test", FileTime::new(0)).unwrap();
        let drafts = folders::by_kind(&connection, FolderKind::Drafts).unwrap();
        let drafts = drafts.unwrap().folder_id;
        let [deep, deepest] = [1_000, 1_001];
        connection
            .execute_batch(&format!(
                "INSERT INTO folders (folder_id, entry_uid, parent_folder_id, kind, name, name_folded, \
                 change_number, created_at, modified_at) VALUES \
                 ({deep}, randomblob(16), {drafts}, 'generic', '2026', '2026', 0, 0, 0), \
                 ({deepest}, randomblob(16), {deep}, 'generic', 'November', 'november', 0, 0, 0)"
            ))
            .unwrap();
        assert_eq!(found(&connection).len(), 10);
        assert_eq!(found(&connection), shown(&connection));
        for (folder_id, path) in shown(&connection) {
            assert_eq!(of(&connection, folder_id).unwrap(), Some(path));
        }

        // A folder below itself, as in a damaged file.
        connection
            .execute_batch(
                "PRAGMA foreign_keys = OFF; PRAGMA writable_schema = ON; \
                 DELETE FROM sqlite_schema WHERE type = 'trigger'; PRAGMA writable_schema = RESET",
            )
            .unwrap();
        let lead = "UPDATE folders SET parent_folder_id = ? WHERE folder_id = ?";
        assert_eq!(connection.execute(lead, (deepest, deep)).unwrap(), 1);
        assert_eq!(found(&connection), shown(&connection));
        assert_eq!(of(&connection, deepest).unwrap(), None);
        let lost = astray(&connection).unwrap();
        let mut lost: Vec<i64> = lost.iter().map(|folder| folder.folder_id).collect();
        lost.sort();
        assert_eq!(lost, [deep, deepest]);

        // All of what people see hangs in the air.
        let cut = "UPDATE folders SET parent_folder_id = 2000 WHERE kind = 'ipm-subtree'";
        assert_eq!(connection.execute(cut, []).unwrap(), 1);
        assert_eq!(found(&connection), shown(&connection));
        assert_eq!(of(&connection, drafts).unwrap(), None);
    }
}
