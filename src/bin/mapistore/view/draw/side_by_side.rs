//! Three versions of a text, beside each other where there is room, else below each other.

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::{Role, Theme, text_width};
use crate::report::Row;
use crate::view::compare::{Compared, Lines, Piece, Whose};

/// The columns of a narrow comparison's labels.
const LABEL: usize = 9;

pub(super) fn lines(
    compared: &[Compared],
    row: Option<&Row>,
    theme: Theme,
    width: u16,
    wide: u16,
) -> Vec<Line<'static>> {
    let is_wide = width >= wide;
    let width = usize::from(width);
    let mut drawn = Vec::new();
    if let Some(row) = row {
        let who = match &*row.others {
            "" => String::new(),
            others => format!(" ({others})"),
        };
        let text = format!("{}: {}{who}", row.label, row.status());
        drawn.push(Line::styled(
            super::cut(&text, width),
            theme.style(Role::Title),
        ));
    }
    // The last columns stay free, so that a full line is told from a cut one.
    let side = (width / 3).saturating_sub(1);
    if is_wide {
        let titles = ["base", "theirs", "yours"].map(|title| super::cell(title, side) + " ");
        drawn.push(Line::styled(titles.concat(), theme.style(Role::Title)));
    }
    for one in compared {
        match one {
            Compared::Left(count) => {
                let text = format!(
                    "  … {count} {} alike",
                    if *count == 1 { "line" } else { "lines" }
                );
                drawn.push(Line::styled(text, theme.style(Role::Base)));
            }
            Compared::Lines(lines) if is_wide => drawn.extend(beside(lines, theme, side)),
            Compared::Lines(lines) => drawn.extend(below(lines, theme, width)),
        }
    }
    drawn
}

/// How a side's line differs from the base's, in a character.
fn sign(lines: &Lines, role: Role) -> &'static str {
    let is_changed = match (role, lines.whose) {
        (_, Whose::Nobody) => false,
        (Role::Theirs, whose) => whose != Whose::Mine,
        (Role::Mine, whose) => whose != Whose::Theirs,
        _ => true,
    };
    match (is_changed, role) {
        (false, _) => "  ",
        (true, Role::Base) => "- ",
        (true, _) => "+ ",
    }
}

/// The parts of a line, with what changed marked.
fn spans(pieces: &[Piece], role: Role, theme: Theme) -> Vec<Span<'static>> {
    let plain = theme.style(role);
    let (open, close) = if role == Role::Base {
        ("[-", "-]")
    } else {
        ("{+", "+}")
    };
    pieces
        .iter()
        .map(|piece| match (piece.is_changed, theme) {
            (false, Theme::Colour) => Span::raw(piece.text.clone()),
            (false, Theme::Plain) => Span::styled(piece.text.clone(), plain),
            (true, Theme::Colour) => {
                let marked = plain.add_modifier(Modifier::BOLD | Modifier::UNDERLINED);
                Span::styled(piece.text.clone(), marked)
            }
            (true, Theme::Plain) => {
                Span::styled(format!("{open}{}{close}", piece.text), Style::new())
            }
        })
        .collect()
}

/// Breaks a line where it is full.
fn broken(spans: Vec<Span<'static>>, width: usize) -> Vec<Vec<Span<'static>>> {
    let mut lines = vec![Vec::new()];
    let mut at = 0;
    for span in spans {
        let mut rest = String::new();
        for character in span.content.chars() {
            let columns = text_width(character.encode_utf8(&mut [0; 4]));
            if at + columns > width {
                if let Some(line) = lines.last_mut() {
                    line.push(Span::styled(std::mem::take(&mut rest), span.style));
                }
                lines.push(Vec::new());
                at = 0;
            }
            at += columns;
            rest.push(character);
        }
        if let Some(line) = lines.last_mut() {
            line.push(Span::styled(rest, span.style));
        }
    }
    lines
}

fn beside(lines: &Lines, theme: Theme, side: usize) -> Vec<Line<'static>> {
    let sides = [
        (&lines.base, Role::Base),
        (&lines.theirs, Role::Theirs),
        (&lines.mine, Role::Mine),
    ];
    let columns = sides.map(|(pieces, role)| {
        let pieces = pieces.as_deref();
        let text = pieces.map(|pieces| spans(pieces, role, theme));
        let sign = match text {
            Some(_) => sign(lines, role),
            None => "  ",
        };
        (
            sign,
            role,
            broken(text.unwrap_or_default(), side.saturating_sub(2)),
        )
    });
    let height = columns
        .iter()
        .map(|(.., lines)| lines.len())
        .max()
        .unwrap_or(0);
    let line = |at: usize| {
        let mut spans = Vec::new();
        for (sign, role, lines) in &columns {
            let sign = if at == 0 { sign } else { "  " };
            let text = lines.get(at).cloned().unwrap_or_default();
            let used: usize = text.iter().map(|span| text_width(&span.content)).sum();
            spans.push(Span::styled(sign.to_owned(), theme.style(*role)));
            spans.extend(text);
            spans.push(Span::raw(" ".repeat((side + 1).saturating_sub(used + 2))));
        }
        Line::from(spans)
    };
    (0..height).map(line).collect()
}

fn below(lines: &Lines, theme: Theme, width: usize) -> Vec<Line<'static>> {
    let sides: &[(&str, &Option<Vec<Piece>>, Role)] = match lines.whose {
        Whose::Nobody => &[("", &lines.theirs, Role::Base)],
        Whose::Theirs => &[
            ("base", &lines.base, Role::Base),
            ("theirs", &lines.theirs, Role::Theirs),
        ],
        Whose::Mine => &[
            ("base", &lines.base, Role::Base),
            ("yours", &lines.mine, Role::Mine),
        ],
        Whose::BothAlike => &[
            ("base", &lines.base, Role::Base),
            ("both", &lines.theirs, Role::Theirs),
        ],
        Whose::Both => &[
            ("base", &lines.base, Role::Base),
            ("theirs", &lines.theirs, Role::Theirs),
            ("yours", &lines.mine, Role::Mine),
        ],
    };
    let mut drawn = Vec::new();
    for (label, pieces, role) in sides {
        let Some(pieces) = pieces else { continue };
        let room = width.saturating_sub(LABEL + 1);
        for (at, text) in broken(spans(pieces, *role, theme), room)
            .into_iter()
            .enumerate()
        {
            let head = match at {
                0 => format!("{label:<7}{}", sign(lines, *role)),
                _ => " ".repeat(LABEL),
            };
            let head = Span::styled(head, theme.style(*role));
            drawn.push(Line::from_iter(std::iter::once(head).chain(text)));
        }
    }
    drawn
}
