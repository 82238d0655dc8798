//! probe
#![allow(clippy::unwrap_used, clippy::print_stdout)]
use lazycat::{grid::INPE, scene::MetadataName, stac::item, stac::Buckets};
fn main() {
    let mut files = vec![];
    for path in std::env::args().skip(1) {
        let xml = std::fs::read(&path).unwrap();
        let name = MetadataName::parse(path.rsplit('/').next().unwrap()).unwrap();
        files.push((name, xml));
    }
    let buckets = Buckets::default();
    for (name, xml) in &files {
        let t = std::time::Instant::now();
        for _ in 0..200 { let _ = lazycat::scene::Scene::read(xml, name).unwrap(); }
        let a = t.elapsed() / 200;
        let t = std::time::Instant::now();
        for _ in 0..200 { let _ = item::generate(&INPE, xml, name, &buckets.0[0], None).unwrap(); }
        let made = item::generate(&INPE, xml, name, &buckets.0[0], None).unwrap();
        println!("{} read {a:?} all {:?} bytes {}", made.key, t.elapsed() / 200, made.bytes.len());
        if std::env::var("SHOW").is_ok() { println!("{}", String::from_utf8(made.bytes).unwrap()); }
    }
}
