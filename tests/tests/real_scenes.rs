//! Items of real scenes. Their metadata are INPE's and not part of this project: the environment variable
//! `LAZYCAT_REAL_SCENES` names a folder that holds them, and without it there is nothing to read.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::PathBuf;

use lazycat::grid::INPE;
use lazycat::scene::MetadataName;
use lazycat::stac::Buckets;
use lazycat::stac::item;
use serde_json::{Value, json};

/// What is known of a real scene.
struct Known {
    /// The name of the file.
    file: &'static str,
    /// `viewing/center`.
    datetime: &'static str,
    /// Lower left, lower right, upper right, upper left: lon, lat.
    ring: [[f64; 2]; 4],
    /// Azimuth and elevation of the sun, and the angle off nadir.
    view: [f64; 3],
    epsg: u32,
    /// Whether the file describes both optics.
    dual: bool,
    /// The keys of the bands, and of those whose raster the file describes.
    bands: (&'static str, &'static str),
    collection: &'static str,
    platform: &'static str,
    gsd: f64,
}

const SCENES: [Known; 5] = [
    Known {
        file: "CBERS_4_MUX_20170528_090_084_L2_BAND6.xml",
        datetime: "2017-05-28T09:01:17.927Z",
        ring: [[23.463987, 13.891487], [24.567134, 13.723733], [24.811268, 14.786396], [23.703021, 14.95489]],
        view: [66.2923, 70.3079, 0.00744884],
        epsg: 32635,
        dual: false,
        bands: ("B5 B6 B7 B8", "B5 B6 B7 B8"),
        collection: "CBERS4-MUX",
        platform: "cbers-4",
        gsd: 20.0,
    },
    Known {
        file: "CBERS_4_AWFI_20170409_167_123_L4_BAND14.xml",
        datetime: "2017-04-09T14:09:23.635Z",
        ring: [[-63.086835, -23.152887], [-54.430145, -24.479624], [-53.007893, -17.693434], [-61.277919, -16.425778]],
        view: [43.9164, 53.4479, 0.00828942],
        epsg: 32721,
        dual: false,
        bands: ("B13 B14 B15 B16", "B13 B14 B15 B16"),
        collection: "CBERS4-AWFI",
        platform: "cbers-4",
        gsd: 64.0,
    },
    Known {
        file: "CBERS_4_PAN5M_20161009_219_050_L2_BAND1.xml",
        datetime: "2016-10-09T17:14:38.580Z",
        ring: [[-92.935537, 44.092251], [-92.202142, 43.984174], [-91.817844, 45.036879], [-92.564259, 45.146873]],
        view: [167.751, 38.3015, 0.0050659],
        epsg: 32615,
        dual: false,
        bands: ("B1", "B1"),
        collection: "CBERS4-PAN5M",
        platform: "cbers-4",
        gsd: 5.0,
    },
    Known {
        file: "CBERS_4A_WPM_20200730_209_139_L4_BAND2.xml",
        datetime: "2020-07-30T13:51:24.147Z",
        ring: [[-51.681231, -20.982801], [-50.786227, -21.163409], [-50.597995, -20.322157], [-51.487835, -20.142304]],
        view: [32.9789, 44.3304, 0.000453806],
        epsg: 32722,
        dual: false,
        bands: ("B0 B1 B2 B3 B4", "B1 B2 B3 B4"),
        collection: "CBERS4A-WPM",
        platform: "cbers-4a",
        gsd: 2.0,
    },
    Known {
        file: "AMAZONIA_1_WFI_20220811_036_018_L4_BAND2.xml",
        datetime: "2022-08-11T14:01:37.942Z",
        ring: [[-58.40086, -20.559257], [-50.121331, -21.856167], [-48.698592, -15.04188], [-56.653807, -13.794569]],
        view: [35.9219, 50.04255, 0.000416261],
        epsg: 32722,
        dual: true,
        bands: ("B1 B2 B3 B4", ""),
        collection: "AMAZONIA1-WFI",
        platform: "amazonia-1",
        gsd: 64.0,
    },
];

/// The folder of the real scenes, if there is one here.
fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("LAZYCAT_REAL_SCENES").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("nothing to read: LAZYCAT_REAL_SCENES does not name a folder of real scenes");
    }
    folder
}

