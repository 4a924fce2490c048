//! A4 sheets: text, rectangles and tables from top to bottom, with page breaks, as PDF.

use krilla::{
    Document,
    color::rgb,
    geom::{PathBuilder, Point, Rect},
    metadata::Metadata,
    num::NormalizedF32,
    page::PageSettings,
    paint::{Fill, FillRule},
    text::{Font, TextDirection},
};
use skrifa::{FontRef, MetadataProvider as _, instance::Size, prelude::LocationRef};

/// All lengths in points, from the upper left corner.
const PAGE: (f32, f32) = (595.0, 842.0);
const MARGIN: f32 = 40.0;
const BOTTOM: f32 = PAGE.1 - 52.0;
/// What stands between the margins.
pub const WIDTH: f32 = PAGE.0 - 2.0 * MARGIN;
const SMALL: f32 = 8.0;
const LEADING: f32 = 1.35;

const REGULAR: &[u8] = include_bytes!("../../../../style/fonts/Inter-Regular.ttf");
const BOLD: &[u8] = include_bytes!("../../../../style/fonts/Inter-SemiBold.ttf");

/// A colour, red, green, blue.
pub type Ink = [u8; 3];
pub const BLACK: Ink = [0x15, 0x19, 0x1e];
pub const GREY: Ink = [0x4d, 0x58, 0x63];
pub const LINE: Ink = [0xe1, 0xe4, 0xe8];
pub const BAD: Ink = [0xb4, 0x2c, 0x10];

/// A document that cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("the PDF could not be made: {0}")]
pub struct PdfError(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    Regular,
    Bold,
}

/// How a text is written.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub size: f32,
    pub weight: Weight,
    pub ink: Ink,
}

impl Style {
    pub const fn regular(size: f32) -> Self {
        Self { size, weight: Weight::Regular, ink: BLACK }
    }

    pub const fn bold(size: f32) -> Self {
        Self { size, weight: Weight::Bold, ink: BLACK }
    }

    pub const fn ink(self, ink: Ink) -> Self {
        Self { ink, ..self }
    }

    fn leading(self) -> f32 {
        self.size * LEADING
    }
}

/// A column of a table: its head, its share of the width, and whether it holds numbers.
pub struct Column {
    pub head: &'static str,
    pub share: f32,
    pub number: bool,
}

impl Column {
    pub const fn text(head: &'static str, share: f32) -> Self {
        Self { head, share, number: false }
    }

    pub const fn number(head: &'static str, share: f32) -> Self {
        Self { head, share, number: true }
    }
}

/// What stands on a page.
enum Mark {
    /// The left end of its base line.
    Text {
        x: f32,
        y: f32,
        style: Style,
        text: String,
    },
    Area {
        x: f32,
        y: f32,
        width: f32,
        height: f32,
        ink: Ink,
    },
}

/// Pages that are being filled.
pub struct Sheet {
    fonts: [FontRef<'static>; 2],
    pages: Vec<Vec<Mark>>,
    /// The next free height.
    y: f32,
}

impl Sheet {
    /// # Errors
    /// The fonts are damaged.
    pub fn new() -> Result<Self, PdfError> {
        let font = |data: &'static [u8]| FontRef::new(data).map_err(|error| PdfError(error.to_string()));
        Ok(Self { fonts: [font(REGULAR)?, font(BOLD)?], pages: vec![Vec::new()], y: MARGIN })
    }

    fn push(&mut self, mark: Mark) {
        if let Some(page) = self.pages.last_mut() {
            page.push(mark);
        }
    }

    /// How wide a text is.
    fn width(&self, text: &str, style: Style) -> f32 {
        let font = &self.fonts[usize::from(style.weight == Weight::Bold)];
        let (letters, widths) = (font.charmap(), font.glyph_metrics(Size::new(style.size), LocationRef::default()));
        text.chars().map(|c| widths.advance_width(letters.map(c).unwrap_or_default()).unwrap_or_default()).sum()
    }

    /// What can be written: letters that the fonts lack are told as such.
    fn writable(&self, text: &str) -> String {
        let letters = self.fonts[0].charmap();
        text.chars().map(|c| if c.is_control() || letters.map(c).is_some() { c } else { '?' }).collect()
    }

