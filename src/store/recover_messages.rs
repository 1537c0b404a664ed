//! The messages, kept versions and large values of a damaged store.

use std::collections::{BTreeMap, BTreeSet};

use crate::db::salvage::rows::{self, FoundMessage, RowPlace};
use crate::db::salvage::target::Taken;
use crate::db::streams::{CHUNK_SIZE, chunk_checksum};
use crate::db::versioned::new_change_key;
use crate::error::{ObjectKind, Result};
use crate::model::document::{self, Documents};
use crate::model::{
    ChangeNumber, Content, FileTime, ObjectUid, PredecessorChangeList, RowVersion, StreamHash,
    StreamReference,
};
use crate::store::recover::{HIGHEST_NUMBER, Recovery};

/// Where messages go whose content is not as it was saved.
const DAMAGED: &str = "Damaged";
/// Where messages go whose folder is lost.
const RECOVERED: &str = "Recovered";

/// How well a row can be believed. The best comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Trust {
    /// It can be read, and is not as it was saved.
    Readable,
    /// It is as it was saved, or was written by hand.
    Sound,
}

/// The best row of a message that was found so far.
type Best = BTreeMap<ObjectUid, (Trust, RowVersion, RowPlace)>;

fn trust(uid: ObjectUid, checksum: Option<i64>, documents: &Documents) -> Option<Trust> {
    document::read(documents).ok()?;
    let is_sound = checksum.is_none_or(|stored| stored == document::checksum(&uid, documents));
    Some(if is_sound {
        Trust::Sound
    } else {
        Trust::Readable
    })
}

