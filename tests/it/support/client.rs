//! A client as a test speaks to it.

use std::ops::Deref;
use std::os::unix::process::CommandExt;
use std::process::Command as Program;

use mapistore::{MapiCode, PropertyTag, ReadFlags, SaveFlags, Tag};

use super::blob::Blob;
use super::link::Link;
use super::protocol::*;
use super::scripted::Gates;

/// After a save the handle can be changed and saved again.
pub(crate) const KEEP: SaveFlags = SaveFlags::KEEP_OPEN_READWRITE;
/// The same for a forced one.
pub(crate) const FORCE: SaveFlags = SaveFlags::KEEP_OPEN_READWRITE.union(SaveFlags::FORCE_SAVE);

/// A client: a thread or a process with handles of its own.
///
/// Calls that a scenario takes for granted panic where they fail; those that begin with `try_`, and saving,
/// return what came.
#[derive(Debug)]
pub(crate) struct Client {
    link: Link,
    name: String,
}

impl Deref for Client {
    type Target = Link;

    fn deref(&self) -> &Link {
        &self.link
    }
}

impl Client {
    pub(crate) fn new(link: Link, name: impl Into<String>) -> Client {
        Client {
            link,
            name: name.into(),
        }
    }

    /// A process that may not write what belongs to others, also when the tests are run by root.
    pub(crate) fn unprivileged() -> Client {
        const NOBODY: u32 = 65_534;
        let mut program = Program::new(std::env::current_exe().unwrap());
        let id = Program::new("id").arg("-u").output().unwrap();
        if id.stdout.starts_with(b"0\n") {
            program.uid(NOBODY).gid(NOBODY);
        }
        Client::new(Link::to_program(&mut program), "unprivileged")
    }

    /// The name that the store knows it by.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    #[track_caller]
    pub(crate) fn open(&self, id: &str, access: Wanted) -> Handle {
        self.try_open(id, access).unwrap()
    }

    #[track_caller]
    pub(crate) fn try_open(&self, id: &str, access: Wanted) -> Result<Handle, Failure> {
        self.call(Command::Open {
            id: id.to_owned(),
            access,
            deleted: false,
        })
    }

    /// Opens with modify access, and sets the subject.
    #[track_caller]
    pub(crate) fn edit(&self, id: &str, subject: &str) -> Handle {
        let handle = self.open(id, Wanted::Modify);
        self.set(handle, mapistore::pr::SUBJECT, subject);
        handle
    }

    #[track_caller]
    pub(crate) fn create(&self, folder: &str) -> Handle {
        self.call(Command::Create {
            folder: folder.to_owned(),
        })
        .unwrap()
    }

    #[track_caller]
    pub(crate) fn view(&self, handle: Handle) -> View {
        self.try_view(handle).unwrap()
    }

    #[track_caller]
    pub(crate) fn try_view(&self, handle: Handle) -> Result<View, Failure> {
        self.call(Command::View(handle))
    }

    #[track_caller]
    pub(crate) fn set<T>(&self, handle: Handle, tag: Tag<T>, value: impl Into<Plain>) {
        self.try_set(handle, tag.tag(), value).unwrap();
    }

    #[track_caller]
    pub(crate) fn try_set(
        &self,
        handle: Handle,
        tag: PropertyTag,
        value: impl Into<Plain>,
    ) -> Result<(), Failure> {
        self.call(Command::Set(handle, tag.value(), value.into()))
    }

    #[track_caller]
    pub(crate) fn set_blob<T>(&self, handle: Handle, tag: Tag<T>, blob: Blob) {
        self.call::<()>(Command::SetBlob(handle, tag.tag().value(), blob))
            .unwrap();
    }

    #[track_caller]
    pub(crate) fn delete_property<T>(&self, handle: Handle, tag: Tag<T>) {
        self.call::<()>(Command::Delete(handle, tag.tag().value()))
            .unwrap();
    }

    #[track_caller]
    pub(crate) fn add_recipient(&self, handle: Handle, name: &str) -> u32 {
        self.call(Command::AddRecipient(handle, name.to_owned()))
            .unwrap()
    }