/// Every scene that is known: what is known of it, its XML, its name and its item.
fn each(check: impl Fn(&Known, &str, &MetadataName, &Value)) {
    let Some(folder) = folder() else { return };
    for known in &SCENES {
        let xml = fs::read(folder.join(known.file)).unwrap_or_else(|error| panic!("{}: {error}", known.file));
        let name = MetadataName::parse(known.file).unwrap();
        let buckets = Buckets::default();
        let pair = buckets.pair(name.scene.satellite.bucket).unwrap();
        let made =
            item::generate(&INPE, &xml, &name, pair, None).unwrap_or_else(|error| panic!("{}: {error}", known.file));
        assert_eq!(made.key, format!("{}/{}.json", name.scene.row_key(), name.scene));
        let item = serde_json::from_slice(made.item.bytes()).unwrap();
        check(known, std::str::from_utf8(&xml).unwrap(), &name, &item);
    }
}

/// The text of the first element at this path: found as text, with no parser in common with the one under test.
fn text<'a>(xml: &'a str, path: &str) -> &'a str {
    path.split('/').fold(xml, |inner, name| {
        let open = format!("<{name}>");
        let start = inner.find(&open).unwrap_or_else(|| panic!("no {path}")) + open.len();
        let length = inner[start..].find(&format!("</{name}>")).unwrap_or_else(|| panic!("no {path}"));
        &inner[start..start + length]
    })
}

fn number(xml: &str, path: &str) -> f64 {
    text(xml, path).parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The numbers of an array.
fn numbers(value: &Value) -> Vec<f64> {
    let values = value.as_array().unwrap_or_else(|| panic!("{value} is no array"));
    values.iter().map(|value| value.as_f64().unwrap()).collect()
}

/// The parts of a document that describe one optic each.
fn optics<'a>(known: &Known, xml: &'a str) -> Vec<&'a str> {
    if known.dual { vec![text(xml, "leftCamera"), text(xml, "rightCamera")] } else { vec![xml] }
}

#[test]
fn places_times_and_angles_are_those_that_are_known() {
    each(|known, _, name, item| {
        let properties = &item["properties"];
        let field = |name: &str| properties[name].as_f64().unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(item["id"], name.scene.to_string());
        assert_eq!(item["collection"], known.collection);
        assert_eq!(properties["platform"], known.platform);
        assert_eq!(field("gsd"), known.gsd);
        assert_eq!(properties["datetime"], known.datetime, "{}", known.file);
        let mut ring = known.ring.to_vec();
        ring.push(known.ring[0]);
        assert_eq!(item["geometry"]["type"], "MultiPolygon");
        assert_eq!(item["geometry"]["coordinates"], json!([[ring]]), "{}", known.file);
        let axis = |axis: usize| known.ring.iter().map(move |corner| corner[axis]);
        let least = |axis_of: usize| axis(axis_of).fold(f64::INFINITY, f64::min);
        let most = |axis_of: usize| axis(axis_of).fold(f64::NEG_INFINITY, f64::max);
        assert_eq!(numbers(&item["bbox"]), [least(0), least(1), most(0), most(1)], "{}", known.file);
        let view = [field("view:sun_azimuth"), field("view:sun_elevation"), field("view:off_nadir")];
        assert_eq!(view, known.view, "{}", known.file);
        assert_eq!(properties["proj:code"], format!("EPSG:{}", known.epsg), "{}", known.file);
        assert_eq!(properties["sat:orbit_state"], "descending", "{}", known.file);
    });
}

#[test]
fn begin_and_end_are_those_of_the_xml_in_utc() {
    each(|known, xml, _, item| {
        let xml = optics(known, xml)[0];
        for (field, path) in [("start_datetime", "viewing/begin"), ("end_datetime", "viewing/end")] {
            assert_eq!(item["properties"][field], format!("{}Z", text(xml, path)), "{}", known.file);
        }
    });
}

#[test]
fn the_projected_box_holds_the_rasters_of_all_optics() {
    each(|known, xml, _, item| {
        let mut union = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        for optic in optics(known, xml) {
            for corner in ["UL", "UR", "LR", "LL"] {
                let easting = number(optic, &format!("image/boundingBox/{corner}/easting"));
                let northing = number(optic, &format!("image/boundingBox/{corner}/northing"));
                union = [union[0].min(easting), union[1].min(northing), union[2].max(easting), union[3].max(northing)];
            }
        }
        assert_eq!(numbers(&item["properties"]["proj:bbox"]), union, "{}", known.file);
    });
}

