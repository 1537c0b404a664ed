//! Processes that hold messages open, that wait for each other, and that are killed.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::shell::{DEADLINE, Session, Shell, wait_for};

#[test]
fn open_handle_reads_its_version_whatever_is_saved_or_deleted() {
    // O2, S4
    let shell = Shell::new();
    shell.write("data", "first");
    let arguments = ["new", "Drafts", "PR_SUBJECT=original", "--attach=data"];
    let entry = shell.run(arguments).succeeded().line().to_owned();
    let mut client = shell.session();
    let opened = client.tell(&format!("open {entry}"));
    let mut other = shell.session();
    other.tell(&format!("open {entry}"));
    other.tell("set PR_SUBJECT=other");
    other.tell("detach 0");
    other.tell("save");
    assert_eq!(client.tell("show"), opened);
    shell.run(["delete", &entry, "--hard"]).succeeded();
    assert_eq!(client.tell("show"), opened);
    assert_eq!(
        client.tell("data 0"),
        json!({"size": 5, "data": "Zmlyc3Q="})
    );
    client.tell("set PR_SUBJECT=mine");
    assert_eq!(client.ask("save")["error"], "MAPI_E_OBJECT_DELETED");
    assert_eq!(client.ask("force")["error"], "MAPI_E_OBJECT_DELETED");
    let copy = client.tell("copy Inbox");
    assert_eq!(copy["properties"]["PR_SUBJECT"], "mine");
    assert_eq!(copy["attachments"][0]["size"], 5);
}

#[test]
fn stale_session_is_told_and_reloads() {
    // S2, S8, O6
    let shell = Shell::new();
    let entry = shell.draft("original");
    let mut client = shell.session();
    client.tell(&format!("open {entry}"));
    client.tell("set PR_SUBJECT=mine");
    shell
        .run_as("ben", ["set", &entry, "PR_SUBJECT=theirs"])
        .succeeded();
    for _ in 0..2 {
        let refused = client.ask("save");
        assert_eq!(
            (&refused["code"], &refused["saved_by"]),
            (&json!("0x80040109"), &json!("ben"))
        );
    }
    assert_eq!(client.tell("show")["properties"]["PR_SUBJECT"], "mine");
    assert_eq!(client.tell("reload")["properties"]["PR_SUBJECT"], "theirs");
    client.tell("set PR_SUBJECT=mine after all");
    assert_eq!(client.tell("save")["row_version"], 3);
}

#[test]
fn writer_that_gets_no_turn_is_busy_and_wrote_nothing() {
    // P3
    let shell = Shell::new();
    let entry = shell.draft("a");
    let blocker = rusqlite::Connection::open(shell.store()).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = Instant::now();
    let error = shell
        .run(["set", &entry, "PR_SUBJECT=b", "--timeout=0.3", "--json"])
        .error(7);
    assert_eq!(error["error"], "MAPI_E_BUSY");
    assert!(begun.elapsed() >= Duration::from_millis(300));
    // Looking waits for nobody.
    assert_eq!(
        shell.json(["show", &entry])["properties"]["PR_SUBJECT"],
        "a"
    );
    blocker.execute_batch("ROLLBACK").unwrap();
    shell.run(["set", &entry, "PR_SUBJECT=b"]).succeeded();
}