    /// The lines of a text within a width. A word that is too long is cut.
    fn lines(&self, text: &str, style: Style, width: f32) -> Vec<String> {
        let mut lines = Vec::new();
        for paragraph in text.lines() {
            let mut line = String::new();
            for word in paragraph.split_whitespace() {
                let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
                if self.width(&longer, style) <= width {
                    line = longer;
                    continue;
                }
                if !line.is_empty() {
                    lines.push(std::mem::take(&mut line));
                }
                for letter in word.chars() {
                    line.push(letter);
                    if self.width(&line, style) > width && line.chars().count() > 1 {
                        line.pop();
                        lines.push(std::mem::replace(&mut line, letter.to_string()));
                    }
                }
            }
            lines.push(line);
        }
        lines
    }

    /// So much room on this page, or a new page.
    pub fn need(&mut self, height: f32) {
        if self.y + height > BOTTOM {
            self.pages.push(Vec::new());
            self.y = MARGIN;
        }
    }

    pub fn gap(&mut self, height: f32) {
        self.y += height;
    }

    /// One line of text at `x` from the left margin, at the present height; the height stays.
    pub fn put(&mut self, x: f32, style: Style, text: impl Into<String>) {
        let y = self.y + style.size;
        let text = self.writable(&text.into());
        self.push(Mark::Text { x: MARGIN + x, y, style, text });
    }

    /// The same with its end at `x`.
    pub fn put_to(&mut self, x: f32, style: Style, text: impl Into<String>) {
        let text = self.writable(&text.into());
        let width = self.width(&text, style);
        self.put(x - width, style, text);
    }

    /// A filled rectangle, `y` below the present height; the height stays.
    pub fn area(&mut self, (x, y): (f32, f32), (width, height): (f32, f32), ink: Ink) {
        self.push(Mark::Area { x: MARGIN + x, y: self.y + y, width, height, ink });
    }

    /// A text over the whole width.
    pub fn paragraph(&mut self, style: Style, text: &str) {
        for line in self.lines(text, style, WIDTH) {
            self.need(style.leading());
            self.put(0.0, style, line);
            self.gap(style.leading());
        }
    }

    /// The title of a part; never alone at the end of a page.
    pub fn heading(&mut self, text: &str) {
        self.gap(10.0);
        self.need(60.0);
        self.put(0.0, Style::bold(11.0), text);
        self.gap(18.0);
    }

    /// A table. Its head is there again on each page that it reaches.
    pub fn table(&mut self, columns: &[Column], rows: &[Vec<String>]) {
        let whole: f32 = columns.iter().map(|column| column.share).sum();
        let widths: Vec<f32> = columns.iter().map(|column| column.share / whole * WIDTH).collect();
        self.head(columns, &widths);
        let style = Style::regular(SMALL);
        for row in rows {
            let cells: Vec<Vec<String>> =
                row.iter().zip(&widths).map(|(text, width)| self.lines(text, style, width - 6.0)).collect();
            let height = cells.iter().map(Vec::len).max().unwrap_or(1).max(1) as f32 * style.leading() + 4.0;
            if self.y + height > BOTTOM {
                self.need(height);
                self.head(columns, &widths);
            }
            let top = self.y;
            self.gap(2.0);
            let first = self.y;
            let mut x = 0.0;
            for ((lines, column), width) in cells.into_iter().zip(columns).zip(&widths) {
                for line in lines {
                    if column.number {
                        self.put_to(x + width - 6.0, style, line);
                    } else {
                        self.put(x, style, line);
                    }
                    self.gap(style.leading());
                }
                self.y = first;
                x += width;
            }
            self.y = top + height;
            self.area((0.0, -0.5), (WIDTH, 0.5), LINE);
        }
    }

    fn head(&mut self, columns: &[Column], widths: &[f32]) {
        let style = Style::bold(SMALL).ink(GREY);
        self.need(2.0 * style.leading());
        let mut x = 0.0;
        for (column, width) in columns.iter().zip(widths) {
            if column.number {
                self.put_to(x + width - 6.0, style, column.head);
            } else {
                self.put(x, style, column.head);
            }
            x += width;
        }
        self.gap(style.leading() + 2.0);
        self.area((0.0, -1.0), (WIDTH, 0.8), GREY);
    }

