//! Scene metadata that is none, or says what cannot be.

use lazycat_fixtures::{Optics, SceneSpec, Size};

use crate::cases::Cases;
use crate::edit;
use crate::world::day;

const NAMESPACE: &str = "http://www.gisplan.com.br/xmlsat";

/// The elements of one optic without which there is no item, those of corners left out.
const REQUIRED: [&str; 23] = [
    "satellite/name",
    "satellite/number",
    "satellite/instrument",
    "availableBands/band",
    "viewing/begin",
    "viewing/center",
    "viewing/end",
    "image/level",
    "image/columns",
    "image/lines",
    "image/verticalPixelSize",
    "image/horizontalPixelSize",
    "image/path",
    "image/row",
    "image/sunPosition/elevation",
    "image/sunPosition/sunAzimuth",
    "image/attitudes/attitude/roll",
    "image/ephemerides/ephemeris/vz",
    "image/projectionName",
    "image/datumName",
    "image/originLongitude",
    "image/falseNorthing",
    "image/imageData/UL/latitude",
];

/// Elements that hold required ones, and the first one of those that is missed.
const SECTIONS: [(&str, &str); 14] = [
    ("satellite", "satellite/name"),
    ("availableBands", "availableBands/band"),
    ("viewing", "viewing/begin"),
    ("image", "image/level"),
    ("image/sunPosition", "image/sunPosition/"),
    ("image/imageData", "image/imageData/UL/"),
    ("image/imageData/UL", "image/imageData/UL/"),
    ("image/imageData/LR", "image/imageData/LR/"),
    ("image/boundingBox", "image/boundingBox/UL/"),
    ("image/boundingBox/LL", "image/boundingBox/LL/"),
    ("image/attitudes", "image/attitudes/attitude/roll"),
    ("image/attitudes/attitude", "image/attitudes/attitude/roll"),
    ("image/ephemerides", "image/ephemerides/ephemeris/vz"),
    ("image/ephemerides/ephemeris", "image/ephemerides/ephemeris/vz"),
];

fn required() -> Vec<String> {
    let mut required: Vec<String> = REQUIRED.map(str::to_owned).into();
    for corner in ["UL", "UR", "LR", "LL"] {
        for field in
            ["imageData/{}/latitude", "imageData/{}/longitude", "boundingBox/{}/easting", "boundingBox/{}/northing"]
        {
            required.push(format!("image/{}", field.replace("{}", corner)));
        }
    }
    required.sort_unstable();
    required.dedup();
    required
}

#[test]
fn what_is_no_scene_metadata_is_refused_and_said_to_be_what_it_is() {
    let mut cases = Cases::default();
    let root = |by: &'static str| move |xml: &str| xml.replacen(&format!(" xmlns=\"{NAMESPACE}\""), by, 1);
    cases.change("empty", &["0 bytes"], |_| String::new());
    cases.change("not-xml", &["no element"], |_| " \n".to_owned());
    cases.change("not-xml", &["no element"], |_| "<?xml version=\"1.0\"?>\n".to_owned());
    cases.change("not-xml", &["before the first element"], |_| "This is a note.\n".to_owned());
    cases.change("not-xml", &["before the first element"], |_| "{\"type\":\"Feature\"}".to_owned());
    cases.change("not-xml", &["before the first element"], |xml| format!("\u{0}{xml}"));
    cases.change("not-xml", &["after the last element"], |xml| format!("{xml}<more/>"));
    cases.change("not-xml", &["after the last element"], |xml| {
        xml.repeat(2).replace("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\" ?>", "")
    });
    cases.change("not-xml", &["closing tag </image>"], |xml| xml.replace("</imageData>", "</image>"));
    cases.change("not-xml", &["closing tag"], |xml| {
        xml.replacen("<columns>", "<columns><b>", 1).replacen("<b>", "", 1).replacen("</columns>", "</column>", 1)
    });
    cases.change("not-xml", &["ISO-8859-1", "expected UTF-8"], |xml| xml.replacen("UTF-8", "ISO-8859-1", 1));
    cases.change("not-xml", &["deep"], |xml| edit::with(xml, "image/sunPosition", &"<a>".repeat(100_000)));
    cases.change("other-document", &["kml", "expected prdf", NAMESPACE], |_| {
        "<kml xmlns=\"http://www.opengis.net/kml/2.2\"></kml>".to_owned()
    });
    cases.change("other-document", &["x:prdf", "expected prdf"], |_| {
        format!("<x:prdf xmlns:x=\"{NAMESPACE}\"></x:prdf>")
    });
    cases.change("other-document", &["http://example.com/", NAMESPACE], root(" xmlns=\"http://example.com/\""));
    cases.change("other-document", &["no default namespace", NAMESPACE], root(""));
    cases.change("missing-element", &["prdf/satellite/name"], |_| format!("<prdf xmlns=\"{NAMESPACE}\"/>"));
    for (prefix, bytes) in [("a stray byte", &b"\xff"[..]), ("half a letter", &b"\xc3"[..])] {
        let scene = cases.mux();
        let mut xml = scene.xml().into_bytes();
        xml.splice(500..500, bytes.iter().copied());
        cases.add(&scene.file_name(), xml, "not-xml", &["byte 500 is not UTF-8"]);
        assert!(!prefix.is_empty());
    }
    let scene = cases.mux();
    let utf_16: Vec<u8> =
        "\u{feff}".chars().chain(scene.xml().chars()).flat_map(|c| (c as u16).to_le_bytes()).collect();
    cases.add(&scene.file_name(), utf_16, "not-xml", &["not UTF-8"]);
    cases.must_be_refused_and_all_others_made();
}

