//! SQLite's own file system, with a disk of the test's in front of it: the disk is asked before each call whether it may
//! happen, and told afterwards that it has.
//!
//! It is registered as the default, so the library needs no switch for it. A file belongs to the disk that is mounted at
//! its folder; elsewhere every call goes through.

#![allow(
    unsafe_code,
    reason = "a file system of SQLite is a table of C functions; nothing else here is unsafe"
)]

use std::collections::BTreeMap;
use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::mem::size_of;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use rusqlite::ffi;

/// A call that the disk may refuse.
#[derive(Clone, Copy)]
pub(crate) enum Call<'a> {
    Open,
    Delete {
        folder_is_synced: bool,
    },
    Exists,
    Read,
    Write {
        offset: u64,
        data: &'a [u8],
        /// Bytes in the file before.
        size: u64,
    },
    Truncate {
        size: u64,
    },
    Sync,
    Size,
    Lock,
    MapShared,
    LockShared,
}

/// What becomes of a call; the numbers are SQLite's error codes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Go,
    Fail(c_int),
    /// A write does its first half; any other call nothing.
    FailHalfway(c_int),
}

/// A disk as a test wants it. `file` is a name without its folder.
pub(crate) trait Disk: Send + Sync {
    fn before(&self, file: &str, call: &Call<'_>) -> Verdict;

    /// The call was done, and has succeeded.
    fn after(&self, _file: &str, _call: &Call<'_>) {}
}

type Mounts = RwLock<BTreeMap<PathBuf, Arc<dyn Disk>>>;
static MOUNTS: Mounts = RwLock::new(BTreeMap::new());

/// A disk in front of a folder, until this is dropped. Files that are open then keep it.
pub(crate) struct Mount {
    folder: PathBuf,
}

impl Mount {
    pub(crate) fn new(folder: &Path, disk: Arc<dyn Disk>) -> Mount {
        register();
        let folder = folder.canonicalize().unwrap();
        MOUNTS.write().unwrap().insert(folder.clone(), disk);
        Mount { folder }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // A panicking test may have poisoned it; the map is whole all the same.
        let mut mounts = MOUNTS.write().unwrap_or_else(PoisonError::into_inner);
        mounts.remove(&self.folder);
    }
}

/// An open file as SQLite holds it; the real one stands right behind it in the same piece of memory.
#[repr(C)]
struct File {
    base: ffi::sqlite3_file,
    on: *mut OnDisk,
}

struct OnDisk {
    name: String,
    disk: Option<Arc<dyn Disk>>,
}

/// The parts of a path that a disk is found by.
///
/// # Safety
///
/// `path` is null or a C string.
unsafe fn on_disk(path: *const c_char) -> OnDisk {
    if path.is_null() {
        return OnDisk {
            name: String::new(),
            disk: None,
        };
    }
    // SAFETY: it is a C string, as the caller says.
    let path = unsafe { CStr::from_ptr(path) };
    let path = Path::new(OsStr::from_bytes(path.to_bytes()));
    let mounts = MOUNTS.read().unwrap_or_else(PoisonError::into_inner);
    OnDisk {
        name: path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        disk: path.parent().and_then(|folder| mounts.get(folder).cloned()),
    }
}

impl OnDisk {
    /// Asks the disk, does the call if it may happen, and tells the disk of it.
    fn judge(&self, call: &Call<'_>, done: impl FnOnce(Verdict) -> c_int) -> c_int {
        let Some(disk) = &self.disk else {
            return done(Verdict::Go);
        };
        match disk.before(&self.name, call) {
            Verdict::Go => {
                let code = done(Verdict::Go);
                if code == ffi::SQLITE_OK {
                    disk.after(&self.name, call);
                }
                code
            }
            Verdict::Fail(code) => code,
            Verdict::FailHalfway(code) => {
                done(Verdict::FailHalfway(code));
                code
            }
        }
    }
}

/// Makes this file system the default of the process, once.
fn register() {
    static REGISTERED: OnceLock<()> = OnceLock::new();
    REGISTERED.get_or_init(|| {
        // SAFETY: the first call initialises SQLite. What is registered is a copy of SQLite's own file system, so that the
        // functions that are not replaced find in it what they expect; it is leaked, and lives for ever.
        unsafe {
            let unix = ffi::sqlite3_vfs_find(ptr::null());
            assert!(!unix.is_null());
            let mut ours = *unix;
            ours.szOsFile += size_of::<File>() as c_int;
            ours.zName = c"torture".as_ptr();
            ours.pNext = ptr::null_mut();
            ours.xOpen = Some(open);
            ours.xDelete = Some(delete);
            ours.xAccess = Some(access);
            UNIX.set(Unix(unix)).ok().unwrap();
            let ours = Box::leak(Box::new(ours));
            assert_eq!(ffi::sqlite3_vfs_register(ours, 1), ffi::SQLITE_OK);
        }
    });
}

struct Unix(*mut ffi::sqlite3_vfs);
// SAFETY: SQLite never changes or frees it, and its functions are made for several threads.
unsafe impl Send for Unix {}
// SAFETY: as above.
unsafe impl Sync for Unix {}
static UNIX: OnceLock<Unix> = OnceLock::new();

fn unix() -> *mut ffi::sqlite3_vfs {
    UNIX.get().map_or(ptr::null_mut(), |unix| unix.0)
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(map_shared),
    xShmLock: Some(lock_shared),
    xShmBarrier: Some(barrier),
    xShmUnmap: Some(unmap_shared),
    xFetch: None,
    xUnfetch: None,
};

/// The real file behind one of ours.
///
/// # Safety
///
/// `file` is one that [`open`] was given, with the room that `szOsFile` asks for.
unsafe fn real(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: there is room for both, and the size of ours is a multiple of a pointer's.
    unsafe { file.cast::<File>().add(1).cast() }
}

/// Calls a method of the real file.
macro_rules! call_real {
    ($file:expr, $method:ident $(, $argument:expr)*) => {{
        let real = real($file);
        (*(*real).pMethods).$method.map_or(ffi::SQLITE_IOERR, |method| method(real $(, $argument)*))
    }};
}

/// Calls a method of the real file if the disk lets it.
macro_rules! call_if_let {
    ($file:expr, $call:expr, $method:ident $(, $argument:expr)*) => {
        // SAFETY: SQLite calls this for a file that `open` has opened, with arguments as the real method wants them.
        unsafe {
            (*(*$file.cast::<File>()).on).judge(&$call, |verdict| match verdict {
                Verdict::Go => call_real!($file, $method $(, $argument)*),
                _ => ffi::SQLITE_IOERR,
            })
        }
    };
}

/// Calls a method of the real file, whatever the disk.
macro_rules! call_always {
    ($file:expr, $method:ident $(, $argument:expr)*) => {
        // SAFETY: as in `call_if_let`.
        unsafe { call_real!($file, $method $(, $argument)*) }
    };
}

unsafe extern "C" fn open(
    _vfs: *mut ffi::sqlite3_vfs,
    path: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives memory of `szOsFile` bytes, and a path that outlives the file. Without methods it will not
    // close what could not be opened.
    unsafe {
        let ours = file.cast::<File>();
        (*ours).base.pMethods = ptr::null();
        let on = on_disk(path);
        let opened = on.judge(&Call::Open, |verdict| match verdict {
            Verdict::Go => (*unix()).xOpen.map_or(ffi::SQLITE_CANTOPEN, |open| {
                open(unix(), path, real(file), flags, flags_out)
            }),
            _ => ffi::SQLITE_CANTOPEN,
        });
        if opened == ffi::SQLITE_OK {
            (*ours).on = Box::into_raw(Box::new(on));
            (*ours).base.pMethods = &METHODS;
        }
        opened
    }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let closed = call_always!(file, xClose);
    // SAFETY: `open` made it, and SQLite closes a file once.
    unsafe {
        drop(Box::from_raw((*file.cast::<File>()).on));
        (*file).pMethods = ptr::null();
    }
    closed
}

unsafe extern "C" fn delete(
    _vfs: *mut ffi::sqlite3_vfs,
    path: *const c_char,
    sync_folder: c_int,
) -> c_int {
    let folder_is_synced = sync_folder != 0;
    // SAFETY: SQLite gives a C string.
    unsafe {
        on_disk(path).judge(
            &Call::Delete { folder_is_synced },
            |verdict| match verdict {
                Verdict::Go => (*unix()).xDelete.map_or(ffi::SQLITE_IOERR, |delete| {
                    delete(unix(), path, sync_folder)
                }),
                _ => ffi::SQLITE_IOERR,
            },
        )
    }
}

unsafe extern "C" fn access(
    _vfs: *mut ffi::sqlite3_vfs,
    path: *const c_char,
    flags: c_int,
    answer: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives a C string, and a place for the answer.
    unsafe {
        on_disk(path).judge(&Call::Exists, |verdict| match verdict {
            Verdict::Go => (*unix()).xAccess.map_or(ffi::SQLITE_IOERR, |access| {
                access(unix(), path, flags, answer)
            }),
            _ => ffi::SQLITE_IOERR,
        })
    }
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    into: *mut c_void,
    bytes: c_int,
    offset: i64,
) -> c_int {
    call_if_let!(file, Call::Read, xRead, into, bytes, offset)
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    bytes: c_int,
    offset: i64,
) -> c_int {
    // SAFETY: as in `call_if_let`; there are `bytes` bytes at `from`.
    unsafe {
        let mut size = 0;
        let known = call_real!(file, xFileSize, &raw mut size);
        assert_eq!(known, ffi::SQLITE_OK);
        let call = Call::Write {
            offset: offset.unsigned_abs(),
            data: std::slice::from_raw_parts(from.cast(), bytes.unsigned_abs() as usize),
            size: size.unsigned_abs(),
        };
        (*(*file.cast::<File>()).on).judge(&call, |verdict| match verdict {
            Verdict::Go => call_real!(file, xWrite, from, bytes, offset),
            _ => call_real!(file, xWrite, from, bytes / 2, offset),
        })
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    let call = Call::Truncate {
        size: size.unsigned_abs(),
    };
    call_if_let!(file, call, xTruncate, size)
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    call_if_let!(file, Call::Sync, xSync, flags)
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut i64) -> c_int {
    call_if_let!(file, Call::Size, xFileSize, size)
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    call_if_let!(file, Call::Lock, xLock, level)
}

/// Giving up never fails: the kernel frees a lock of one's own.
unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    call_always!(file, xUnlock, level)
}

unsafe extern "C" fn check_reserved_lock(
    file: *mut ffi::sqlite3_file,
    answer: *mut c_int,
) -> c_int {
    call_if_let!(file, Call::Lock, xCheckReservedLock, answer)
}

unsafe extern "C" fn file_control(
    file: *mut ffi::sqlite3_file,
    operation: c_int,
    argument: *mut c_void,
) -> c_int {
    call_always!(file, xFileControl, operation, argument)
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    call_always!(file, xSectorSize)
}

unsafe extern "C" fn device_characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    call_always!(file, xDeviceCharacteristics)
}

unsafe extern "C" fn map_shared(
    file: *mut ffi::sqlite3_file,
    region: c_int,
    size: c_int,
    extend: c_int,
    into: *mut *mut c_void,
) -> c_int {
    // SAFETY: SQLite wants null where there is no mapping.
    unsafe { *into = ptr::null_mut() };
    call_if_let!(file, Call::MapShared, xShmMap, region, size, extend, into)
}

unsafe extern "C" fn lock_shared(
    file: *mut ffi::sqlite3_file,
    offset: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
        return call_always!(file, xShmLock, offset, count, flags);
    }
    call_if_let!(file, Call::LockShared, xShmLock, offset, count, flags)
}

unsafe extern "C" fn barrier(file: *mut ffi::sqlite3_file) {
    // SAFETY: as in `call_if_let`.
    unsafe {
        let real = real(file);
        if let Some(barrier) = (*(*real).pMethods).xShmBarrier {
            barrier(real);
        }
    }
}

unsafe extern "C" fn unmap_shared(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    call_always!(file, xShmUnmap, delete)
}