    #[track_caller]
    pub(crate) fn remove_recipient(&self, handle: Handle, row: u32) {
        self.call::<()>(Command::RemoveRecipient(handle, row))
            .unwrap();
    }

    #[track_caller]
    pub(crate) fn rename_recipient(&self, handle: Handle, row: u32, name: &str) {
        self.call::<()>(Command::RenameRecipient(handle, row, name.to_owned()))
            .unwrap();
    }

    #[track_caller]
    pub(crate) fn attach(&self, handle: Handle, name: &str, blob: Blob) -> u32 {
        self.call(Command::Attach(handle, name.to_owned(), blob))
            .unwrap()
    }

    #[track_caller]
    pub(crate) fn replace_attachment(&self, handle: Handle, number: u32, blob: Blob) {
        self.call::<()>(Command::ReplaceAttachment(handle, number, blob))
            .unwrap();
    }

    #[track_caller]
    pub(crate) fn embed(&self, handle: Handle, subject: &str, body: Blob) -> u32 {
        self.call(Command::Embed(handle, subject.to_owned(), body))
            .unwrap()
    }

    #[track_caller]
    pub(crate) fn rename_embedded(&self, handle: Handle, number: u32, subject: &str) {
        self.call::<()>(Command::RenameEmbedded(handle, number, subject.to_owned()))
            .unwrap();
    }

    #[track_caller]
    pub(crate) fn delete_attachment(&self, handle: Handle, number: u32) {
        self.call::<()>(Command::DeleteAttachment(handle, number))
            .unwrap();
    }

    #[track_caller]
    pub(crate) fn save(&self, handle: Handle, flags: SaveFlags) -> Result<SavedView, Failure> {
        self.call(Command::Save(handle, flags.bits()))
    }

    /// Begins to save with a resolver of these answers; what came of it is received later.
    #[track_caller]
    pub(crate) fn send_save_with(&self, handle: Handle, answers: &[&str], gates: Option<&Gates>) {
        self.send(Command::SaveWith {
            handle,
            flags: KEEP.bits(),
            answers: answers.iter().map(|answer| (*answer).to_owned()).collect(),
            gates: gates.map(Gates::name),
        });
    }

    #[track_caller]
    pub(crate) fn save_with(&self, handle: Handle, answers: &[&str]) -> ResolvedView {
        self.send_save_with(handle, answers, None);
        self.receive().unwrap()
    }

    #[track_caller]
    pub(crate) fn save_batch(
        &self,
        handles: &[Handle],
        flags: SaveFlags,
    ) -> Result<Vec<Result<SavedView, Failure>>, Failure> {
        self.call(Command::SaveBatch(handles.to_vec(), flags.bits()))
    }

    #[track_caller]
    pub(crate) fn set_save_id(&self, handle: Handle, save_id: &str) {
        self.call::<()>(Command::SetSaveId(handle, save_id.to_owned()))
            .unwrap();
    }

    #[track_caller]
    pub(crate) fn find_save(&self, id: &str, save_id: &str) -> Option<i64> {
        let command = Command::FindSave {
            id: id.to_owned(),
            save_id: save_id.to_owned(),
        };
        self.call(command).unwrap()
    }

    #[track_caller]
    pub(crate) fn reload(&self, handle: Handle) -> Result<(), Failure> {
        self.call(Command::Reload(handle))
    }

    #[track_caller]
    pub(crate) fn is_stale(&self, handle: Handle) -> bool {
        self.call(Command::IsStale(handle)).unwrap()
    }

    #[track_caller]
    pub(crate) fn delete_message(&self, id: &str, hard: bool) {
        self.call::<()>(Command::DeleteMessages {
            ids: vec![id.to_owned()],
            hard,
        })
        .unwrap();
    }

    #[track_caller]
    pub(crate) fn move_message(&self, id: &str, folder: &str) {
        let (ids, folder) = (vec![id.to_owned()], folder.to_owned());
        self.call::<()>(Command::Move { ids, folder }).unwrap();
    }

    #[track_caller]
    pub(crate) fn set_read(&self, ids: &[&str], read: bool) {
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        self.call::<()>(Command::SetRead { ids, read }).unwrap();
    }