#[test]
fn a_document_type_declaration_is_refused_before_an_entity_is_expanded() {
    let mut cases = Cases::default();
    let declared = |declaration: &str, xml: &str| xml.replacen("<prdf", &format!("{declaration}\n<prdf"), 1);
    for declaration in [
        "<!DOCTYPE prdf>",
        "<!DOCTYPE prdf SYSTEM \"file:///etc/passwd\">",
        "<!DOCTYPE prdf [<!ENTITY path \"57\">]>",
        "<!DOCTYPE prdf [<!ENTITY path SYSTEM \"file:///etc/passwd\">]>",
    ] {
        cases.change("doctype", &["DTD"], |xml| declared(declaration, &edit::with(xml, "image/path", "&path;")));
    }
    let mut nested = "<!DOCTYPE prdf [<!ENTITY e0 \"57\">".to_owned();
    for level in 1..10 {
        let ten = format!("&e{};", level - 1).repeat(10);
        nested.push_str(&format!("<!ENTITY e{level} \"{ten}\">"));
    }
    nested.push_str("]>");
    cases.change("doctype", &["DTD"], |xml| declared(&nested, &edit::with(xml, "image/path", "&e9;")));
    cases.change("not-xml", &["prdf/image/path", "&path;"], |xml| edit::with(xml, "image/path", "&path;"));
    cases.change("not-xml", &["prdf/image/path"], |xml| edit::with(xml, "image/path", "&#xD800;"));
    cases.change("not-xml", &["prdf/image/path"], |xml| edit::with(xml, "image/path", "5 & 7"));
    cases.must_be_refused_and_all_others_made();
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    let mut cases = Cases::default();
    let whole = |xml: &str| xml.rfind("</prdf>").unwrap() + "</prdf>".len();
    let scene = cases.mux().with_size(Size::Full);
    for at in (1..whole(&scene.xml())).step_by(97) {
        let scene = cases.mux().with_size(Size::Full);
        let xml = scene.xml();
        let at = at.min(whole(&xml) - 1);
        cases.add(&scene.file_name(), &xml[..at], "not-xml", &[]);
    }
    let scene = cases.dual();
    for at in (1..whole(&scene.xml())).step_by(97) {
        let scene = cases.dual();
        let xml = scene.xml();
        let at = at.min(whole(&xml) - 1);
        cases.add(&scene.file_name(), &xml[..at], "not-xml", &["not well-formed XML at byte"]);
    }
    for before_the_end in 1..=8 {
        cases.change("not-xml", &[], |xml| xml[..whole(xml) - before_the_end].to_owned());
    }
    cases.must_be_refused_and_all_others_made();
}

