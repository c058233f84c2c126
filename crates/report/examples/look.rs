fn main() {
    let args: Vec<String> = std::env::args().collect();
    let start = std::time::Instant::now();
    let runs: Vec<_> = args[2..].iter().map(|p| report::RunFiles::read(p.as_ref()).unwrap()).collect();
    println!("read {:?}", start.elapsed());
    if args[1].ends_with(".html") {
        let page = report::page(&runs, "A comparison of networks").unwrap();
        std::fs::write(&args[1], &page).unwrap();
        println!("{} {:?}", page.len(), start.elapsed());
        return;
    }
    std::fs::create_dir_all(&args[1]).unwrap();
    for p in report::pictures(&runs[0]).unwrap() {
        println!("{} {} bytes: {}", p.name, p.svg.len(), p.caption);
        std::fs::write(format!("{}/{}.svg", args[1], p.name), &p.svg).unwrap();
        std::fs::write(format!("{}/{}.png", args[1], p.name), p.png().unwrap()).unwrap();
    }
}