    /// Whether a report is due for each.
    #[track_caller]
    pub(crate) fn set_read_flags(&self, ids: &[&str], flags: ReadFlags) -> Vec<bool> {
        self.try_set_read_flags(ids, flags).unwrap()
    }

    #[track_caller]
    pub(crate) fn try_set_read_flags(
        &self,
        ids: &[&str],
        flags: ReadFlags,
    ) -> Result<Vec<bool>, Failure> {
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        let flags = flags.bits();
        self.call(Command::SetReadFlags { ids, flags })
    }

    /// Whether a report is due.
    #[track_caller]
    pub(crate) fn mark(&self, handle: Handle, flags: ReadFlags) -> Result<bool, Failure> {
        self.call(Command::MarkFlags(handle, flags.bits()))
    }

    /// The messages of the folder that changed, and those with a report that is due.
    #[track_caller]
    pub(crate) fn mark_folder(&self, folder: &str, flags: ReadFlags) -> [Vec<String>; 2] {
        let (folder, flags) = (folder.to_owned(), flags.bits());
        self.call(Command::MarkFolder { folder, flags }).unwrap()
    }

    #[track_caller]
    pub(crate) fn status(&self, id: &str) -> i32 {
        self.call(Command::Status { id: id.to_owned() }).unwrap()
    }

    #[track_caller]
    pub(crate) fn set_status(&self, id: &str, status: i32, mask: i32) -> i32 {
        self.call(Command::SetStatus {
            id: id.to_owned(),
            status,
            mask,
        })
        .unwrap()
    }

    #[track_caller]
    pub(crate) fn open_attachment_data(&self, handle: Handle, number: u32) -> Stream {
        self.call(Command::OpenStream(handle, Part::Attachment(number)))
            .unwrap()
    }

    #[track_caller]
    pub(crate) fn open_stream<T>(&self, handle: Handle, tag: Tag<T>) -> Stream {
        self.call(Command::OpenStream(
            handle,
            Part::Property(tag.tag().value()),
        ))
        .unwrap()
    }

    /// Reads so many bytes of a stream, which must be those of the blob at that place.
    #[track_caller]
    pub(crate) fn compare(&self, stream: Stream, blob: Blob, bytes: u64) -> u64 {
        self.call(Command::Compare(stream, blob, bytes)).unwrap()
    }

    /// Collects garbage; answers streams, their bytes, and streams that were kept for handles.
    #[track_caller]
    pub(crate) fn collect_garbage(&self) -> (u64, u64, u64) {
        self.call(Command::CollectGarbage).unwrap()
    }

    #[track_caller]
    pub(crate) fn set_on<T>(&self, place: &Place, tag: Tag<T>, value: impl Into<Plain>) {
        let command = Command::SetOn(place.clone(), tag.tag().value(), value.into());
        self.call::<()>(command).unwrap();
    }

    #[track_caller]
    pub(crate) fn delete_on<T>(&self, place: &Place, tag: Tag<T>) {
        self.call::<()>(Command::DeleteOn(place.clone(), tag.tag().value()))
            .unwrap();
    }

    /// The value as it is printed for diagnosis.
    #[track_caller]
    pub(crate) fn get_on<T>(&self, place: &Place, tag: Tag<T>) -> Option<String> {
        self.call(Command::GetOn(place.clone(), tag.tag().value()))
            .unwrap()
    }

    #[track_caller]
    pub(crate) fn map_names(&self, names: &[&str], create: bool) -> Vec<Option<u16>> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        self.call(Command::MapNames { names, create }).unwrap()
    }

    #[track_caller]
    pub(crate) fn drop_handle(&self, handle: Handle) {
        self.call::<()>(Command::Drop(handle)).unwrap();
    }
}

/// The failure that must have come, of this code.
#[track_caller]
pub(crate) fn expect<T: std::fmt::Debug>(result: Result<T, Failure>, code: MapiCode) -> Failure {
    let failure = result.unwrap_err();
    assert!(failure.is(code), "{failure:?} instead of {code}");
    failure
}