#[test]
fn import_that_is_killed_leaves_whole_messages_only() {
    // S9, P5
    let shell = Shell::new();
    let attachment = "QUJD".repeat(2_000);
    for number in 0..1_500 {
        let mail = format!(
            "Subject: mail {number}\nTo: ana@example.org\nMIME-Version: 1.0\n\
             Content-Type: multipart/mixed; boundary=part\n\n\
             --part\nContent-Type: text/plain\n\nbody {number}\n\
             --part\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\
             Content-Disposition: attachment; filename=data.bin\n\n{attachment}\n--part--\n"
        );
        shell.write(&format!("mail/{number}.eml"), mail);
    }
    let arguments = ["import", "mail", "--folder", "Inbox"];
    let mut import = shell
        .command(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let count = || {
        shell
            .query("SELECT total FROM inspect_folders WHERE kind = 'inbox'")
            .as_u64()
            .unwrap()
    };
    wait_for(|| (count() > 0).then_some(()));
    import.kill().unwrap();
    let ended = import.wait().unwrap();
    let left = count();
    assert!(left < 1_500 || ended.success(), "killed in the middle");

    shell.run(["check"]).succeeded();
    let whole = "SELECT count(*) FROM inspect_messages AS message WHERE has_attachments = 1 AND 1 = (SELECT count(*) \
        FROM inspect_recipients WHERE entry_id = message.entry_id) AND 6000 = (SELECT size FROM inspect_attachments \
        WHERE entry_id = message.entry_id)";
    assert_eq!(shell.query(whole), left);
    // The others simply go on.
    let begun = Instant::now();
    shell.draft("after");
    assert!(begun.elapsed() < DEADLINE / 10);
    shell.run(arguments).succeeded();
    assert_eq!(count(), left + 1_500);
    shell.run(["check"]).succeeded();
}

#[test]
fn processes_that_are_killed_while_they_set_lose_nothing_and_stop_nobody() {
    // S10, P5
    let shell = Shell::new();
    let entry = shell.draft("a");
    let mut version = 1;
    for round in 1..=12_usize {
        let mut victim = shell.session();
        assert_eq!(
            victim.tell(&format!("open {entry}"))["row_version"],
            version
        );
        for number in 0..200 {
            if !(victim.send(&format!("set PR_SUBJECT={round} {number}")) && victim.send("save")) {
                break;
            }
        }
        // An answer for each line; the kill comes while later ones are worked on.
        let mut acknowledged = version;
        for _ in 0..round * 3 {
            victim.next();
            acknowledged = victim.next()["row_version"].as_i64().unwrap();
        }
        victim.kill();
        let begun = Instant::now();
        let after = shell.json(["set", &entry, "PR_IMPORTANCE=1", "--timeout=20"]);
        assert!(begun.elapsed() < Duration::from_secs(20));
        version = after["row_version"].as_i64().unwrap();
        assert!(version > acknowledged, "what was acknowledged is there");
        let said = format!(
            "{round} {}",
            version - 2 - (acknowledged - (round as i64 * 3))
        );
        assert_eq!(
            after["properties"]["PR_SUBJECT"], said,
            "and is the last that was saved"
        );
    }
    shell.run(["check"]).succeeded();
}

#[test]
fn many_processes_set_one_message_and_every_version_is_accounted_for() {
    // S1, S2, P1
    let shell = Shell::new();
    let entry = shell.draft("a");
    let mut clients: Vec<Session> = (0..8).map(|_| shell.session()).collect();
    let mut saved = 0;
    for round in 0..10 {
        for (number, client) in clients.iter_mut().enumerate() {
            client.tell(&format!("open {entry}"));
            client.tell(&format!("set PR_SUBJECT={round} {number}"));
        }
        for client in &mut clients {
            assert!(client.send("save"));
        }
        let answers: Vec<_> = clients.iter_mut().map(Session::next).collect();
        let winners = answers
            .iter()
            .filter(|answer| answer["error"].is_null())
            .count();
        let losers = answers
            .iter()
            .filter(|answer| answer["error"] == "MAPI_E_OBJECT_CHANGED")
            .count();
        assert_eq!((winners, losers), (1, 7), "{answers:?}");
        saved += winners;
    }
    assert_eq!(shell.json(["show", &entry])["row_version"], saved + 1);
    let versions = "SELECT group_concat(row_version, ' ') FROM (SELECT row_version FROM inspect_changes \
        WHERE entry_id = '{}' ORDER BY change_number)";
    assert_eq!(
        shell.query(&versions.replace("{}", &entry)),
        "1 2 3 4 5 6 7 8 9 10 11"
    );
}
