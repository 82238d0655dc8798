//! Scene metadata on the border of what is read: which of it is refused, and what is said then.

#![allow(clippy::unwrap_used)]

use lazycat::scene::{MetadataName, Scene, SceneError, SourceKey};
use lazycat_fixtures::{Date, SceneSpec, Size};

fn mux() -> SceneSpec {
    SceneSpec::cbers4_mux(57, 121, Date::new(2017, 6, 18)).with_size(Size::Standard)
}

/// Reads a scene's XML after a change.
fn read(scene: &SceneSpec, change: impl FnOnce(String) -> String) -> Result<Scene, SceneError> {
    let xml = scene.xml();
    let changed = change(xml.clone());
    assert_ne!(xml, changed, "the change changes nothing");
    Scene::read(changed.as_bytes(), &MetadataName::parse(&scene.file_name()).unwrap())
}

#[track_caller]
fn must_be_refused(read: Result<Scene, SceneError>, reason: &str, said: &[&str]) {
    let refused = read.unwrap_err();
    assert_eq!(refused.reason(), reason, "{refused}");
    for said in said {
        assert!(refused.to_string().contains(said), "{refused} does not say {said:?}");
    }
}

/// The XML with another text in every element of this name.
fn with(xml: &str, element: &str, text: &str) -> String {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let mut parts = xml.split(&open);
    let mut changed = parts.next().unwrap().to_owned();
    for part in parts {
        changed.push_str(&format!("{open}{text}{}", &part[part.find(&close).unwrap()..]));
    }
    changed
}

#[test]
fn an_element_of_another_namespace_is_refused_where_it_is_read_and_passed_over_elsewhere() {
    for element in ["satellite", "name", "image", "UL", "latitude", "attitudes", "roll", "band", "center"] {
        let tag = |xml: String| {
            let at =
                [format!("<{element}>"), format!("<{element} ")].iter().filter_map(|tag| xml.find(tag)).min().unwrap();
            let (before, after) = xml.split_at(at + 1 + element.len());
            format!("{before} xmlns=\"http://example.com/\"{after}")
        };
        let named = format!("/{element} is in namespace \"http://example.com/\"");
        must_be_refused(read(&mux(), tag), "other-document", &[&named, "expected http://www.gisplan.com.br/xmlsat"]);
    }
    must_be_refused(
        read(&mux(), |xml| xml.replace("<viewing>", "<viewing xmlns=\"\">")),
        "other-document",
        &["prdf/viewing is in namespace \"\""],
    );
    for harmless in [
        "<viewing xmlns='http://www.gisplan.com.br/xmlsat'>",
        "<viewing xmlns:other='http://example.com/'>",
        "<other xmlns='http://example.com/'><viewing>1</viewing></other><viewing>",
        "<other:viewing xmlns:other='http://example.com/'>1</other:viewing><viewing>",
    ] {
        assert!(read(&mux(), |xml| xml.replace("<viewing>", harmless)).is_ok(), "{harmless}");
    }
}

#[test]
fn a_closing_tag_may_have_space_in_it() {
    for element in ["attitudes", "ephemerides", "attitude", "image", "prdf", "latitude", "orientationAngle", "CT"] {
        for space in [" ", "\n", " \t\r\n"] {
            let spaced = |xml: String| xml.replace(&format!("</{element}>"), &format!("</{element}{space}>"));
            assert_eq!(read(&mux(), spaced), read(&mux(), |xml| xml + "\n"), "{element} {space:?}");
        }
    }
}

#[test]
fn of_what_nothing_is_read_the_content_does_not_matter_nor_that_there_is_none() {
    let untouched = read(&mux(), |xml| xml + "\n");
    for element in ["orientationAngle", "boresightMatrix", "CT"] {
        for content in ["", "1", "<a><b/></a>", "<!-- \u{e9} -->"] {
            assert_eq!(read(&mux(), |xml| with(&xml, element, content)), untouched, "{element}: {content}");
        }
        for empty in [format!("<{element}/>"), format!("<{element} a='/>' />")] {
            let emptied = |xml: String| with(&xml, element, "").replace(&format!("<{element}></{element}>"), &empty);
            assert_eq!(read(&mux(), emptied), untouched, "{empty}");
        }
    }
}

