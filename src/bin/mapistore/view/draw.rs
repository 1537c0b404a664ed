//! The state of the view as a screen. Whatever colour says, a word or a character says too.

mod side_by_side;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};

use super::model::{Confirmation, Picker, Preview, Screen, View, Writing, still_open};
use crate::harmless;
use crate::report::Row;

/// From so many columns on the three sides stand beside each other.
const WIDE: u16 = 100;
/// What can still be read; less is told to be too little.
const SMALLEST: (u16, u16) = (40, 12);

/// Whether there is colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    Colour,
    Plain,
}

/// What a part of the screen is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Base,
    Theirs,
    Mine,
    Attention,
    Title,
}

impl Theme {
    pub(super) fn style(self, role: Role) -> Style {
        let bold = Style::new().add_modifier(Modifier::BOLD);
        match (self, role) {
            (Theme::Plain, Role::Base | Role::Theirs | Role::Mine) => Style::new(),
            (Theme::Plain, Role::Attention | Role::Title) => bold,
            (Theme::Colour, Role::Base) => Style::new().fg(Color::DarkGray),
            (Theme::Colour, Role::Theirs) => Style::new().fg(Color::Cyan),
            (Theme::Colour, Role::Mine) => Style::new().fg(Color::Green),
            (Theme::Colour, Role::Attention) => bold.fg(Color::Yellow),
            (Theme::Colour, Role::Title) => bold,
        }
    }
}

/// Draws what is to be seen now.
pub(crate) fn draw(view: &View<'_>, theme: Theme, frame: &mut Frame<'_>) {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let text = format!(
            "The terminal is smaller than {}×{}.",
            SMALLEST.0, SMALLEST.1
        );
        frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), area);
        return;
    }
    let heading = heading(view, theme, area);
    let keys = keys(view);
    let height = |lines: &[Line<'_>]| u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let [top, rule, middle, lower, bottom] = Layout::vertical([
        Constraint::Length(height(&heading)),
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(1),
        Constraint::Length(height(&keys)),
    ])
    .areas(area);
    frame.render_widget(Paragraph::new(heading), top);
    frame.render_widget(line_across(area.width), rule);
    frame.render_widget(lower_rule(view, theme, area.width), lower);
    frame.render_widget(Paragraph::new(keys), bottom);
    match view.screen() {
        None => overview(view, theme, frame, middle),
        Some(Screen::Detail(detail)) => {
            let row = view.row();
            let lines = side_by_side::lines(&detail.compared, row, theme, middle.width, WIDE);
            scrolled(
                lines,
                |count, height| detail.scroll.first(count, height),
                frame,
                middle,
            );
        }
        Some(Screen::Writing(writing)) => write(view, writing, theme, frame, middle),
        Some(Screen::Preview(preview)) => show_preview(preview, theme, frame, middle),
        Some(Screen::Folders(picker)) => folders(view, picker, theme, frame, middle),
        Some(Screen::Confirmation(question)) => confirm(question, theme, frame, middle),
    }
    if view.is_helping {
        help(theme, frame, area);
    }
}

fn line_across(width: u16) -> Line<'static> {
    Line::from("─".repeat(width.into()))
}