#[test]
fn an_element_that_is_missing_is_named() {
    let mut cases = Cases::default();
    for path in required() {
        let named = format!("element prdf/{path} is missing");
        if path == "availableBands/band" {
            cases.change("missing-element", &[&named], |xml| edit::with(xml, "availableBands", ""));
        } else {
            cases.change("missing-element", &[&named], |xml| edit::without(xml, &path));
        }
        for optic in ["leftCamera", "rightCamera"] {
            let named = format!("element prdf/{optic}/{path} is missing");
            if path == "availableBands/band" {
                let bands = format!("{optic}/availableBands");
                cases.change_dual("missing-element", &[&named], |xml| edit::with(xml, &bands, ""));
            } else {
                cases.change_dual("missing-element", &[&named], |xml| edit::without(xml, &format!("{optic}/{path}")));
            }
        }
    }
    for (section, first) in SECTIONS {
        let missing = ["is missing", &format!("prdf/{first}")];
        // Of a list of samples only the first is looked at, so all of them have to go.
        let emptied = |xml: &str, path: &str| match path.ends_with("attitude") || path.ends_with("ephemeris") {
            true => edit::with(xml, path.rsplit_once('/').unwrap().0, ""),
            false => edit::without(xml, path),
        };
        cases.change("missing-element", &missing, |xml| emptied(xml, section));
        let missing = ["is missing", &format!("prdf/leftCamera/{first}")];
        cases.change_dual("missing-element", &missing, |xml| emptied(xml, &format!("leftCamera/{section}")));
    }
    cases.must_be_refused_and_all_others_made();
}

#[test]
fn an_element_that_is_empty_is_named_with_what_was_expected() {
    let mut cases = Cases::default();
    for path in required() {
        for nothing in ["", " \n\t", "<!-- 5 -->"] {
            if path == "availableBands/band" {
                cases.change("unknown-band", &["MUX"], |xml| edit::with(xml, &path, nothing));
            } else {
                let said = [&format!("element prdf/{path} is empty"), "expected"];
                cases.change("missing-element", &said, |xml| edit::with(xml, &path, nothing));
            }
        }
    }
    cases.must_be_refused_and_all_others_made();
}

#[test]
fn a_number_that_is_none_or_out_of_range_is_told_with_its_range() {
    let mut cases = Cases::default();
    let numbers = [
        "image/sunPosition/elevation",
        "image/sunPosition/sunAzimuth",
        "image/imageData/UL/latitude",
        "image/imageData/LR/longitude",
        "image/boundingBox/UR/easting",
        "image/boundingBox/LL/northing",
        "image/attitudes/attitude/roll",
        "image/ephemerides/ephemeris/vz",
        "image/verticalPixelSize",
        "image/horizontalPixelSize",
        "image/originLongitude",
        "image/falseNorthing",
        "image/columns",
        "image/lines",
        "image/path",
        "image/row",
    ];
    for path in numbers {
        for found in ["many", "NaN", "nan", "inf", "-inf", "infinity", "1e999", "0x10", "1,5", "1 2", "--1", "١٢"] {
            let said = [&format!("element prdf/{path} is {found:?}"), "expected", "number from"];
            cases.change("bad-value", &said, |xml| edit::with(xml, path, found));
        }
    }
    for (path, found, range) in [
        ("image/imageData/UL/latitude", "91", "from -90 to 90"),
        ("image/imageData/UL/latitude", "-90.000001", "from -90 to 90"),
        ("image/imageData/UR/longitude", "181", "from -180 to 180"),
        ("image/imageData/UR/longitude", "-181", "from -180 to 180"),
        ("image/path", "-1", "from 0 to 999"),
        ("image/path", "1000", "from 0 to 999"),
        ("image/path", "57.0", "from 0 to 999"),
        ("image/row", "70000", "from 0 to 999"),
        ("image/columns", "0", "from 1 to"),
        ("image/columns", "-5", "from 1 to"),
        ("image/lines", "4294967297", "from 1 to"),
        ("image/lines", "1.5", "from 1 to"),
        ("image/sunPosition/elevation", "91", "from -90 to 90"),
        ("image/sunPosition/sunAzimuth", "361", "from -360 to 360"),
        ("image/attitudes/attitude/roll", "91", "from -90 to 90"),
        ("image/ephemerides/ephemeris/vz", "1e6", "from -20000 to 20000"),
        ("image/verticalPixelSize", "0", "from 0.01"),
        ("image/horizontalPixelSize", "-20", "from 0.01"),
        ("image/boundingBox/UL/easting", "1e9", "from -20000000 to 20000000"),
        ("image/originLongitude", "183", "from -177 to 177"),
        ("image/falseNorthing", "-1", "from 0 to 10000000"),
    ] {
        let said = [&format!("element prdf/{path} is {found:?}"), range];
        cases.change("bad-value", &said, |xml| edit::with(xml, path, found));
        let said = [&format!("element prdf/rightCamera/{path} is {found:?}"), range];
        cases.change_dual("bad-value", &said, |xml| edit::with(xml, &format!("rightCamera/{path}"), found));
    }
    cases.must_be_refused_and_all_others_made();
}

