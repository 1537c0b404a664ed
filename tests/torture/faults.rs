//! One call to the disk fails, or all from one on, at every place of the script.
//!
//! Each point is a run of one scene. When a step fails, the files are copied as they are at that moment, and opened as they
//! would be after the death of the process: the step has left no trace, or its outcome was said to be unknown and all of it
//! is there. Then the disk is mended, and the same step on the same handle must succeed; at the end the store must
//! show what it shows after a run in which nothing failed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mapistore::{EntryId, Error, MapiCode, StreamHash};
use tempfile::TempDir;

use crate::actor::{Actor, KEEP};
use crate::disks::{FailingDisk, Trouble};
use crate::picture::checked_picture;
use crate::script::{Commits, NEEDS_LONG_LOG, Scene, Step, prepare, scenes};
use crate::size::{Size, in_parallel, workshop};
use crate::vfs::Mount;

/// The store that every scene begins with, in all its forms.
struct Beginning {
    folder: TempDir,
    ids: Vec<EntryId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Its log was moved into it.
    Closed,
    /// As a killed process leaves it: whoever opens it has to recover.
    Killed,
    /// The same, with a log that is soon long enough for a checkpoint.
    LongLog,
}

impl Form {
    fn folder(self) -> &'static str {
        match self {
            Form::Closed => "closed",
            Form::Killed => "killed",
            Form::LongLog => "long-log",
        }
    }
}

/// Just below the thousand pages from which the library makes a checkpoint, in bytes.
const LONG_LOG: u64 = 980 * 4_120;

const NAME: &str = "mail.store";

impl Beginning {
    fn new() -> Beginning {
        let folder = workshop();
        for form in [Form::Closed, Form::Killed, Form::LongLog] {
            fs::create_dir(folder.path().join(form.folder())).unwrap();
        }
        let beside = |form: Form| folder.path().join(form.folder());
        let path = beside(Form::Closed).join(NAME);
        let (store, ids) = prepare(&path);
        copy_as_killed(&path, &beside(Form::Killed));
        drop(store);
        let beginning = Beginning { folder, ids };
        beginning.lengthen_log();
        beginning
    }

    fn lengthen_log(&self) {
        let folder = workshop();
        let path = self.copy(Form::Closed, folder.path());
        let mut actor = Actor::new(path.clone(), self.ids.clone());
        actor.open_store().unwrap();
        actor.open("m", 0).unwrap();
        for number in 0.. {
            if fs::metadata(log_of(&path)).unwrap().len() >= LONG_LOG {
                break;
            }
            actor.subject("m", &format!("M0, {number}")).unwrap();
            actor.save("m", KEEP).unwrap();
        }
        copy_as_killed(&path, &self.folder.path().join(Form::LongLog.folder()));
    }

    fn copy(&self, form: Form, to: &Path) -> PathBuf {
        let from = self.folder.path().join(form.folder());
        // Nobody has these files open in this process.
        for file in fs::read_dir(from).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
        to.join(NAME)
    }
}

fn log_of(path: &Path) -> PathBuf {
    path.with_extension("store-wal")
}

/// Copies the files of a store that is open, without those that do not outlive a process. By another process: closing a
/// file here would drop the locks that SQLite has on it.
fn copy_as_killed(path: &Path, to: &Path) -> PathBuf {
    let log = log_of(path);
    let mut copy = Command::new("cp");
    copy.arg(path);
    if log.exists() {
        copy.arg(&log);
    }
    assert!(copy.arg(to).status().unwrap().success());
    to.join(path.file_name().unwrap())
}

/// What a scene shows after each step, if nothing fails.
struct Undisturbed {
    pictures: Vec<StreamHash>,
    lines: Vec<Vec<String>>,
    calls: u64,
}

fn undisturbed(beginning: &Beginning, scene: &Scene, form: Form) -> Undisturbed {
    let folder = workshop();
    let path = beginning.copy(form, folder.path());
    let disk = Arc::new(FailingDisk::new(Trouble::None));
    let mount = Mount::new(folder.path(), disk.clone());
    let mut actor = Actor::new(path.clone(), beginning.ids.clone());
    let mut lines = vec![picture_as_killed(&path)];
    for (number, (_, step)) in scene.steps.iter().enumerate() {
        step(&mut actor).unwrap_or_else(|error| panic!("{}, step {number}: {error}", scene.name));
        lines.push(picture_as_killed(&path));
    }
    drop(mount);
    Undisturbed {
        pictures: lines.iter().map(|lines| hash(lines)).collect(),
        lines,
        calls: disk.calls(),
    }
}

fn hash(lines: &[String]) -> StreamHash {
    StreamHash::of(lines.join("\n").as_bytes())
}

fn picture_as_killed(path: &Path) -> Vec<String> {
    let folder = workshop();
    checked_picture(&copy_as_killed(path, folder.path()))
}

