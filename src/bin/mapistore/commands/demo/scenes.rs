//! The scenes of the demonstration, each with its claims.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::actor::{Actor, Processes};
use super::stage::Stage;
use super::{ANAS, BENS, SUBJECT, short};

/// Makes the store, imports the mails, and finds the one that this is about.
pub(super) fn fill(
    stage: &mut Stage<'_>,
    processes: &Processes,
    mails: &Path,
) -> anyhow::Result<String> {
    stage.command("init")?;
    processes.json(&["init"])?;
    stage.command("import mail --folder Inbox")?;
    let mails = mails.to_string_lossy();
    let imported = processes.json(&["import", &mails, "--folder", "Inbox"])?;
    let is_figures = |message: &&Value| message["subject"] == SUBJECT;
    let inbox = processes.json(&["list", "Inbox"])?;
    let message = inbox
        .as_array()
        .and_then(|inbox| inbox.iter().find(is_figures))
        .cloned()
        .unwrap_or_default();
    let entry = message["entry_id"].as_str().unwrap_or_default().to_owned();
    stage.claim(
        "S9",
        "4 messages imported",
        imported["imported"] == 4 && entry.len() == 32,
    )?;
    Ok(entry)
}

/// The second save: refused, and nothing written.
pub(super) fn be_refused(
    stage: &mut Stage<'_>,
    processes: &Processes,
    entry: &str,
    ben: &mut Actor,
) -> anyhow::Result<()> {
    ben.tell(&format!("set PR_SUBJECT={BENS}"))?;
    let refused = ben.ask("save")?;
    stage.act(ben, &format!("sets the subject to \"{BENS}\", saves"))?;
    let text = |name: &str| refused[name].as_str().unwrap_or_default().to_owned();
    stage.quote(&format!("{} ({})", text("error"), text("code")))?;
    let saved_at = text("saved_at").get(11..19).unwrap_or_default().to_owned();
    stage.quote(&format!(
        "built on version {}; it is at version {} now, saved by {} at {saved_at}Z",
        refused["base_version"],
        refused["current_version"],
        text("saved_by")
    ))?;
    stage.claim("S2", "Ben got OBJECT_CHANGED, with who and when", {
        text("code") == "0x80040109"
            && text("saved_by") == "Ana"
            && !saved_at.is_empty()
            && (&refused["base_version"], &refused["current_version"])
                == (&Value::from(1), &Value::from(2))
    })?;
    let now = processes.json(&["show", entry])?;
    stage.claim(
        "S2",
        "nothing was written: a third process reads Ana's version 2",
        now["row_version"] == 2 && now["properties"]["PR_SUBJECT"] == ANAS,
    )
}

/// What somebody who was refused can choose by.
pub(super) fn be_shown(stage: &mut Stage<'_>, ben: &mut Actor) -> anyhow::Result<()> {
    let shown = ben.tell("conflict")?;
    stage.act(ben, "looks at both changes, as the prompt shows them")?;
    let lines = shown["lines"].as_array().cloned().unwrap_or_default();
    let lines: Vec<&str> = lines.iter().filter_map(Value::as_str).collect();
    stage.quote(&lines.join("\n"))?;
    let has = |what: &str, whose: &str| {
        let mut rows = lines.iter().map(|line| line.trim_end());
        rows.any(|line| line.starts_with(what) && line.ends_with(whose))
    };
    stage.claim(
        "K1",
        "both changed the subject, and only Ana the attachments",
        has("theirs  version 2, saved by Ana", "Z")
            && has("PR_SUBJECT", "both")
            && has("attachment", "theirs")
            && !has("attachment", "both"),
    )?;
    let lists =
        "`set` and `edit` ask at a terminal: theirs, yours, both merged, or yours elsewhere";
    stage.quote(lists)
}

/// A handle still reads the version that it opened.
pub(super) fn read_snapshot(
    stage: &mut Stage<'_>,
    processes: &Processes,
    entry: &str,
    ben: &mut Actor,
) -> anyhow::Result<()> {
    let data = ben.tell("data 0")?;
    let bytes = STANDARD
        .decode(data["data"].as_str().unwrap_or_default())
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().count();
    stage.act(
        ben,
        &format!(
            "reads figures.csv: {} bytes, {lines} lines, \"{}\" …",
            data["size"],
            last_line(&text)
        ),
    )?;
    stage.claim(
        "O2",
        "it is the file of version 1",
        text.contains("43,141,13020.90"),
    )?;
    let now = processes.json(&["show", entry])?;
    let names = |message: &Value| {
        message["attachments"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    };
    let name = names(&now)
        .iter()
        .map(|one| one["name"].as_str().unwrap_or_default().to_owned())
        .collect::<Vec<_>>();
    stage.claim(
        "O2",
        "whoever opens it now gets figures-corrected.csv",
        name == ["figures-corrected.csv"],
    )
}

fn last_line(text: &str) -> &str {
    text.trim_end().lines().last().unwrap_or_default()
}

/// FORCE_SAVE, and what becomes of what it replaces.
pub(super) fn force(
    stage: &mut Stage<'_>,
    processes: &Processes,
    entry: &str,
    ben: &mut Actor,
) -> anyhow::Result<()> {
    let forced = ben.tell("force")?;
    stage.act(ben, &format!("forces: version {}", forced["row_version"]))?;
    let now = processes.json(&["show", entry])?;
    stage.claim("S5", "version 3 is Ben's view, old attachment and all", {
        now["row_version"] == 3
            && now["properties"]["PR_SUBJECT"] == BENS
            && now["attachments"][0]["name"] == "figures.csv"
    })?;
    let query = "SELECT row_version, replaced_by, reason, subject FROM inspect_versions";
    stage.command(&format!("sql \"{query}\""))?;
    stage.quote(&processes.text(&["sql", query])?)?;
    let kept = processes.json(&["sql", query])?;
    stage.claim("K4", "Ana's version 2 is kept", {
        kept[0]["row_version"] == 2 && kept[0]["subject"] == ANAS && kept[0]["replaced_by"] == "Ben"
    })
}

/// Who did what, by the journal.
pub(super) fn read_journal(
    stage: &mut Stage<'_>,
    processes: &Processes,
    entry: &str,
    ana: &Actor,
    ben: &Actor,
) -> anyhow::Result<()> {
    let query = |condition: &str| {
        format!(
            "SELECT change_number, kind, row_version, client, process_id FROM inspect_changes WHERE {condition}"
        )
    };
    let whole = query(&format!("entry_id = '{entry}'"));
    stage.command(&format!(
        "sql \"{}\"",
        query(&format!("entry_id LIKE '{}%'", short(entry)))
    ))?;
    stage.quote(&processes.text(&["sql", &whole])?)?;
    let journal = processes.json(&["sql", &whole])?;
    let said = |at: usize, kind: &str, actor: Option<&Actor>| {
        let row = &journal[at];
        let by = actor.is_none_or(|actor| {
            row["client"] == actor.name() && row["process_id"] == actor.process_id()
        });
        row["kind"] == kind && row["row_version"] == at + 1 && by
    };
    stage.claim("S11", "created, saved by Ana's process, forced by Ben's", {
        said(0, "message-created", None)
            && said(1, "message-saved", Some(ana))
            && said(2, "message-forced", Some(ben))
    })
}