/// The line above the keys: a notice, or how far a merge is.
fn lower_rule(view: &View<'_>, theme: Theme, width: u16) -> Line<'static> {
    let open = view.open_choices();
    let text = match &view.notice {
        Some(notice) => notice.clone(),
        None if matches!(
            view.screen(),
            Some(Screen::Preview(_) | Screen::Confirmation(_))
        ) =>
        {
            return line_across(width);
        }
        None if view.is_merging && open > 0 => still_open(open),
        None if view.is_merging => "every difference has its choice: m shows the result".to_owned(),
        None if matches!(view.screen(), None | Some(Screen::Detail(_))) => {
            format!(
                "{} of {} differences",
                view.selected + 1,
                view.report.rows.len()
            )
        }
        None => return line_across(width),
    };
    let text = cut(&text, usize::from(width).saturating_sub(6));
    let rest = usize::from(width).saturating_sub(text_width(&text) + 5);
    Line::from(vec![
        Span::raw("── "),
        Span::styled(text, theme.style(Role::Attention)),
        Span::raw(format!(" {}", "─".repeat(rest + 1))),
    ])
}

pub(super) fn text_width(text: &str) -> usize {
    console::measure_text_width(text)
}

pub(super) fn cut(text: &str, width: usize) -> String {
    console::truncate_str(text, width, "…").into_owned()
}

/// Text in a column of its own.
fn cell(text: &str, width: usize) -> String {
    console::pad_str(&cut(text, width), width, console::Alignment::Left, None).into_owned()
}

/// Who saved, and when: as many lines as there is room for.
fn heading(view: &View<'_>, theme: Theme, area: Rect) -> Vec<Line<'static>> {
    let report = &view.report;
    let width = usize::from(area.width);
    let title = format!("Conflict: {}", report.subject);
    let entry = report.entry.get(..8).unwrap_or_default();
    let title = cell(&title, width.saturating_sub(entry.len() + 1));
    let mut lines = vec![Line::styled(
        format!("{title} {entry}"),
        theme.style(Role::Title),
    )];
    let room = usize::from(area.height / 8);
    for (at, text) in report.theirs.iter().take(room).enumerate() {
        let more = report.theirs.len().saturating_sub(room);
        let text = match (at + 1 == room, more) {
            (true, 1..) => format!("{text}; and {more} more"),
            _ => text.clone(),
        };
        let label = if at == 0 { "theirs  " } else { "        " };
        let text = cut(&format!("{label}{text}"), width);
        lines.push(Line::styled(text, theme.style(Role::Theirs)));
    }
    let mine = cut(&format!("yours   {}", report.mine), width);
    lines.push(Line::styled(mine, theme.style(Role::Mine)));
    lines
}

fn keys(view: &View<'_>) -> Vec<Line<'static>> {
    let lines: &[&str] = match view.screen() {
        None => {
            let (first, second) = match view.is_merging {
                true => (
                    "t theirs  y yours  e write  u undo  T/Y the rest theirs/yours  m result",
                    "Enter look closer  Esc no merge  k o c others  ? help  q",
                ),
                false => (
                    "k keep theirs  o replace theirs with yours  m merge  c yours as a new message",
                    "Enter look closer  ? help  q",
                ),
            };
            let second = format!("{second} {}", view.leaving.name());
            return vec![Line::from(first), Line::from(second)];
        }
        Some(Screen::Detail(_)) => {
            &["← → other differences  t theirs  y yours  e write  Esc back  ? help"]
        }
        Some(Screen::Writing(_)) => &["Ctrl-S or F2 take this value  Esc back without it"],
        Some(Screen::Preview(_)) => &["Enter save this  Esc back to the choices  ↑ ↓ scroll"],
        Some(Screen::Folders(_)) => &["type to search  ↑ ↓ choose  Enter this folder  Esc back"],
        Some(Screen::Confirmation(_)) => &["Enter do it  Esc back"],
    };
    lines.iter().map(|line| Line::from(*line)).collect()
}

/// The part of some lines that fits, by how far they are scrolled.
fn scrolled(
    lines: Vec<Line<'static>>,
    first: impl FnOnce(usize, usize) -> usize,
    frame: &mut Frame<'_>,
    area: Rect,
) {
    let first = first(lines.len(), area.height.into());
    let shown: Vec<Line<'_>> = lines
        .into_iter()
        .skip(first)
        .take(area.height.into())
        .collect();
    frame.render_widget(Paragraph::new(shown), area);
}

fn overview(view: &View<'_>, theme: Theme, frame: &mut Frame<'_>, area: Rect) {
    let is_wide = area.width >= WIDE;
    let height = if is_wide { 1 } else { 4 };
    let mut lines = Vec::new();
    let mut room = usize::from(area.height);
    if is_wide {
        lines.push(Line::styled(
            wide_row(
                [" ", "what", "base", "theirs", "yours", "changed"],
                area.width,
            )
            .concat(),
            theme.style(Role::Title),
        ));
        room = room.saturating_sub(1);
    }
    let page = (room / height).max(1);
    let first = view.selected / page * page;
    let rows = view.report.rows.iter().enumerate();
    for (at, row) in rows.skip(first).take(page) {
        let marks = marks(view, at, row);
        let style = if at == view.selected {
            Style::new().add_modifier(Modifier::BOLD)
        } else {
            Style::new()
        };
        let changed = match view.is_merging {
            true => format!("→ {}", view.taken(at)),
            false => row.short_status().to_owned(),
        };
        if is_wide {
            let [mark, what, base, theirs, mine, changed] = wide_row(
                [
                    &*marks,
                    &*row.label,
                    row.base.text(),
                    row.theirs.text(),
                    row.mine.text(),
                    &*changed,
                ],
                area.width,
            );
            lines.push(Line::from(vec![
                Span::styled(mark, theme.style(Role::Attention)),
                Span::styled(what, style),
                Span::styled(base, theme.style(Role::Base)),
                Span::styled(theirs, theme.style(Role::Theirs)),
                Span::styled(mine, theme.style(Role::Mine)),
                Span::raw(changed),
            ]));
        } else {
            lines.extend(stacked(view, at, row, theme, area.width));
        }
    }
    frame.render_widget(Paragraph::new(lines), area);
}

/// Where the cursor is, and what waits for a choice.
fn marks(view: &View<'_>, at: usize, row: &Row) -> String {
    let cursor = if at == view.selected { ">" } else { " " };
    let is_open = row.needs_choice && view.choices.get(at).is_some_and(Option::is_none);
    format!("{cursor}{} ", if is_open { "!" } else { " " })
}

fn wide_row(cells: [&str; 6], width: u16) -> [String; 6] {
    const LABEL: usize = 24;
    const STATUS: usize = 11;
    let side = usize::from(width).saturating_sub(3 + LABEL + STATUS) / 3;
    let [mark, what, base, theirs, mine, changed] = cells;
    let column = |text: &str, width: usize| cell(text, width.saturating_sub(1)) + " ";
    [
        cell(mark, 3),
        column(what, LABEL),
        column(base, side),
        column(theirs, side),
        column(mine, side),
        cut(changed, STATUS),
    ]
}

/// A row of an overview that has no room for columns.
fn stacked(view: &View<'_>, at: usize, row: &Row, theme: Theme, width: u16) -> Vec<Line<'static>> {
    let width = usize::from(width);
    let status = match view.is_merging {
        true => format!("→ {}", view.taken(at)),
        false => row.status().to_owned(),
    };
    let head = cell(&row.label, 30);
    let side = |label: &str, text: &str, role: Role| {
        let text = cut(&format!("     {label:<8}{text}"), width);
        Line::styled(text, theme.style(role))
    };
    vec![
        Line::from(vec![
            Span::styled(marks(view, at, row), theme.style(Role::Attention)),
            Span::styled(head, Style::new().add_modifier(Modifier::BOLD)),
            Span::raw(cut(&format!(" {status}"), width.saturating_sub(33))),
        ]),
        side("base", row.base.text(), Role::Base),
        side("theirs", row.theirs.text(), Role::Theirs),
        side("yours", row.mine.text(), Role::Mine),
    ]
}

fn write(view: &View<'_>, writing: &Writing, theme: Theme, frame: &mut Frame<'_>, area: Rect) {
    let label = view.row().map_or("", |row| &row.label);
    let title = match &writing.wrong {
        Some(wrong) => format!(" {label}: {wrong} "),
        None => format!(" {label}: the value that the merge takes "),
    };
    let block = Block::bordered()
        .title(cut(&title, usize::from(area.width).saturating_sub(2)))
        .border_style(theme.style(Role::Attention));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let editor = &writing.editor;
    let height = usize::from(inner.height).max(1);
    let first = editor.cursor_line().saturating_sub(height - 1);
    let column = text_width(&harmless::line(&editor.before_cursor()));
    // The text moves to the left once the cursor would leave the window.
    let left = column.saturating_sub(usize::from(inner.width).saturating_sub(1));
    let shown = editor.lines().skip(first).take(height);
    let lines: Vec<Line<'_>> = shown
        .map(|line| Line::from(harmless::line(&line).into_owned()))
        .collect();
    let scroll = u16::try_from(left).unwrap_or(u16::MAX);
    frame.render_widget(Paragraph::new(lines).scroll((0, scroll)), inner);
    let place = |offset: usize| u16::try_from(offset).unwrap_or(u16::MAX);
    frame.set_cursor_position(Position::new(
        inner.x.saturating_add(place(column - left)),
        inner.y.saturating_add(place(editor.cursor_line() - first)),
    ));
}

fn show_preview(preview: &Preview, theme: Theme, frame: &mut Frame<'_>, area: Rect) {
    let title = Line::styled(
        "The message as the merge saves it:",
        theme.style(Role::Title),
    );
    let width = usize::from(area.width);
    let text = preview.lines.iter().flat_map(|line| folded(line, width));
    let lines = std::iter::once(title).chain(text.map(Line::from)).collect();
    scrolled(
        lines,
        |count, height| preview.scroll.first(count, height),
        frame,
        area,
    );
}

/// A line in as many pieces as it needs.
fn folded(line: &str, width: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut at = 0;
    for character in line.chars() {
        let columns = text_width(character.encode_utf8(&mut [0; 4]));
        if at + columns > width {
            pieces.push(String::new());
            at = 0;
        }
        at += columns;
        if let Some(piece) = pieces.last_mut() {
            piece.push(character);
        }
    }
    pieces
}

fn folders(view: &View<'_>, picker: &Picker, theme: Theme, frame: &mut Frame<'_>, area: Rect) {
    let mut lines = vec![
        Line::styled(
            "Save yours as a new message in which folder?",
            theme.style(Role::Title),
        ),
        Line::from(format!("search: {}", harmless::line(&picker.filter))),
    ];
    let page = usize::from(area.height).saturating_sub(lines.len()).max(1);
    let first = picker.selected / page * page;
    let matching = view.matching(&picker.filter);
    if matching.is_empty() {
        lines.push(Line::from("  no folder is named so"));
    }
    for (at, (path, _)) in matching.iter().enumerate().skip(first).take(page) {
        let (mark, style) = match at == picker.selected {
            true => ("> ", theme.style(Role::Attention)),
            false => ("  ", Style::new()),
        };
        lines.push(Line::styled(format!("{mark}{path}"), style));
    }
    frame.render_widget(Paragraph::new(lines), area);
}

fn confirm(question: &Confirmation, theme: Theme, frame: &mut Frame<'_>, area: Rect) {
    let title = Line::styled(question.question.clone(), theme.style(Role::Title));
    let rest = question.lines.iter().filter(|line| !line.is_empty());
    let lines: Vec<Line<'_>> = [title, Line::default()]
        .into_iter()
        .chain(rest.map(|line| Line::from(line.clone())))
        .collect();
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }), area);
}

const HELP: &[&str] = &[
    "Another client saved this message while you changed it.",
    "",
    "base    what you both began with    theirs  what is saved now",
    "yours   what you would save         !       needs your choice",
    "",
    "k  keep theirs; yours are not saved in the message",
    "o  replace theirs with yours; theirs stays as a kept version",
    "m  merge: what does not touch is combined, you choose the rest",
    "c  save yours as a new message in a folder; theirs stay",
    "q  leave it: nothing is saved, and yours stay in a file",
    "",
    "In a merge: t theirs, y yours, e write a value, u undo the choice;",
    "T or Y takes theirs or yours where no choice was made.",
    "Enter on a difference shows it line by line: - gone, + new;",
    "without colour [-words-] are gone and {+words+} new.",
    "",
    "Any key goes back.",
];

fn help(theme: Theme, frame: &mut Frame<'_>, area: Rect) {
    let height = u16::try_from(HELP.len())
        .unwrap_or(u16::MAX)
        .saturating_add(2);
    let (width, height) = (area.width.min(70), area.height.min(height));
    let place = Rect::new(
        (area.width - width) / 2,
        (area.height - height) / 2,
        width,
        height,
    );
    let block = Block::bordered()
        .title(" Help ")
        .border_style(theme.style(Role::Title));
    let lines: Vec<Line<'_>> = HELP.iter().map(|line| Line::from(*line)).collect();
    frame.render_widget(Clear, place);
    frame.render_widget(Paragraph::new(lines).block(block), place);
}
