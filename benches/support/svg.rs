//! Small charts as SVG text, in colours that are read on white and on black alike.

use std::fmt::Write;

/// Points above equally spaced names.
#[derive(Debug)]
pub(crate) struct Line {
    name: &'static str,
    points: Vec<(String, f64)>,
}

impl Line {
    pub(crate) fn new(name: &'static str) -> Line {
        Line {
            name,
            points: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, name: String, value: f64) {
        self.points.push((name, value));
    }
}

/// Lines above the same names.
#[derive(Debug)]
pub(crate) struct Chart {
    pub(crate) title: &'static str,
    /// What the names are of.
    pub(crate) below: &'static str,
    pub(crate) lines: Vec<Line>,
}

const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 15.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;
/// A row of the legend, below the charts.
const ROW: f64 = 18.0;

/// Each line has a colour and a form, so that it is told apart without colours too.
const STYLES: &[(&str, &str)] = &[
    ("#2a7de1", ""),
    ("#d9730d", "6 4"),
    ("#2f9e5b", "2 3"),
    ("#b5489a", "10 3 2 3"),
];

/// The charts beside each other.
pub(crate) fn page(title: &str, charts: &[Chart]) -> String {
    let most = charts.iter().map(|chart| chart.lines.len()).max();
    let height = HEIGHT + ROW * most.unwrap_or(0) as f64 + 10.0;
    let width = WIDTH * charts.len() as f64;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>{title}</title>\n\
         <style>text{{fill:#24292f}}.axis{{stroke:#8b949e;stroke-width:1}}\
         @media(prefers-color-scheme:dark){{text{{fill:#e6edf3}}}}</style>\n"
    );
    for (place, chart) in charts.iter().enumerate() {
        // Writing into a text cannot fail.
        let _ = writeln!(
            text,
            "<g transform=\"translate({} 0)\">",
            WIDTH * place as f64
        );
        draw(chart, &mut text);
        text.push_str("</g>\n");
    }
    text.push_str("</svg>\n");
    text
}

fn draw(chart: &Chart, text: &mut String) {
    let values = || {
        let points = chart.lines.iter().flat_map(|line| &line.points);
        points.map(|(_, value)| *value)
    };
    let top = round_up(values().fold(0.0, f64::max));
    let count = chart.lines.iter().map(|line| line.points.len()).max();
    let steps = count.unwrap_or(0).saturating_sub(1).max(1) as f64;
    let x = |place: usize| LEFT + (WIDTH - LEFT - RIGHT) * place as f64 / steps;
    let y = |value: f64| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top;
    let middle = (LEFT + WIDTH - RIGHT) / 2.0;
    let _ = writeln!(
        text,
        "<text x=\"{middle}\" y=\"20\" text-anchor=\"middle\" font-weight=\"bold\">{}</text>\n\
         <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
        chart.title,
        HEIGHT - 12.0,
        chart.below
    );
    for step in 0..=4 {
        let value = top * f64::from(step) / 4.0;
        let _ = writeln!(
            text,
            "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{2:.1}\" y2=\"{2:.1}\" opacity=\"{1}\"/>\
             <text x=\"{3}\" y=\"{4:.1}\" text-anchor=\"end\">{5}</text>",
            WIDTH - RIGHT,
            if step == 0 { "1" } else { "0.3" },
            y(value),
            LEFT - 6.0,
            y(value) + 4.0,
            super::measure::grouped(value)
        );
    }
    let names = chart.lines.first().map(|line| line.points.as_slice());
    for (place, (name, _)) in names.unwrap_or_default().iter().enumerate() {
        let _ = writeln!(
            text,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{name}</text>",
            x(place),
            HEIGHT - BOTTOM + 18.0
        );
    }
    for ((place, line), (colour, dashes)) in
        chart.lines.iter().enumerate().zip(STYLES.iter().cycle())
    {
        let points: Vec<String> = line
            .points
            .iter()
            .enumerate()
            .map(|(place, (_, value))| format!("{:.1},{:.1}", x(place), y(*value)))
            .collect();
        let style = format!(
            "fill=\"none\" stroke=\"{colour}\" stroke-width=\"2.5\" stroke-dasharray=\"{dashes}\""
        );
        let row = HEIGHT + ROW * place as f64;
        let _ = writeln!(
            text,
            "<polyline points=\"{}\" {style}/>\n\
             <line x1=\"{LEFT}\" x2=\"{}\" y1=\"{row}\" y2=\"{row}\" {style}/>\
             <text x=\"{}\" y=\"{}\">{}</text>",
            points.join(" "),
            LEFT + 40.0,
            LEFT + 48.0,
            row + 4.0,
            line.name
        );
    }
}

/// The next number above that is easily divided by four: 4, 8, 12, 20 or 40 times a power of ten.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor() - 1.0);
    let steps = [12.0, 16.0, 20.0, 24.0, 32.0, 40.0, 60.0, 80.0, 100.0];
    let fitting = steps
        .iter()
        .map(|step| step * power)
        .find(|step| *step >= value);
    fitting.unwrap_or(100.0 * power)
}
