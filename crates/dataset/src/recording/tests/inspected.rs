//! What is told about files, and the experiment that is written for them.

use super::*;

fn inspected(files: &[(&str, &[u8])], keys: &str) -> (Inspection, String) {
    let (folder, paths) = written(files);
    let mut reading = Reading { least: 2, memory: None, progress: &mut |_, _| {} };
    let mut settings = settings(keys);
    settings.files = vec!["data/*.csv".into()];
    let mut inspection = inspect(&paths, &settings, &mut reading).unwrap();
    let within = format!("{}/", folder.path().display());
    for text in inspection.files.iter_mut().chain(&mut inspection.notes) {
        *text = text.replace(&within, "");
    }
    let text = experiment_text(&inspection, &settings);
    (inspection, text)
}

fn oscillation() -> String {
    let mut text = "t [s];level [V];pump [V];mode;k\n".to_owned();
    for k in 0..400 {
        let time = f64::from(k + if k > 300 { 5 } else { 0 }) * 0.5;
        let level = if k == 100 { "NaN".into() } else { format!("{:.6}", (time * 0.2).sin()) };
        text += &format!("{time};{level};{:.3};on;2\n", (time * 0.9).cos());
    }
    text
}

#[test]
fn an_inspection_tells_what_is_there_in_80_columns() {
    let (inspection, text) = inspected(&[("tank.csv", oscillation().as_bytes())], "inputs = \"pump\"");
    let shown = inspection.to_string();
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    for words in [
        "tank.csv: 400 rows",
        "time t [s], a sample every 0.5, no jitter, 1 gap",
        "3 segments of 99 to 200 samples, 399 in all",
        "constant",
        "text",
    ] {
        assert!(shown.contains(words), "{shown}");
    }
    assert_eq!(
        (inspection.dt, inspection.gaps, &inspection.segments[..]),
        (Some(0.5), 1, &[100, 200, 99][..])
    );
    let level = &inspection.columns[0];
    assert_eq!((&level.name[..], &level.unit[..], level.missing, level.texts), ("level", "V", 1, 0));
    // The autocorrelation of a sine of angular frequency 0.2 is below 1/e after 1.2 / 0.2 / 0.5 = 12 samples.
    assert!(level.correlation.unwrap().abs_diff(12) <= 1, "{level:?}");
    assert_eq!(inspection.columns[3].correlation, None);

    for line in [
        "files = \"data/*.csv\"",
        "time = \"t\"",
        "states = [\"level\"]",
        "inputs = [\"pump\"]",
        "# gaps = \"split\"",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let file: toml::Table = text.parse().unwrap();
    let recording: Settings = file["recording"].clone().try_into().unwrap();
    recording.check().unwrap();
    // What is a comment is a choice that can be made: the file with all comments removed is one too.
    let (head, _) = text.split_once("[model]").unwrap();
    let open =
        head.lines().filter(|line| !line.contains("# trajectory")).map(|line| line.trim_start_matches("# "));
    let open: toml::Table = open.collect::<Vec<_>>().join("\n").parse().unwrap();
    let _: Settings = open["recording"].clone().try_into().unwrap();
}

#[test]
fn what_keeps_files_from_being_a_recording_is_told() {
    let (inspection, text) = inspected(&[("a.csv", b"a,b\n1,2\n2,4\n3,5\n")], "");
    assert!(inspection.problem.as_ref().unwrap().contains("set recording.time"), "{inspection:?}");
    assert!(inspection.to_string().contains("cannot be read as a recording: "), "{inspection}");
    assert!(text.contains("# dt = 1.0"), "{text}");
}