#[test]
fn shape_and_transform_stand_at_the_bands_whose_raster_the_xml_describes() {
    each(|known, xml, _, item| {
        let assets = item["assets"].as_object().unwrap();
        let described: Vec<&str> =
            assets.iter().filter(|(_, asset)| asset.get("proj:shape").is_some()).map(|(key, _)| key.as_str()).collect();
        assert_eq!(described.join(" "), known.bands.1, "{}", known.file);
        for key in described {
            let shape = [number(xml, "image/lines"), number(xml, "image/columns")];
            assert_eq!(numbers(&assets[key]["proj:shape"]), shape, "{}", known.file);
            let transform = [
                number(xml, "image/horizontalPixelSize"),
                0.0,
                number(xml, "image/boundingBox/UL/easting"),
                0.0,
                -number(xml, "image/verticalPixelSize"),
                number(xml, "image/boundingBox/UL/northing"),
            ];
            assert_eq!(numbers(&assets[key]["proj:transform"]), transform, "{}", known.file);
        }
        assert!(item["properties"].get("proj:shape").is_none() && item["properties"].get("proj:transform").is_none());
    });
}

#[test]
fn a_raster_is_as_large_as_its_box() {
    each(|known, _, _, item| {
        let bounds = numbers(&item["properties"]["proj:bbox"]);
        for asset in item["assets"].as_object().unwrap().values().filter(|asset| asset.get("proj:shape").is_some()) {
            let (shape, transform) = (numbers(&asset["proj:shape"]), numbers(&asset["proj:transform"]));
            let east = transform[2] + shape[1] * transform[0];
            let south = transform[5] + shape[0] * transform[4];
            let pixel = transform[0];
            // INPE rounds the corners to metres.
            assert!((east - bounds[2]).abs() <= pixel && (south - bounds[1]).abs() <= pixel, "{}", known.file);
        }
    });
}

#[test]
fn bands_and_addresses_follow_the_public_archive() {
    each(|known, xml, name, item| {
        let optic = optics(known, xml)[0];
        let bands = text(optic, "availableBands");
        let listed: Vec<String> = bands
            .split("</band>")
            .filter_map(|band| band.rsplit_once('>'))
            .map(|(_, number)| format!("B{number}"))
            .collect();
        assert_eq!(listed.join(" "), known.bands.0, "{}", known.file);
        let assets = item["assets"].as_object().unwrap();
        let keys: Vec<&str> = assets.keys().map(String::as_str).collect();
        assert_eq!(keys.join(" "), format!("thumbnail metadata {}", known.bands.0), "{}", known.file);

        let (bucket, quicklooks, extension) = match known.collection {
            "AMAZONIA1-WFI" => ("amazonia-pds", "amazonia-meta-pds", "png"),
            "CBERS4A-WPM" => ("cbers-pds", "cbers-meta-pds", "png"),
            _ => ("cbers-pds", "cbers-meta-pds", "jpg"),
        };
        let (id, folder) = (name.scene.to_string(), name.scene.folder());
        let without_level = id.rsplit_once("_L").unwrap().0;
        assert_eq!(
            assets["thumbnail"]["href"],
            format!("https://{quicklooks}.s3.amazonaws.com/{folder}/{without_level}.{extension}")
        );
        let mut expected = vec![("metadata".to_owned(), known.file.to_owned())];
        expected.extend(listed.iter().map(|band| (band.clone(), format!("{id}_BAND{}.tif", &band[1..]))));
        for (key, file) in expected {
            assert_eq!(assets[&key]["href"], format!("https://{bucket}.s3.amazonaws.com/{folder}/{file}"));
            assert_eq!(assets[&key]["alternate"]["s3"]["href"], format!("s3://{bucket}/{folder}/{file}"));
        }
    });
}

#[test]
fn of_both_optics_angles_are_means_and_the_footprint_reaches_from_one_to_the_other() {
    each(|known, xml, _, item| {
        let [left, right] = optics(known, xml)[..] else { return };
        let mean = |path: &str| (number(left, path) + number(right, path)) / 2.0;
        let properties = &item["properties"];
        let close = |field: &str, expected: f64| (properties[field].as_f64().unwrap() - expected).abs() < 1e-9;
        assert!(close("view:sun_azimuth", mean("image/sunPosition/sunAzimuth")));
        assert!(close("view:sun_elevation", mean("image/sunPosition/elevation")));
        let corner = |optic, name: &str| {
            json!([
                number(optic, &format!("image/imageData/{name}/longitude")),
                number(optic, &format!("image/imageData/{name}/latitude"))
            ])
        };
        let ring = item["geometry"]["coordinates"][0][0].as_array().unwrap();
        let expected = [corner(left, "LL"), corner(right, "LR"), corner(right, "UR"), corner(left, "UL")];
        assert_eq!(ring[..4], expected);
    });
}