/// Goes through a scene with one trouble.
fn disturbed(
    beginning: &Beginning,
    scene: &Scene,
    form: Form,
    expected: &Undisturbed,
    trouble: Trouble,
) -> Tally {
    let folder = workshop();
    let path = beginning.copy(form, folder.path());
    let disk = Arc::new(FailingDisk::new(trouble));
    let mount = Mount::new(folder.path(), disk.clone());
    let mut actor = Actor::new(path.clone(), beginning.ids.clone());
    let mut tally = Tally::default();
    for (number, (commits, step)) in scene.steps.iter().enumerate() {
        let Err(error) = step(&mut actor) else {
            continue;
        };
        tally.failed_steps += 1;
        let failure = disk.first_failure();
        let what = format!(
            "{}, step {number}, {trouble:?}: {failure:?}: {error}",
            scene.name
        );
        assert!(failure.is_some(), "{what}: without any reason");
        assert!(says_what_happened(&error), "{what}: {error:?}");
        judge_as_killed(&path, expected, number, *commits, &error, &what);
        if let Trouble::FromThenOn(_) = trouble {
            repeat_in_vain(&mut actor, *step, &what);
        }
        disk.mend();
        step(&mut actor).unwrap_or_else(|error| panic!("{what}, and again: {error} {error:?}"));
    }
    disk.mend();
    drop(mount);
    // What was left in the log when closing failed is there as well.
    let shown = checked_picture(&path);
    assert_same(&shown, &expected.lines[scene.steps.len()], &|| {
        format!("{}, {trouble:?}, {:?}", scene.name, disk.first_failure())
    });
    tally.points = 1;
    tally.met = u64::from(disk.first_failure().is_some());
    tally
}

/// A disk that stays broken makes the same step fail again, or at least do no harm.
fn repeat_in_vain(actor: &mut Actor, step: Step, what: &str) {
    if let Err(error) = step(actor) {
        assert!(says_what_happened(&error), "{what}, and again: {error:?}");
    }
}

/// The error is one of a disk, and not of the caller, of other clients, or of damage.
fn says_what_happened(error: &Error) -> bool {
    matches!(
        error.code(),
        MapiCode::MAPI_E_DISK_ERROR | MapiCode::MAPI_E_NOT_ENOUGH_DISK
    )
}

fn outcome_is_unknown(error: &Error) -> bool {
    matches!(
        error,
        Error::OutcomeUnknown { .. } | Error::CommitUnknown { .. }
    )
}

/// After the death of the process at this moment nothing of the step is there, or all of it where that was said to be
/// possible.
fn judge_as_killed(
    path: &Path,
    expected: &Undisturbed,
    step: usize,
    commits: Commits,
    error: &Error,
    what: &str,
) {
    let shown = picture_as_killed(path);
    let is_after = || hash(&shown) == expected.pictures[step + 1];
    if commits == Commits::InParts || (outcome_is_unknown(error) && is_after()) {
        return;
    }
    assert_same(&shown, &expected.lines[step], &|| {
        format!("{what}: after the death of the process")
    });
}

fn assert_same(shown: &[String], expected: &[String], what: &dyn Fn() -> String) {
    if shown != expected {
        let surplus: Vec<_> = shown
            .iter()
            .filter(|line| !expected.contains(line))
            .collect();
        let missing: Vec<_> = expected
            .iter()
            .filter(|line| !shown.contains(line))
            .collect();
        panic!("{}: surplus {surplus:#?}, missing {missing:#?}", what());
    }
}

#[derive(Debug, Default)]
struct Tally {
    points: u64,
    /// Points that a call of the run came to.
    met: u64,
    failed_steps: u64,
}

/// A point of the whole script.
#[derive(Debug, Clone, Copy)]
struct Point {
    scene: usize,
    form: Form,
    trouble: Trouble,
}

#[test]
fn every_call_to_the_disk_may_fail() {
    // S8, S9, S10, P5
    let beginning = Beginning::new();
    let scenes = scenes();
    let form_for = |number: usize| match scenes[number].name {
        NEEDS_LONG_LOG => Form::LongLog,
        _ if number.is_multiple_of(2) => Form::Closed,
        _ => Form::Killed,
    };
    let runs: Vec<(usize, Form)> = (0..scenes.len())
        .map(|scene| (scene, form_for(scene)))
        .collect();
    let expected: Vec<Undisturbed> = runs
        .iter()
        .map(|&(scene, form)| undisturbed(&beginning, &scenes[scene], form))
        .collect();
    let mut points = Vec::new();
    for (&(scene, form), expected) in runs.iter().zip(&expected) {
        for at in 0..expected.calls {
            for trouble in [Trouble::Once(at), Trouble::FromThenOn(at)] {
                points.push(Point {
                    scene,
                    form,
                    trouble,
                });
            }
        }
    }
    let all = points.len();
    let points = Size::of_run().some_of(points, 5_000, 200);
    let [met, failed_steps] = [AtomicU64::new(0), AtomicU64::new(0)];
    in_parallel(&points, |point| {
        let tally = disturbed(
            &beginning,
            &scenes[point.scene],
            point.form,
            &expected[point.scene],
            point.trouble,
        );
        met.fetch_add(tally.met, Ordering::Relaxed);
        failed_steps.fetch_add(tally.failed_steps, Ordering::Relaxed);
    });
    let steps: usize = scenes.iter().map(|scene| scene.steps.len()).sum();
    println!(
        "{} of {all} points in {steps} steps of {} scenes; {} met by a call, {} steps failed",
        points.len(),
        scenes.len(),
        met.load(Ordering::Relaxed),
        failed_steps.load(Ordering::Relaxed),
    );
    assert!(steps >= 200, "{steps}");
}
