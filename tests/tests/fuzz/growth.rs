//! Long inputs: the work must grow as they do, not as their square.
//!
//! Each input is made in two lengths, one sixteen times the other. Memory is counted, and so exact. Work is the time that
//! the processor gave this thread, which other programs cannot prolong by much; the least of a few runs is taken. Sixteen
//! times the input may take up to eighty times as long: quadratic work would take 256 times as long.

use std::hint::black_box;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use lazycat::grid::INPE;
use lazycat::level::Level;
use lazycat::message::{LevelMessage, SceneRecord};
use lazycat::scene::{MetadataName, SceneId, SourceKey};
use lazycat::stac::{Buckets, ReadBack, item};
use lazycat_fixtures::{Date, SceneSpec, Size};
use rustix::time::{ClockId, clock_gettime};

use crate::bounds::counted;

const TIMES: usize = 16;
const MOST: u32 = 80;
/// Below, a clock tells little.
const SHORTEST: Duration = Duration::from_micros(20);

fn spent(work: &dyn Fn(&[u8]), input: &[u8]) -> Duration {
    let now = || {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
    };
    let started = now();
    work(input);
    now() - started
}

/// Whether `work` on what `input` makes of a length grows as the length does.
fn must_grow_as_its_input(what: &str, work: &dyn Fn(&[u8]), input: &dyn Fn(usize) -> String) {
    let short = input(4_000).into_bytes();
    let long = input(4_000 * TIMES).into_bytes();
    let least = |input: &[u8]| (0..5).map(|_| spent(work, input)).min().unwrap();
    let (brief, lasting) = (least(&short).max(SHORTEST), least(&long));
    assert!(lasting < brief * MOST, "{what}: {brief:?} for {} bytes, {lasting:?} for {}", short.len(), long.len());
    let memory = |input: &[u8]| counted(|| work(input)).1.bytes_total;
    let (little, much) = (memory(&short).max(16 * 1024), memory(&long));
    assert!(much < little * MOST as u64 / 2, "{what}: {little} bytes for {}, {much} for {}", short.len(), long.len());
}

/// A text of about this length.
fn of_length(length: usize, piece: &str) -> String {
    piece.repeat(length / piece.len())
}

#[test]
fn the_work_on_a_document_grows_as_it_does() {
    let scene = SceneSpec::cbers4_mux(57, 121, Date::new(2017, 6, 18)).with_size(Size::Compact);
    let (xml, name) = (scene.xml(), MetadataName::parse(&scene.file_name()).unwrap());
    let buckets = Buckets::default();
    let pair = buckets.pair(scene.bucket()).unwrap();
    let work = |xml: &[u8]| drop(black_box(item::generate(&INPE, xml, &name, pair, None)));
    let inserted = |after: &str, text: &str| xml.replacen(after, &format!("{after}{text}"), 1);
    for (after, piece) in [
        ("<software>", "x"),
        ("<software>", "&amp;"),
        ("<software>", "&"),
        ("<software>", "&amp;<!---->"),
        ("<software>", "<![CDATA[x]]>"),
        ("<software>", "<![CDATA["),
        ("<software>", "<!--"),
        ("<software>", "<?p "),
        ("<software>", "<a"),
        ("<image>", "<a/>"),
        ("<image>", "<a b='"),
        ("<image>", "</image "),
        ("<image>", "<attitudes></attitudes>"),
        ("<image>", "<attitudes></attitudes "),
        ("<attitudes>", "</attitudes "),
        ("<attitudes>", "<a></a>"),
        ("<availableBands>", "<band>5</band>"),
        ("<path>", "0"),
        ("<latitude>", "1"),
    ] {
        let input = |length| inserted(after, &of_length(length, piece));
        must_grow_as_its_input(&format!("{piece} in {after}"), &work, &input);
    }
    must_grow_as_its_input("attributes", &work, &|length| {
        let attributes: String = (0..length / 12).map(|at| format!(" a{at}='{at}'")).collect();
        xml.replacen("<prdf", &format!("<prdf{attributes}"), 1)
    });
    must_grow_as_its_input("elements in each other", &work, &|length| {
        let count = length / "<a></a>".len();
        inserted("<image>", &["<a>".repeat(count), "</a>".repeat(count)].concat())
    });
    must_grow_as_its_input("comments", &work, &|length| of_length(length, "<!-- -->"));
    must_grow_as_its_input("space", &work, &|length| of_length(length, " \n"));
    must_grow_as_its_input("samples", &work, &|length| {
        let sample = "<attitude><roll>1</roll></attitude>";
        xml.replacen("</attitudes>", &format!("{}</attitudes>", of_length(length, sample)), 1)
    });
}