#[test]
fn a_time_that_is_none_is_told() {
    let mut cases = Cases::default();
    for path in ["viewing/begin", "viewing/center", "viewing/end"] {
        for found in [
            "2017-02-30T10:00:00",
            "2017-13-01T10:00:00",
            "2017-06-18T25:00:00",
            "2017-06-18T10:60:00",
            "2016-12-31T23:59:60",
            "2017-06-18",
            "10:00:00",
            "18/06/2017 10:00:00",
            "2017-06-18T10:00:00+03:00",
            "+12017-06-18T10:00:00",
            "-0001-06-18T10:00:00",
            "1497780000",
            "now",
            "2017-06-18T10:00:00.",
        ] {
            let said = [&format!("element prdf/{path} is {found:?}"), "expected a time YYYY-MM-DDThh:mm:ss"];
            cases.change("bad-value", &said, |xml| edit::with(xml, path, found));
        }
    }
    cases.change("bad-value", &["prdf/viewing/end", "not before viewing/begin"], |xml| {
        let (begin, end) =
            (edit::content(xml, "viewing/begin").to_owned(), edit::content(xml, "viewing/end").to_owned());
        edit::with(&edit::with(xml, "viewing/begin", &end), "viewing/end", &begin)
    });
    cases.must_be_refused_and_all_others_made();
}

#[test]
fn satellites_cameras_bands_and_projections_that_are_unknown_are_told() {
    let mut cases = Cases::default();
    cases.change("unknown-satellite", &["\"LANDSAT 4\"", "CBERS 4A"], |xml| {
        edit::with(xml, "satellite/name", "LANDSAT")
    });
    cases.change("unknown-satellite", &["\"CBERS 9\"", "CBERS 4A"], |xml| edit::with(xml, "satellite/number", "9"));
    cases.change("unknown-satellite", &["\"cbers 4\""], |xml| edit::with(xml, "satellite/name", "cbers"));
    cases.change("unknown-camera", &["\"HRC\"", "CBERS-4"], |xml| edit::with(xml, "satellite/instrument", "HRC"));
    cases.change("unknown-camera", &["\"WPM\"", "CBERS-4"], |xml| edit::with(xml, "satellite/instrument", "WPM"));
    for band in ["1", "99", "256", "-5", "B5", "05", "5.0", "blue", "5 6"] {
        cases
            .change("unknown-band", &[&format!("{band:?}"), "MUX"], |xml| edit::with(xml, "availableBands/band", band));
    }
    cases.change("bad-value", &["prdf/availableBands/band", "each band once"], |xml| {
        edit::twice(xml, "availableBands/band")
    });
    cases.change("bad-value", &["prdf/image/projectionName", "\"LCC\"", "expected UTM"], |xml| {
        edit::with(xml, "image/projectionName", "LCC")
    });
    cases.change("bad-value", &["prdf/image/datumName", "\"SAD69\"", "expected WGS84"], |xml| {
        edit::with(xml, "image/datumName", "SAD69")
    });
    for meridian in ["-56", "0", "-57.5", "1e-300"] {
        cases.change("bad-value", &["prdf/image/originLongitude", "central meridian"], |xml| {
            edit::with(xml, "image/originLongitude", meridian)
        });
    }
    // Central meridians all right, but of zones far away from the scene.
    for meridian in ["-177", "3", "105", "177"] {
        cases.change("bad-value", &["prdf/image/originLongitude", "zone"], |xml| {
            edit::with(xml, "image/originLongitude", meridian)
        });
    }
    cases.change("bad-value", &["prdf/image/falseNorthing", "5000000"], |xml| {
        edit::with(xml, "image/falseNorthing", "5000000")
    });
    cases.must_be_refused_and_all_others_made();
}

#[test]
fn metadata_that_disagrees_with_the_name_of_its_file_is_refused() {
    let mut cases = Cases::default();
    let said = |field: &str| [field.to_owned(), "expected".to_owned(), "the file's name".to_owned()];
    for (path, found, field) in [
        ("satellite/number", "4A", "satellite"),
        ("satellite/instrument", "AWFI", "satellite/instrument"),
        ("image/path", "58", "image/path"),
        ("image/row", "122", "image/row"),
        ("image/row", "0", "image/row"),
        ("image/level", "4", "image/level"),
        ("image/level", "L2", "image/level"),
    ] {
        let said = said(field);
        cases.change("disagreement", &said.each_ref().map(String::as_str), |xml| edit::with(xml, path, found));
    }
    for level in ["2b", "12345", "-"] {
        cases.change("bad-value", &["prdf/image/level", level], |xml| edit::with(xml, "image/level", level));
    }
    let said = said("the date of viewing/center");
    cases.change("disagreement", &said.each_ref().map(String::as_str), |xml| {
        let at = edit::content(xml, "viewing/begin").replacen("20", "19", 1);
        edit::with(&edit::with(xml, "viewing/begin", &at), "viewing/center", &at)
    });
    // One scene's XML under another's name.
    let (scene, other) = (cases.mux(), SceneSpec::cbers4a_wfi(206, 133, day(3)));
    cases.add(&scene.file_name(), other.xml(), "disagreement", &["satellite", "CBERS-4A", "CBERS-4"]);
    cases.must_be_refused_and_all_others_made();
}

