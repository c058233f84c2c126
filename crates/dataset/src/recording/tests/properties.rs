//! Whatever a simple writer writes is read back to the bit; whatever else is in a file is no panic.

use proptest::prelude::*;

use super::*;

/// How a table is written.
#[derive(Clone, Debug)]
struct Style {
    separator: &'static str,
    comma: bool,
    quote: bool,
    end: &'static str,
    header: bool,
}

fn style() -> impl Strategy<Value = Style> {
    let separator = prop_oneof![Just(","), Just(";"), Just("\t"), Just("|"), Just("  ")];
    let end = prop_oneof![Just("\n"), Just("\r\n")];
    (separator, any::<bool>(), any::<bool>(), end, any::<bool>()).prop_map(
        |(separator, comma, quote, end, header)| {
            // Decimal commas between commas need quotes.
            Style { separator, comma, quote: quote || comma && separator == ",", end, header }
        },
    )
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => any::<f64>().prop_filter("finite", |number| number.is_finite()),
        4 => -1e3..1e3,
        1 => (-1000i32..1000).prop_map(f64::from),
    ]
}

fn write(rows: &[Vec<f64>], style: &Style) -> String {
    let quoted = |text: String| if style.quote { format!("\"{text}\"") } else { text };
    let mut text = String::new();
    if style.header {
        let names: Vec<String> = (0..rows[0].len()).map(|column| quoted(format!("c{column}"))).collect();
        text += &(names.join(style.separator) + style.end);
    }
    for row in rows {
        let cell = |number: &f64| {
            let plain = format!("{number:?}");
            quoted(if style.comma { plain.replace('.', ",") } else { plain })
        };
        text += &(row.iter().map(cell).collect::<Vec<_>>().join(style.separator) + style.end);
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_written_is_read_back_to_the_bit(
        rows in (1usize..6).prop_flat_map(|columns| {
            prop::collection::vec(prop::collection::vec(number(), columns), 2..40)
        }),
        style in style(),
    ) {
        let text = write(&rows, &style);
        let columns = rows[0].len();
        let names: Vec<String> = (0..columns)
            .map(|column| if style.header { format!("\"c{column}\"") } else { format!("\"x{}\"", column + 1) })
            .collect();
        let keys = format!("dt = 1.0\nstates = [{}]", names.join(", "));
        let forced = format!("{keys}\ndecimal = {:?}\n", if style.comma { "," } else { "." });
        let recording = read_text(&text, &keys).or_else(|error| {
            // Few numbers in few rows may look otherwise by chance; then it is an error and never a guess.
            if error.contains("can be read as") { read_text(&text, &forced) } else { Err(error) }
        });
        let recording = recording.map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(recording.segments.len(), 1);
        prop_assert_eq!(bits(&recording.segments[0].states), bits(&rows.concat()));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let _ = read_files(&[("a", &bytes)], "dt = 1.0", 2);
    }

    #[test]
    fn arbitrary_tables_never_panic(
        text in "([0-9.,;:\\-+eE# \"\tTZnaNx\\[\\]/()]{0,12}[,;\t \n]){0,60}",
        keys in prop_oneof![
            Just(""), Just("dt = 0.5"), Just("resample = 0.1"), Just("missing = \"interpolate\""),
            Just("duplicates = \"mean\"\nsteps_back = \"split\""), Just("time = \"x1\"\nsteps_back = \"sort\""),
            Just("trajectory = \"x1\"\ndt = 1.0"), Just("decimal = \",\"\ndt = 1.0"),
        ],
    ) {
        let _ = read_text(&text, keys);
        let (_folder, paths) = written(&[("a", text.as_bytes())]);
        let mut reading = Reading { least: 2, memory: None, progress: &mut |_, _| {} };
        if let Ok(inspection) = inspect(&paths, &settings(keys), &mut reading) {
            let _ = inspection.to_string();
            let text = experiment_text(&inspection, &settings(keys));
            prop_assert!(text.parse::<toml::Table>().is_ok(), "{}", text);
        }
    }
}
