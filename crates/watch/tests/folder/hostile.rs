//! Names that want to be more than names.

#![allow(dead_code)] // every test that includes it uses another part

/// For folders: all that a file system takes, which is 255 bytes without a slash.
pub fn names() -> Vec<String> {
    let mut names: Vec<String> = [
        "<script>window.hacked=1",
        "<img src=x onerror=window.hacked=1>",
        "\"><svg onload=window.hacked=1>",
        "'onmouseover='window.hacked=1",
        "&lt;b&gt; &amp; &#60;i&#62;",
        "line\nbreak\r\nand\ttab",
        "%3Cscript%3E%2e%2e%2f%00",
        "..%2f..%2f..",
        "...",
        "javascript:window.hacked=1",
        "<style>*{display:none}",
        "<iframe srcdoc=<script>window.hacked=1>",
        "${window.hacked=1}`{{window.hacked=1}}",
        "right \u{202e}to left\u{202c} \u{2066}x",
        "zero\u{200b}width\u{feff} and\u{ad}soft",
        "data: x\n\ndata: {\"all\":true}\n\n",
        "\u{1b}[31mred\u{7}",
        "C:\\windows\\system32",
        "漢字 🌀 e\u{301}\u{301}\u{301}\u{301}",
    ]
    .map(str::to_owned)
    .to_vec();
    names.push("<b>".repeat(85));
    assert!(names.len() == 20 && names[19].len() == 255);
    names
}

/// For texts in files, which have no limit: 300 characters.
pub fn long() -> String {
    "</script></title><script>window.hacked=1</script><i onclick=x>".chars().cycle().take(300).collect()
}

/// As the page shows a name: what cannot be seen is written out.
pub fn shown(name: &str) -> String {
    let hidden = "\n\r\t\u{202e}\u{202c}\u{2066}\u{200b}\u{feff}\u{1b}\u{7}\u{ad}";
    name.chars()
        .flat_map(|c| if hidden.contains(c) { c.escape_default().collect() } else { vec![c] })
        .collect()
}