#[test]
fn two_optics_must_both_be_there_and_agree() {
    let mut cases = Cases::default();
    for (optic, path) in [("leftCamera", "prdf/leftCamera"), ("rightCamera", "prdf/rightCamera")] {
        cases.change_dual("missing-element", &[path, "is missing"], |xml| edit::without(xml, optic));
        cases.change_dual("bad-value", &[path, "twice"], |xml| edit::twice(xml, optic));
        cases.change_dual("missing-element", &[path, "is missing"], |xml| edit::with(xml, optic, ""));
        let row = format!("{optic}/image/row");
        cases.change_dual("disagreement", &["image/row", "the file's name"], |xml| edit::with(xml, &row, "19"));
    }
    cases.change_dual("disagreement", &["availableBands", "rightCamera", "leftCamera"], |xml| {
        edit::without(xml, "rightCamera/availableBands/band")
    });
    cases.change_dual("disagreement", &["UTM zone", "rightCamera", "leftCamera"], |xml| {
        let zone = edit::content(xml, "rightCamera/image/originLongitude").parse::<i32>().unwrap();
        edit::with(xml, "rightCamera/image/originLongitude", &(zone + 6).to_string())
    });
    cases.change_dual("disagreement", &["UTM zone", "rightCamera", "leftCamera"], |xml| {
        let south = edit::content(xml, "rightCamera/image/falseNorthing") != "0";
        edit::with(xml, "rightCamera/image/falseNorthing", if south { "0" } else { "10000000" })
    });
    // Flat layout under the name of both optics, with the elements of one.
    let scene = cases.dual();
    let left = scene.clone().with_optics(Optics::Left).xml();
    cases.add(&scene.file_name(), edit::without(&left, "image/path"), "missing-element", &["prdf/image/path"]);
    cases.must_be_refused_and_all_others_made();
}

#[test]
fn an_element_that_stands_twice_is_named() {
    let mut cases = Cases::default();
    for path in required() {
        if path != "availableBands/band" {
            let named = format!("element prdf/{path} stands twice");
            cases.change("bad-value", &[&named], |xml| edit::twice(xml, &path));
        }
    }
    for section in ["satellite", "viewing", "image", "image/sunPosition", "image/imageData", "image/boundingBox/UL"] {
        cases.change("bad-value", &["stands twice", &format!("prdf/{section}/")], |xml| edit::twice(xml, section));
    }
    for section in ["image/attitudes", "image/ephemerides"] {
        cases.change("bad-value", &["stands twice", &format!("prdf/{section}/")], |xml| edit::twice(xml, section));
    }
    cases.must_be_refused_and_all_others_made();
}

#[test]
fn a_footprint_without_area_is_refused() {
    let mut cases = Cases::default();
    let corners = ["UL", "UR", "LR", "LL"];
    cases.change("bad-value", &["no area"], |xml| {
        corners.iter().fold(xml.to_owned(), |xml, corner| {
            let xml = edit::with(&xml, &format!("image/imageData/{corner}/latitude"), "-20.5");
            edit::with(&xml, &format!("image/imageData/{corner}/longitude"), "-57.25")
        })
    });
    cases.change("bad-value", &["no area"], |xml| {
        corners
            .iter()
            .fold(xml.to_owned(), |xml, corner| edit::with(&xml, &format!("image/imageData/{corner}/latitude"), "0"))
    });
    cases.change_dual("bad-value", &["no area"], |xml| {
        ["leftCamera", "rightCamera"].iter().fold(xml.to_owned(), |xml, optic| {
            corners.iter().fold(xml, |xml, corner| {
                edit::with(&xml, &format!("{optic}/image/imageData/{corner}/longitude"), "-57")
            })
        })
    });
    cases.must_be_refused_and_all_others_made();
}