impl Recovery<'_> {
    /// All large values that are whole, whether or not anything says which they are: their content does.
    pub(super) fn streams(&mut self) -> Result<()> {
        let streams = std::mem::take(&mut self.rows.chunks);
        let total = streams.len();
        for (done, chunks) in streams.into_values().enumerate() {
            self.told(done, total);
            let stream = self.target.begin_stream()?;
            let mut hasher = blake3::Hasher::new();
            let mut end = 0;
            let mut is_whole = true;
            for (position, place) in chunks {
                let piece = self.rows.chunk(place).filter(|(checksum, data)| {
                    position == end
                        && data.len() <= CHUNK_SIZE
                        && chunk_checksum(position, data) == *checksum
                });
                let Some((_, data)) = piece else {
                    is_whole = false;
                    break;
                };
                hasher.update(&data);
                self.target.add_to_stream(stream, position, &data)?;
                end += data.len() as u64;
            }
            if is_whole {
                let hash = StreamHash::from_bytes(*hasher.finalize().as_bytes());
                let reference = StreamReference { hash, size: end };
                self.target.seal_stream(stream, reference)?;
            } else {
                self.target.drop_stream(stream)?;
            }
        }
        Ok(())
    }

    pub(super) fn messages(&mut self) -> Result<()> {
        let mut best = Best::new();
        for place in self.rows.messages.clone() {
            let found = self.rows.read(place).as_ref().and_then(rows::message);
            let Some(found) = found else { continue };
            let Some(trust) = trust(found.uid, found.checksum, &found.documents) else {
                let detail = "its content cannot be read";
                self.report
                    .lose(ObjectKind::Message, Some(found.uid), detail);
                continue;
            };
            let candidate = (trust, found.row_version, place);
            let kept = best.entry(found.uid).or_insert(candidate);
            *kept = (*kept).max(candidate);
        }
        let mut highest = self.rows.given.get("messages").copied().unwrap_or_default();
        let total = best.len();
        for (done, (uid, (trust, _, place))) in best.iter().enumerate() {
            if done % 100 == 0 {
                self.told(done, total);
            }
            let known = self.journal.get(uid).copied().unwrap_or_default();
            let found = self.rows.read(*place).as_ref().and_then(rows::message);
            if let Some(found) = found.filter(|_| !known.is_deleted_for_good) {
                highest = highest.max(found.message_id);
                self.message(found, *trust)?;
            }
        }
        if (0..i64::MAX >> 2).contains(&highest) {
            self.target.set_given("messages", highest)?;
        }
        let lost: Vec<ObjectUid> = self
            .journal
            .iter()
            .filter(|(uid, known)| {
                known.newest.is_some() && !known.is_deleted_for_good && !best.contains_key(uid)
            })
            .map(|(uid, _)| *uid)
            .collect();
        for uid in lost {
            let is_named = |loss: &super::recover::Loss| loss.object == Some(uid);
            if !self.report.lost.iter().any(is_named) {
                self.report.lose(ObjectKind::Message, Some(uid), "lost");
            }
        }
        Ok(())
    }

    fn message(&mut self, mut found: FoundMessage, trust: Trust) -> Result<()> {
        let Ok(mut content) = document::read(&found.documents) else {
            return Ok(());
        };
        let known = self.journal.get(&found.uid).copied().unwrap_or_default();
        let is_old = known.newest > Some(found.row_version);
        let removed = self.remove_lost_streams(&mut content)?;
        let mut folder = found.folder_id;
        if is_old || trust == Trust::Readable {
            folder = self.target.folder_for(self.ipm_subtree, DAMAGED)?;
            let what = if is_old {
                "only an older version was found"
            } else {
                "its content is not as it was saved"
            };
            let detail = format!("{what}; it is in the folder {DAMAGED}");
            self.report
                .lose(ObjectKind::Message, Some(found.uid), detail);
        } else if !self.target.has_folder(folder)? {
            folder = self.target.folder_for(self.ipm_subtree, RECOVERED)?;
            let detail = format!("its folder is lost; it is in the folder {RECOVERED}");
            self.report
                .lose(ObjectKind::Message, Some(found.uid), detail);
        }
        for property in &removed {
            let detail = format!("the value of {property} is lost");
            self.report
                .lose(ObjectKind::Message, Some(found.uid), detail);
        }
        if is_old || trust == Trust::Readable || !removed.is_empty() {
            found.documents = document::write(&content);
            self.make_new_version(&mut found, known.newest);
        }
        // No number is given out again, and the journal does not say what it does not know.
        let change = found.change_number.get();
        if change > HIGHEST_NUMBER {
            found.change_number = ChangeNumber::ZERO;
        } else if change > self.target.last_change()? {
            self.target.set_given("changes", change)?;
            self.target.set_purged_through(change)?;
        }
        let checksum = document::checksum(&found.uid, &found.documents);
        let streams = content.streams();
        let size = content.size();
        let mut taken = self
            .target
            .message(&found, folder, size, &streams, checksum)?;
        if taken == Taken::No {
            // Its number, which is only the store's own, may be another's.
            found.message_id = self.target.free_message_id()?;
            taken = self
                .target
                .message(&found, folder, size, &streams, checksum)?;
        }
        if taken == Taken::Yes {
            self.report.messages += 1;
        } else {
            self.report
                .lose(ObjectKind::Message, Some(found.uid), "its row cannot be");
        }
        Ok(())
    }

    /// Other content than that of the version that clients have seen must not go by its number (S16).
    fn make_new_version(&self, found: &mut FoundMessage, newest: Option<RowVersion>) {
        found.row_version = newest
            .unwrap_or(found.row_version)
            .max(found.row_version)
            .next();
        let key = new_change_key(self.store_uid, found.change_number);
        let mut predecessors =
            PredecessorChangeList::from_bytes(&found.predecessors).unwrap_or_default();
        predecessors.join(&key);
        found.change_key = key.as_bytes().to_vec();
        found.predecessors = predecessors.to_bytes();
        found.committed_at = FileTime::from_timestamp(jiff::Timestamp::now());
    }

    fn remove_lost_streams(
        &mut self,
        content: &mut Content,
    ) -> Result<Vec<crate::model::PropertyTag>> {
        let gone = self.lost_streams(content)?;
        Ok(if gone.is_empty() {
            Vec::new()
        } else {
            content.remove_streams(&gone)
        })
    }

    fn lost_streams(&self, content: &Content) -> Result<BTreeSet<StreamReference>> {
        let mut gone = BTreeSet::new();
        for stream in content.streams() {
            if !self.target.has_stream(stream)? {
                gone.insert(stream);
            }
        }
        Ok(gone)
    }

    /// A kept version is saved as it was or not at all.
    pub(super) fn versions(&mut self) -> Result<()> {
        for place in self.rows.versions.clone() {
            let row = self.rows.read(place);
            let Some(found) = row.as_ref().and_then(rows::version) else {
                let detail = "a kept version of a message cannot be read";
                self.report.lose(ObjectKind::Version, None, detail);
                continue;
            };
            let is_sound = trust(found.uid, found.checksum, &found.documents) == Some(Trust::Sound);
            let content = document::read(&found.documents).ok().filter(|_| is_sound);
            let mut taken = Taken::No;
            if let (Some(content), Some(row)) = (content, row)
                && self.lost_streams(&content)?.is_empty()
                && self.target.may_keep(&found)?
            {
                taken = self.target.version(
                    found.message_id,
                    found.row_version,
                    row.values(),
                    &content.streams(),
                )?;
            }
            if taken == Taken::Yes {
                self.report.versions += 1;
            } else {
                let detail = format!("its kept version {} is lost", found.row_version);
                self.report
                    .lose(ObjectKind::Version, Some(found.uid), detail);
            }
        }
        self.report.streams = self.target.count_streams()?;
        Ok(())
    }
}
