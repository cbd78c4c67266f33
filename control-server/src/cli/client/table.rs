//! Tables and lists of fields for people, no wider than their terminal.

use comfy_table::{Cell, ContentArrangement, Table, presets};
use serde_json::Value;

use super::out::clean;

/// Where there is no terminal to ask.
const WIDTH_DEFAULT: u16 = 80;
/// Narrower ones get lines that wrap.
const WIDTH_MIN: u16 = 40;
/// Shown for what is not there.
const NOTHING: &str = "-";

/// A heading, and the JSON pointer of what stands below it.
pub type Column = (&'static str, &'static str);

/// One line for each item, or `none`.
pub fn of(items: &[Value], columns: &[Column], none: &str) -> String {
    let row = |item: &Value| columns.iter().map(|(_, pointer)| at(item, pointer)).collect();
    let headings: Vec<&str> = columns.iter().map(|(heading, _)| *heading).collect();
    rows(&headings, items.iter().map(row).collect(), none)
}

/// As [`of`], from cells that are texts already.
pub fn rows(headings: &[&str], rows: Vec<Vec<String>>, none: &str) -> String {
    if rows.is_empty() {
        return none.to_owned();
    }
    let mut table = plain();
    table.set_header(headings.iter().map(Cell::new));
    finish(table, rows)
}

/// One thing, field by field.
pub fn fields(value: &Value, fields: &[Column]) -> String {
    let rows = fields.iter().map(|(name, pointer)| vec![(*name).to_owned(), at(value, pointer)]);
    finish(plain(), rows.collect())
}

/// What stands at a pointer, as a text.
pub fn at(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).map_or_else(|| NOTHING.to_owned(), cell)
}

/// A value as the text of a cell.
pub fn cell(value: &Value) -> String {
    match value {
        Value::Null => NOTHING.to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.is_empty() => NOTHING.to_owned(),
        Value::String(text) => clean(text),
        Value::Array(items) if items.is_empty() => NOTHING.to_owned(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| format!("{name}={}", cell(value));
            fields.iter().map(field).collect::<Vec<_>>().join(" ")
        }
    }
}

fn plain() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(width());
    table
}

fn finish(mut table: Table, rows: Vec<Vec<String>>) -> String {
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn width() -> u16 {
    let columns = rustix::termios::tcgetwinsize(std::io::stdout()).map_or(0, |size| size.ws_col);
    // Two columns stay free: the padding behind the last cell, which is cut off again.
    if columns == 0 { WIDTH_DEFAULT + 2 } else { columns.max(WIDTH_MIN) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tables_fit_eighty_columns() {
        let long = "word ".repeat(60);
        let items = [json!({"name": "a", "text": long, "n": 1}), json!({"name": "b", "text": "x".repeat(200)})];
        let table = of(&items, &[("NAME", "/name"), ("TEXT", "/text"), ("N", "/n")], "none");
        assert!(table.lines().count() > 6, "{table}");
        assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
        assert!(table.starts_with("NAME  TEXT"), "{table}");
        assert!(table.contains("-\n"), "what is missing is shown: {table}");
        assert_eq!(of(&[], &[("NAME", "/name")], "nothing here"), "nothing here");
    }

    #[test]
    fn cells_are_words() {
        let rows = [
            (json!(null), "-"),
            (json!(""), "-"),
            (json!([]), "-"),
            (json!(true), "yes"),
            (json!(false), "no"),
            (json!(7), "7"),
            (json!(["a", 1]), "a, 1"),
            (json!({"file": ["a", "b"], "tools": true}), "file=a, b tools=yes"),
            (json!("a\u{1b}[2Jb"), "a [2Jb"),
        ];
        for (value, expected) in rows {
            assert_eq!(cell(&value), expected, "{value}");
        }
    }
}