#[test]
fn markup_that_xml_does_not_allow_is_refused() {
    let without_software = |xml: String| {
        let (before, after) = xml.split_once("<software>").unwrap();
        format!("{before}{}", after.split_once("</software>").unwrap().1)
    };
    for (broken, says) in [
        ("<viewing", "attribute"),
        ("<viewing a=1>", "enclosed in"),
        ("<viewing xmlns='1' xmlns='1'>", "two attributes"),
        (
            "<unread>5 & 7</unread><viewing>",
            "prdf/unread: ill-formed document: entity or character reference not closed",
        ),
        ("<unread>&lol;</unread><viewing>", "prdf/unread: entity &lol;"),
        ("<?xml version='1.0'?><viewing>", "XML declaration"),
        ("<!ELEMENT a><viewing>", "unknown or missed symbol in markup"),
        ("<software>\u{1}</software><viewing>", "character '\\u{1}'"),
        ("<software>&#1;</software><viewing>", "character '\\u{1}'"),
        ("<software>&#+65;</software><viewing>", "invalid character reference"),
    ] {
        must_be_refused(read(&mux(), |xml| without_software(xml).replacen("<viewing>", broken, 1)), "not-xml", &[says]);
    }
}

#[test]
fn a_bow_tie_is_no_footprint() {
    // The lower corners change places, and so do the sides.
    let swapped = |xml: String| {
        let (before, data) = xml.split_once("<imageData>").unwrap();
        let (data, after) = data.split_once("</imageData>").unwrap();
        let data = data.replace("LR>", "X>").replace("LL>", "LR>").replace("X>", "LL>");
        format!("{before}<imageData>{data}</imageData>{after}")
    };
    must_be_refused(read(&mux(), swapped), "bad-value", &["footprint crosses itself", "corners [["]);
}

#[test]
fn the_centre_of_the_acquisition_lies_between_its_begin_and_its_end() {
    for center in ["2017-06-18T00:00:00", "2017-06-18T23:59:59.999"] {
        let moved = |xml: String| {
            let (before, after) = xml.split_once("<viewing>").unwrap();
            format!("{before}<viewing>{}", with(after, "center", center))
        };
        let said = ["prdf/viewing/center is", "from viewing/begin 2017-06-18T", "to viewing/end 2017-06-18T"];
        must_be_refused(read(&mux(), moved), "bad-value", &said);
    }
}

#[test]
fn fractions_of_a_second_are_read_to_the_nanosecond() {
    let end = |fraction: &str| {
        let time = format!("2017-06-18T23:59:59{fraction}");
        read(&mux(), |xml| with(&xml, "end", &time)).map(|scene| scene.end.timestamp_subsec_nanos())
    };
    assert_eq!(
        [end(""), end(".5"), end(".000000001"), end(".1234567899")].map(Result::unwrap),
        [0, 500_000_000, 1, 123_456_789]
    );
    for fraction in [".", ".x", ".5x", ".1234567890x", ".5.5", ".-5"] {
        must_be_refused(end(fraction).map(|_| unreachable!()), "bad-value", &["prdf/viewing/end", "expected a time"]);
    }
}

#[test]
fn what_is_unknown_is_said_to_be_so_where_it_stands_and_with_what_there_is() {
    let in_xml = |element, text| read(&mux(), |xml| with(&xml, element, text));
    must_be_refused(
        in_xml("number", "9"),
        "unknown-satellite",
        &["element prdf/satellite: satellite \"CBERS 9\"", "one of AMAZONIA 1, CBERS 4, CBERS 4A"],
    );
    must_be_refused(
        read(&mux(), |xml| xml.replace(">MUX</instrument>", ">HRC</instrument>")),
        "unknown-camera",
        &["element prdf/satellite/instrument: camera \"HRC\" is unknown on CBERS-4", "one of MUX, AWFI, PAN5M, PAN10M"],
    );
    must_be_refused(
        read(&mux(), |xml| xml.replacen(">5</band>", ">9</band>", 1)),
        "unknown-band",
        &["element prdf/availableBands/band: band \"9\" is unknown on MUX", "one of 5, 6, 7, 8"],
    );
    for (name, says) in [
        ("CBERS_9_MUX_20170618_057_121_L2_BAND6.xml", "satellite \"CBERS 9\" is unknown; expected one of AMAZONIA 1"),
        ("CBERS_4_HRC_20170618_057_121_L2_BAND6.xml", "camera \"HRC\" is unknown on CBERS-4; expected one of MUX"),
        ("CBERS_4_MUX_20170618_057_121_L2_BAND9.xml", "band \"9\" is unknown on MUX; expected one of 5, 6, 7, 8"),
    ] {
        let refused = MetadataName::parse(name).unwrap_err().to_string();
        assert!(refused.starts_with(&format!("name {name:?}: {says}")), "{refused}");
        assert_eq!(SourceKey::parse(&format!("CBERS4/MUX/057/121/a/{name}")).unwrap_err().to_string(), refused);
    }
}
