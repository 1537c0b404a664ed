//! A program in a terminal: keys in, and what stands on the screen out.

use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

/// No program needs so long; it only keeps a test that fails from waiting for ever.
const PATIENCE: Duration = Duration::from_secs(120);

fn size(rows: u16, cols: u16) -> PtySize {
    PtySize {
        rows,
        cols,
        pixel_width: 0,
        pixel_height: 0,
    }
}

/// A pseudo-terminal of 24 rows and 80 columns with a program in it.
pub(crate) struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    parser: vt100::Parser,
    master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    /// Runs the program `mapistore` on a store, without colour. Its files for later go into `state` beside the store.
    pub(crate) fn run(store: &Path, client: &str, arguments: &[&str]) -> Terminal {
        Terminal::run_with_editor(store, client, arguments, "")
    }

    /// The same, with this command for the user's editor.
    pub(crate) fn run_with_editor(
        store: &Path,
        client: &str,
        arguments: &[&str],
        editor: &str,
    ) -> Terminal {
        let pair = native_pty_system().openpty(size(24, 80)).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_mapistore"));
        command.args(["--store".as_ref(), store.as_os_str()]);
        command.args(arguments);
        command.env("TERM", "xterm-256color");
        command.env("NO_COLOR", "1");
        command.env("USER", client);
        command.env_remove("LOGNAME");
        command.env("XDG_STATE_HOME", store.with_file_name("state"));
        command.env("VISUAL", editor);
        let child = pair.slave.spawn_command(command).unwrap();
        // The program's end is the end of what can be read.
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, output) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Terminal {
            child,
            keys: pair.master.take_writer().unwrap(),
            output,
            parser: vt100::Parser::new(NonZero::new(24).unwrap(), NonZero::new(80).unwrap(), 0),
            master: pair.master,
        }
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// How the terminal treats what is typed and shown.
    pub(crate) fn mode(&self) -> String {
        format!("{:?}", self.master.get_termios())
    }

    /// Gives the terminal another size, as somebody does who pulls its window larger.
    pub(crate) fn resize(&mut self, rows: u16, columns: u16) {
        let (tall, wide) = (NonZero::new(rows).unwrap(), NonZero::new(columns).unwrap());
        self.parser.screen_mut().set_size(tall, wide);
        self.master.resize(size(rows, columns)).unwrap();
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits until the screen has this text, and gives the screen.
    pub(crate) fn shows(&mut self, text: &str) -> String {
        loop {
            let screen = self.parser.screen().contents();
            if screen.contains(text) {
                return screen;
            }
            match self.output.recv_timeout(PATIENCE) {
                Ok(bytes) => self.parser.process(&bytes),
                Err(end) => panic!("{end}: no {text:?} on\n{screen}"),
            }
        }
    }

    /// Waits for the end; the terminal must be as the program found it. Gives what stands on it then.
    pub(crate) fn ends(mut self) -> (ExitStatus, String) {
        while let Ok(bytes) = self.output.recv_timeout(PATIENCE) {
            self.parser.process(&bytes);
        }
        let screen = self.parser.screen();
        assert!(!screen.alternate_screen(), "{}", screen.contents());
        assert!(!screen.hide_cursor() && !screen.bracketed_paste());
        (self.child.wait().unwrap(), screen.contents())
    }

    /// Waits for the end.
    pub(crate) fn exits(&mut self) -> ExitStatus {
        while self.output.recv_timeout(PATIENCE).is_ok() {}
        self.child.wait().unwrap()
    }

    /// Waits for the end of a program that was told that its terminal is gone, and so gives nothing back to it.
    pub(crate) fn loses_its_terminal(mut self) -> ExitStatus {
        self.exits()
    }
}