    /// The document. `foot` stands at the end of every page, with its number.
    ///
    /// # Errors
    /// It could not be written.
    pub fn finish(self, title: &str, foot: &str) -> Result<Vec<u8>, PdfError> {
        let mut document = Document::new();
        document.set_metadata(Metadata::new().title(title.to_owned()).creator("Gemba".to_owned()));
        let load = |data: &'static [u8]| Font::new(data.into(), 0).ok_or_else(|| PdfError("no font".to_owned()));
        let fonts = [load(REGULAR)?, load(BOLD)?];
        let of = self.pages.len();
        for (number, marks) in self.pages.iter().enumerate() {
            let settings = PageSettings::from_wh(PAGE.0, PAGE.1).ok_or_else(|| PdfError("no page".to_owned()))?;
            let mut page = document.start_page_with(settings);
            let mut surface = page.surface();
            let mut write = |x: f32, y: f32, style: Style, text: &str| {
                surface.set_fill(Some(fill(style.ink)));
                let font = fonts[usize::from(style.weight == Weight::Bold)].clone();
                surface.draw_text(Point::from_xy(x, y), font, style.size, text, false, TextDirection::Auto);
            };
            let style = Style::regular(7.5).ink(GREY);
            write(MARGIN, PAGE.1 - 30.0, style, foot);
            let count = format!("{} of {of}", number + 1);
            write(PAGE.0 - MARGIN - self.width(&count, style), PAGE.1 - 30.0, style, &count);
            for mark in marks {
                match mark {
                    Mark::Text { x, y, style, text } => {
                        surface.set_fill(Some(fill(style.ink)));
                        let font = fonts[usize::from(style.weight == Weight::Bold)].clone();
                        surface.draw_text(Point::from_xy(*x, *y), font, style.size, text, false, TextDirection::Auto);
                    }
                    Mark::Area { x, y, width, height, ink } => {
                        let Some(rect) = Rect::from_xywh(*x, *y, width.max(0.1), *height) else { continue };
                        let mut path = PathBuilder::new();
                        path.push_rect(rect);
                        let Some(path) = path.finish() else { continue };
                        surface.set_fill(Some(fill(*ink)));
                        surface.draw_path(&path);
                    }
                }
            }
            surface.finish();
            page.finish();
        }
        document.finish().map_err(|error| PdfError(format!("{error:?}")))
    }
}

fn fill(ink: Ink) -> Fill {
    let [red, green, blue] = ink;
    Fill { paint: rgb::Color::new(red, green, blue).into(), opacity: NormalizedF32::ONE, rule: FillRule::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_their_width_and_lose_nothing() {
        let sheet = Sheet::new().expect("fonts");
        let style = Style::regular(8.0);
        let text = "Coil changed; Umrüstung dauerte länger als geplant Donaudampfschifffahrtsgesellschaftskapitän";
        for width in [12.0, 40.0, 90.0, 500.0] {
            let lines = sheet.lines(text, style, width);
            assert!(lines.iter().all(|line| sheet.width(line, style) <= width), "{width}: {lines:?}");
            let without = |text: &str| text.split_whitespace().collect::<String>();
            assert_eq!(without(&lines.concat()), without(text));
        }
    }

    #[test]
    fn a_table_goes_on_over_pages_with_its_head() {
        let mut sheet = Sheet::new().expect("fonts");
        let rows: Vec<Vec<String>> = (0..200).map(|n| vec![format!("row {n}"), "1".to_owned()]).collect();
        sheet.table(&[Column::text("Name", 3.0), Column::number("Number", 1.0)], &rows);
        assert!(sheet.pages.len() > 2);
        let heads = sheet
            .pages
            .iter()
            .filter(|page| page.iter().any(|mark| matches!(mark, Mark::Text { text, .. } if text == "Number")));
        assert_eq!(heads.count(), sheet.pages.len());
        assert!(sheet.finish("title", "foot").expect("a document").starts_with(b"%PDF"));
    }
}
