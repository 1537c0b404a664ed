//! A save meets a full disk, at every 4 KiB of what it needs.

use std::sync::Arc;

use mapistore::{Access, EntryId, Error, MapiCode, Message, SaveFlags, Store, pr};

use crate::actor::{FORCE, KEEP, blob, read_all};
use crate::disks::FullDisk;
use crate::picture::checked_picture;
use crate::script::prepare;
use crate::size::workshop;
use crate::vfs::Mount;

/// By how much more room there is each time.
const STEP: u64 = 4_096;

/// A store on a disk that can be filled.
struct Full {
    disk: Arc<FullDisk>,
    store: Store,
    id: EntryId,
    folder: tempfile::TempDir,
    _mount: Mount,
}

impl Full {
    fn new() -> Full {
        let folder = workshop();
        let disk = Arc::new(FullDisk::new());
        let mount = Mount::new(folder.path(), disk.clone());
        let path = folder.path().join("mail.store");
        let (store, ids) = prepare(&path);
        drop(store);
        Full {
            disk,
            store: Store::options().open(&path).unwrap(),
            id: ids[0],
            folder,
            _mount: mount,
        }
    }

    /// A handle with changes in every part, some of them too large for its row.
    fn changed(&self) -> Message {
        let mut message = self.store.open_message(&self.id, Access::Modify).unwrap();
        message.set(pr::SUBJECT, "on a full disk").unwrap();
        let body = String::from_utf8(blob(3, 30_000)).unwrap();
        message.set(pr::BODY, body).unwrap();
        message.attach("large", &blob(4, 150_000)[..]).unwrap();
        message
    }

    /// What the disk had to find room for.
    fn needed(&self, call: impl FnOnce()) -> u64 {
        const ENOUGH: u64 = 1 << 40;
        self.disk.leave(ENOUGH);
        call();
        let needed = ENOUGH - self.disk.room();
        self.disk.leave(u64::MAX);
        needed
    }

    fn end(self) -> Vec<String> {
        let path = self.store.path().to_owned();
        drop(self.store);
        let shown = checked_picture(&path);
        drop(self.folder);
        shown
    }
}

/// What a handle shows, with its new attachment read to the end.
fn shown(message: &Message) -> String {
    let last = message.attachments().unwrap().last().unwrap().number;
    let data = read_all(message.open_attachment_data(last).unwrap()).unwrap();
    format!(
        "{:?} {:?} {:?} {} {:?} {:?} {}",
        message.row_version(),
        message.access_level(),
        message.save_id(),
        message.has_pending_changes(),
        message.properties().unwrap(),
        message.attachments().unwrap(),
        data == blob(4, 150_000)
    )
}

fn save_at_every_step(flags: SaveFlags) {
    let full = Full::new();
    let needed = full.needed(|| {
        full.changed().save_changes(flags).unwrap();
    });
    assert!(needed > 40 * STEP, "{needed}");
    let (mut refused, mut expected) = (0, None);
    for room in (0..=needed + STEP).step_by(STEP as usize) {
        // Each time in a store as it was, with an empty log.
        let full = Full::new();
        let mut message = full.changed();
        let before = shown(&message);
        full.disk.leave(room);
        if let Err(error) = message.save_changes(flags) {
            refused += 1;
            assert_eq!(
                error.code(),
                MapiCode::MAPI_E_NOT_ENOUGH_DISK,
                "{room}: {error:?}"
            );
            assert!(
                matches!(error, Error::NotEnoughDisk { .. }),
                "{room}: {error:?}"
            );
            assert_eq!(shown(&message), before, "{room}");
            // Nobody else sees any of it.
            let stored = full.store.open_message(&full.id, Access::ReadOnly).unwrap();
            assert_eq!(stored.get(pr::SUBJECT).unwrap().as_deref(), Some("M0"));
            full.disk.leave(u64::MAX);
            message.save_changes(flags).unwrap();
        } else {
            assert!(room + STEP >= needed, "{room} of {needed} were enough");
            full.disk.leave(u64::MAX);
        }
        drop(message);
        let shown = full.end();
        assert_eq!(
            *expected.get_or_insert_with(|| shown.clone()),
            shown,
            "{room}"
        );
    }
    assert!(
        refused >= needed / STEP - 1,
        "{refused} of {}",
        needed / STEP
    );
}

#[test]
fn save_on_a_full_disk_is_done_whole_or_not_at_all_and_can_be_repeated() {
    // S8, S9
    save_at_every_step(KEEP);
    save_at_every_step(FORCE);
}

#[test]
fn attaching_more_than_there_is_room_for_leaves_the_handle_usable() {
    // S8, S15
    let large = blob(5, 1_500_000);
    for room in [0, 100_000, 700_000, 1_300_000] {
        let full = Full::new();
        let mut message = full.changed();
        let before = shown(&message);
        full.disk.leave(room);
        let error = message.attach("larger", &large[..]).unwrap_err();
        assert_eq!(
            error.code(),
            MapiCode::MAPI_E_NOT_ENOUGH_DISK,
            "{room}: {error:?}"
        );
        assert_eq!(shown(&message), before, "{room}");
        full.disk.leave(u64::MAX);
        message.attach("larger", &large[..]).unwrap();
        message.save_changes(KEEP).unwrap();
        let last = message.attachments().unwrap().last().unwrap().number;
        let data = read_all(message.open_attachment_data(last).unwrap()).unwrap();
        assert!(data == large);
        drop(message);
        full.end();
    }
}

#[test]
fn full_disk_keeps_nobody_from_reading() {
    // S8, O2
    let full = Full::new();
    full.disk.leave(0);
    let message = full.store.open_message(&full.id, Access::ReadOnly).unwrap();
    assert_eq!(message.get(pr::SUBJECT).unwrap().as_deref(), Some("M0"));
    let report = full.store.check(&mut |_| ()).unwrap();
    assert!(report.is_sound(), "{report:?}");
    drop(message);
    full.disk.leave(u64::MAX);
    full.end();
}