#[test]
fn the_work_on_a_message_grows_as_it_does() {
    let work = |body: &[u8]| {
        let body = std::str::from_utf8(body).unwrap();
        drop(black_box(SceneRecord::decode(body)));
        drop(black_box(LevelMessage::decode(body)));
    };
    let record = r#"{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"k"}}}"#;
    let of_records =
        |record: &str, length| format!("{{\"Records\":[{record}{}]}}", of_length(length, &format!(",{record}")));
    must_grow_as_its_input("records", &work, &|length| of_records(record, length));
    must_grow_as_its_input("empty records", &work, &|length| of_records("{}", length));
    let with_key = |key: String| format!("{{\"Records\":[{}]}}", record.replace("\"k\"", &format!("\"{key}\"")));
    for piece in ["k", "+", "%2F", "%ff", "\\u0041", "/", "%"] {
        must_grow_as_its_input(piece, &work, &|length| with_key(of_length(length, piece)));
    }
    for piece in ["[", "{\"a\":", "\"Type\":\"a\",", "\\", " ", "1"] {
        must_grow_as_its_input(piece, &work, &|length| format!("{{{}", of_length(length, piece)));
        must_grow_as_its_input(piece, &work, &|length| of_length(length, piece));
    }
    must_grow_as_its_input("envelopes", &work, &|length| {
        let inner = of_records(record, length).replace('"', "\\\"");
        format!("{{\"Message\":\"{inner}\"}}")
    });
    must_grow_as_its_input("levels", &work, &|length| {
        format!("{{\"level\":\"{}\",\"since\":\"2017-06-18T14:00:00Z\"}}", of_length(length, "a/"))
    });
}

#[test]
fn the_work_on_a_key_grows_as_it_does() {
    let work = |key: &[u8]| {
        let key = std::str::from_utf8(key).unwrap();
        drop(black_box(Level::parse(key)));
        drop(black_box(Level::from_wire(key)));
        drop(black_box(SceneId::parse(key)));
        drop(black_box(MetadataName::parse(key)));
        drop(black_box(SourceKey::parse(key)));
    };
    for piece in ["a", "/", "a/", "_", "CBERS_4_MUX_", "0", "é", "..", "CBERS_4_MUX_20170618_057_121_L2_BAND6.xml"] {
        must_grow_as_its_input(piece, &work, &|length| of_length(length, piece));
    }
}

#[test]
fn the_work_on_a_catalog_grows_as_it_does() {
    let work = |bytes: &[u8]| drop(black_box(ReadBack::parse(bytes)));
    let of =
        |links: String| format!("{{\"lazycat:revision\":1,\"links\":[{links}{{\"rel\":\"root\",\"href\":\"\"}}]}}");
    for link in [
        r#"{"rel":"child","href":"./a/catalog.json"},"#,
        r#"{"rel":"item","href":"./a.json"},"#,
        r#"{"rel":"child","href":"./%41%ff/catalog.json"},"#,
        "{},",
        "[[[[",
    ] {
        must_grow_as_its_input(link, &work, &|length| of(of_length(length, link)));
    }
    must_grow_as_its_input("children", &work, &|length| {
        of((0..length / 40).map(|at| format!("{{\"rel\":\"child\",\"href\":\"./{at}/catalog.json\"}},")).collect())
    });
}

#[test]
fn work_that_grows_as_the_square_of_its_input_is_noticed() {
    let passes = |work: &dyn Fn(&[u8])| {
        let judged = AssertUnwindSafe(|| must_grow_as_its_input("work", work, &|length| of_length(length, "x")));
        std::panic::catch_unwind(judged).is_ok()
    };
    assert!(passes(&|input| drop(black_box(input.to_vec()))));
    assert!(!passes(&|input| {
        for end in 0..input.len() {
            black_box(black_box(&input[..end]).contains(&b'y'));
        }
    }));
    assert!(!passes(&|input| input.iter().for_each(|_| drop(black_box(Vec::<u8>::with_capacity(input.len()))))));
}
