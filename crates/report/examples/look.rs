fn main() {
    let args: Vec<String> = std::env::args().collect();
    let run = report::RunFiles::read(args[1].as_ref()).unwrap();
    std::fs::create_dir_all(&args[2]).unwrap();
    for p in report::pictures(&run).unwrap() {
        println!("{} {} bytes: {}", p.name, p.svg.len(), p.caption);
        std::fs::write(format!("{}/{}.svg", args[2], p.name), &p.svg).unwrap();
        std::fs::write(format!("{}/{}.png", args[2], p.name), p.png().unwrap()).unwrap();
    }
}
