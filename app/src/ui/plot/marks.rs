use gemba_domain::signal::SignalKind;
use plotters::{
    prelude::{ChartBuilder, IntoDrawingArea, LineSeries, Rectangle, SVGBackend},
    style::{BLACK, Color},
};

use super::{PlotData, SIZE, YAxis, lane_word};

/// Share of a lane that its bar fills.
const BAR: f64 = 0.56;

/// Numbers as a line; setpoints and counters hold their value until the next, measures lead to it.
/// Where the source could not tell, the line breaks. `None` if plotters refuses.
pub(super) fn line(data: &PlotData, y: &YAxis) -> Option<String> {
    let steps = data.kind != SignalKind::Measure;
    let mut runs: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
    for (reading, until) in data.held() {
        let Some(run) = runs.last_mut() else { break };
        match reading.value.number() {
            Some(n) => {
                run.push((data.x(reading.time), n));
                let newest = data.readings.last().is_some_and(|last| last.time == reading.time);
                if steps || newest {
                    run.push((data.x(until), n));
                }
            }
            None => {
                // What was said before holds until the source fell silent.
                if let Some((_, n)) = run.last().copied() {
                    run.push((data.x(reading.time), n));
                }
                runs.push(Vec::new());
            }
        }
    }
    draw(width(data), (y.low, y.high), runs.into_iter().map(Shape::Line))
}

/// Words as bars, each word in its lane.
pub(super) fn lanes(data: &PlotData, y: &YAxis) -> Option<String> {
    let last_lane = y.ticks.len().saturating_sub(1);
    let mut bars: Vec<(f64, f64, usize)> = Vec::new();
    for (reading, until) in data.held() {
        let Some(word) = lane_word(data.kind, &reading.value) else { continue };
        let lane = y.ticks.iter().position(|tick| tick.1 == word).unwrap_or(last_lane);
        let (from, to) = (data.x(reading.time), data.x(until));
        match bars.last_mut() {
            Some(bar) if bar.2 == lane && bar.1 == from => bar.1 = to,
            _ if to > from => bars.push((from, to, lane)),
            _ => {}
        }
    }
    let bars = bars.into_iter().map(|(from, to, lane)| {
        let middle = y.high - lane as f64 - 0.5;
        Shape::Bar([(from, middle - BAR / 2.0), (to, middle + BAR / 2.0)])
    });
    draw(width(data), (y.low, y.high), bars)
}

fn width(data: &PlotData) -> f64 {
    data.to.seconds_since(data.from).max(1e-3)
}

/// What plotters can draw here.
pub(super) enum Shape {
    /// Through these points; of a single one nothing is seen.
    Line(Vec<(f64, f64)>),
    /// Between two corners.
    Bar([(f64, f64); 2]),
}

/// The inside of the SVG that plotters makes. `None` if it refuses.
pub(super) fn draw(width: f64, y: (f64, f64), shapes: impl Iterator<Item = Shape>) -> Option<String> {
    draw_all(width, y, shapes.collect())
}

fn draw_all(width: f64, y: (f64, f64), shapes: Vec<Shape>) -> Option<String> {
    let mut out = String::new();
    {
        let area = SVGBackend::with_string(&mut out, SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&area).build_cartesian_2d(0.0..width, y.0..y.1).ok()?;
        for shape in shapes {
            match shape {
                Shape::Line(points) if points.len() > 1 => {
                    chart.draw_series(LineSeries::new(points, BLACK.stroke_width(2))).ok()?;
                }
                Shape::Line(_) => {}
                Shape::Bar(corners) => {
                    chart.draw_series(std::iter::once(Rectangle::new(corners, BLACK.filled()))).ok()?;
                }
            }
        }
        area.present().ok()?;
    }
    let inside = out.split_once('>')?.1.rsplit_once("</svg>")?.0;
    // Colour and width come from the stylesheet.
    Some(inside.replace(" fill=\"none\" opacity=\"1\" stroke=\"#000000\" stroke-width=\"2\"", "").replace('\n', ""))
}
