//! `lazycat validate`, the real command, on a small catalog damaged in one way at a time.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "validate/catalog.rs"]
mod catalog;

use std::fs;

use serde_json::{Value, json};

use catalog::{COLLECTION, Catalog, ITEM, ROW, item, link, validate};

#[test]
fn a_valid_catalog_is_valid_and_counted() {
    let findings = Catalog::new().validate(&[]);
    assert_eq!(findings.stdout, "6 documents (3 catalogs, 1 collections, 2 items): valid\n");
    assert_eq!((findings.code, findings.stderr.as_str()), (Some(0), ""));
}

#[test]
fn findings_are_one_json_object_when_asked_for() {
    let catalog = Catalog::new();
    catalog.change(ROW, |row| row["lazycat:revision"] = json!(0));
    let findings = catalog.validate(&["--json"]);
    let report: Value = serde_json::from_str(&findings.stdout).unwrap();
    assert_eq!(
        report,
        json!({"documents": 6, "catalogs": 3, "collections": 1, "items": 2, "fault_count": 1, "faults": [
            {"path": ROW, "pointer": "/lazycat:revision", "message": "found 0, expected a positive integer"}
        ]})
    );
    assert_eq!(findings.code, Some(4));
}

#[test]
fn the_faults_shown_are_bounded_and_all_are_counted() {
    let catalog = Catalog::new();
    for id in 0..9 {
        catalog.write(&format!("unlinked/{id}.json"), &item("x"));
    }
    let findings = catalog.validate(&["--max-faults", "2"]);
    let lines: Vec<_> = findings.stdout.lines().collect();
    assert!(lines[0].starts_with("unlinked/0.json: ") && lines[1].starts_with("unlinked/1.json: "), "{lines:?}");
    assert_eq!(lines[2], "6 documents (3 catalogs, 1 collections, 2 items): 9 faults, of which 2 are shown");
}

#[test]
fn a_directory_that_cannot_be_read_is_a_failure_and_no_fault() {
    let catalog = Catalog::new();
    for name in ["absent", "catalog.json"] {
        let findings = validate(catalog.path(name).to_str().unwrap(), &[]);
        assert_eq!((findings.code, findings.stdout.as_str()), (Some(1), ""));
        assert_eq!(findings.stderr.lines().count(), 1, "{}", findings.stderr);
        assert!(findings.stderr.contains("; give the directory"), "{}", findings.stderr);
    }
}

#[test]
fn wrong_usage_has_its_own_exit_code() {
    assert_eq!(validate(".", &["--max-faults", "many"]).code, Some(2));
}

#[test]
fn a_directory_without_a_root_catalog_has_that_one_fault() {
    let catalog = Catalog::empty();
    catalog.write("a.json", &item("a"));
    assert_eq!(catalog.faults(), ["catalog.json: found nothing, expected the root catalog"]);
}

#[test]
fn a_link_to_a_missing_document_is_a_fault_of_the_link() {
    let catalog = Catalog::new();
    fs::remove_file(catalog.path(ITEM)).unwrap();
    catalog.assert_one_fault(&format!("{ROW}: /links/2/href"), &[ITEM, "does not exist"]);
}

#[test]
fn a_link_that_leaves_the_directory_is_not_followed() {
    for (href, words) in [
        ("../../../../x.json", "out of the catalog directory"),
        ("https://a.example/x.json", "leads elsewhere"),
        ("/etc/x.json", "leads elsewhere"),
        ("../../../.lazycat/x.json", "hidden"),
    ] {
        let catalog = Catalog::new();
        catalog.change(ROW, |row| row["links"].as_array_mut().unwrap().push(link("item", href, "x")));
        catalog.assert_one_fault(&format!("{ROW}: /links/4/href"), &[href, words]);
    }
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_out_of_the_directory_is_not_followed() {
    let (catalog, outside) = (Catalog::new(), Catalog::new());
    fs::remove_file(catalog.path(ITEM)).unwrap();
    std::os::unix::fs::symlink(outside.path(ITEM), catalog.path(ITEM)).unwrap();
    catalog.assert_one_fault(&format!("{ROW}: /links/2/href"), &["symbolic link that leaves"]);
}

#[test]
fn a_link_has_the_title_and_the_type_of_its_target() {
    let catalog = Catalog::new();
    catalog.change(ROW, |row| row["links"][2]["title"] = json!("Scene z"));
    catalog.assert_one_fault(&format!("{ROW}: /links/2/title"), &["found \"Scene z\", expected \"Scene a\""]);
    let catalog = Catalog::new();
    catalog.change(ROW, |row| row["links"][2]["type"] = json!("application/json"));
    catalog.assert_one_fault(&format!("{ROW}: /links/2/type"), &["expected \"application/geo+json\""]);
    let catalog = Catalog::new();
    catalog.change(ITEM, |item| {
        item["links"][1].as_object_mut().unwrap().remove("title");
    });
    catalog.assert_one_fault(&format!("{ITEM}: /links/1/title"), &["found nothing, expected \"Row 057\""]);
}

#[test]
fn an_item_may_be_linked_by_its_id() {
    let catalog = Catalog::new();
    catalog.change(ROW, |row| row["links"][2]["title"] = json!("a"));
    assert_eq!(catalog.faults(), [""; 0]);
}

#[test]
fn an_item_is_not_called_a_child() {
    let catalog = Catalog::new();
    catalog.change(ROW, |row| row["links"][2]["rel"] = json!("child"));
    catalog.assert_one_fault(&format!("{ROW}: /links/2/rel"), &["found \"child\", expected \"item\""]);
}

#[test]
fn every_document_leads_back_to_its_parent_root_and_collection() {
    for (index, rel, expected) in [(0, "root", "catalog.json"), (1, "parent", ROW), (2, "collection", COLLECTION)] {
        let catalog = Catalog::new();
        catalog.change(ITEM, |item| item["links"][index]["href"] = json!("./b.json"));
        catalog.assert_one_fault(
            &format!("{ITEM}: /links/{index}/href"),
            &[&format!("as {rel}, expected a link to {expected}")],
        );
    }
    let catalog = Catalog::new();
    catalog.change(ITEM, |item| {
        item["links"].as_array_mut().unwrap().remove(0);
    });
    catalog.assert_one_fault(&format!("{ITEM}: /links"), &["found no root link"]);
    let catalog = Catalog::new();
    catalog.change("catalog.json", |root| {
        root["links"].as_array_mut().unwrap().push(link("parent", "./catalog.json", "Root"));
    });
    catalog.assert_one_fault("catalog.json: /links/2", &["expected none in the root"]);
}

#[test]
fn an_item_names_the_collection_above_it() {
    let catalog = Catalog::new();
    catalog.change(ITEM, |item| item["collection"] = json!("CBERS4-PAN5M"));
    catalog.assert_one_fault(&format!("{ITEM}: /collection"), &["found \"CBERS4-PAN5M\", expected \"CBERS4-MUX\""]);
}

#[test]
fn a_missing_collection_or_link_to_it_is_said_once() {
    let catalog = Catalog::new();
    catalog.change(ITEM, |item| {
        item.as_object_mut().unwrap().remove("collection");
    });
    catalog.assert_one_fault(ITEM, &["found no field \"collection\"", "beside the collection link"]);
    let catalog = Catalog::new();
    catalog.change(ITEM, |item| {
        item["links"].as_array_mut().unwrap().remove(2);
    });
    catalog.assert_one_fault(&format!("{ITEM}: /collection"), &["expected a collection link beside it"]);
    let catalog = Catalog::new();
    catalog.change(ITEM, |item| {
        item["links"].as_array_mut().unwrap().remove(2);
        item.as_object_mut().unwrap().remove("collection");
    });
    catalog.assert_one_fault(&format!("{ITEM}: /links"), &["found no collection link", COLLECTION]);
}

#[test]
fn no_extension_is_fetched() {
    // A connection would wait in the listener's queue.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let catalog = Catalog::new();
    for document in ["catalog.json", COLLECTION, ROW, ITEM] {
        catalog.change(document, |document| {
            document["stac_extensions"] = json!([format!("http://{address}/schema.json")]);
        });
    }
    assert_eq!(catalog.faults(), [""; 0]);
    assert_eq!(listener.accept().map_err(|error| error.kind()).err(), Some(std::io::ErrorKind::WouldBlock));
}

#[test]
fn an_id_is_used_once_in_a_collection() {
    let catalog = Catalog::new();
    catalog.change("CBERS4/MUX/057/b.json", |item| item["id"] = json!("a"));
    catalog.assert_one_fault("CBERS4/MUX/057/b.json: /id", &[ITEM]);
}

#[test]
fn a_file_that_nothing_links_is_found_unless_it_is_hidden() {
    let catalog = Catalog::new();
    catalog.write("CBERS4/MUX/058/c.json", &item("c"));
    catalog.write(".lazycat/state.json", &item("c"));
    catalog.write("CBERS4/.tmp.json", &item("c"));
    catalog.write_text("CBERS4/notes.txt", "no document");
    catalog.assert_one_fault("CBERS4/MUX/058/c.json", &["no link from the root"]);
}

#[test]
fn what_is_no_json_or_no_stac_is_a_fault_of_the_document() {
    for (text, place, word) in [
        ("{\"type\":", ITEM.to_owned(), "no JSON"),
        ("", ITEM.to_owned(), "no JSON"),
        ("[]", ITEM.to_owned(), "expected a JSON object"),
        ("{\"type\": \"Topology\"}", format!("{ITEM}: /type"), "found \"Topology\""),
    ] {
        let catalog = Catalog::new();
        catalog.write_text(ITEM, text);
        catalog.assert_one_fault(&place, &[word]);
    }
}

#[test]
fn deep_json_is_refused_and_does_not_exhaust_the_stack() {
    let catalog = Catalog::new();
    let depth = 200_000;
    catalog.write_text(ITEM, &format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
    catalog.assert_one_fault(ITEM, &["recursion limit"]);
}

#[test]
fn a_huge_document_is_refused_unread() {
    let catalog = Catalog::new();
    let file = fs::File::options().write(true).open(catalog.path(ITEM)).unwrap();
    file.set_len(1 << 40).unwrap();
    catalog.assert_one_fault(ITEM, &["found 1099511627776 bytes, expected at most 67108864"]);
}

#[test]
fn a_document_obeys_the_core_schema_of_its_version() {
    let catalog = Catalog::new();
    catalog.change(ITEM, |item| item["properties"]["datetime"] = json!(5));
    let faults = catalog.faults();
    assert!(
        !faults.is_empty()
            && faults.iter().all(|fault| fault.starts_with(&format!("{ITEM}: /properties/datetime: found 5"))),
        "{faults:?}"
    );
    let catalog = Catalog::new();
    catalog.change(COLLECTION, |collection| {
        collection.as_object_mut().unwrap().remove("license");
    });
    catalog.assert_one_fault(COLLECTION, &["found no field \"license\""]);
    let catalog = Catalog::new();
    catalog.change(COLLECTION, |collection| collection["summaries"] = json!({"gsd": 20}));
    catalog.assert_one_fault(&format!("{COLLECTION}: /summaries/gsd"), &["found 20, but it is not valid under any"]);
    let catalog = Catalog::new();
    catalog.change(ITEM, |item| item["stac_version"] = json!("2.0.0"));
    catalog.assert_one_fault(&format!("{ITEM}: /stac_version"), &["found \"2.0.0\", expected \"1.0.0\" or \"1.1.0\""]);
}

#[test]
fn a_bbox_is_the_envelope_of_the_geometry() {
    let catalog = Catalog::new();
    catalog.change(ITEM, |item| item["bbox"] = json!([-50, -20, -49, -18]));
    catalog.assert_one_fault(&format!("{ITEM}: /bbox"), &["found [-50, -20, -49, -18], expected [-50, -20, -49, -19]"]);
}

#[test]
fn a_revision_is_a_positive_integer() {
    for wrong in [json!(0), json!(-1), json!(1.5), json!("1"), json!(null)] {
        let catalog = Catalog::new();
        catalog.change(ROW, |row| row["lazycat:revision"] = wrong.clone());
        catalog.assert_one_fault(&format!("{ROW}: /lazycat:revision"), &["expected a positive integer"]);
    }
}

#[test]
fn a_circle_of_links_ends_and_is_found() {
    let catalog = Catalog::new();
    catalog.change(ROW, |row| {
        let links = row["links"].as_array_mut().unwrap();
        links.push(link("child", "../collection.json", "MUX"));
        links.push(link("child", "./catalog.json", "Row 057"));
    });
    let faults = catalog.faults();
    assert_eq!(faults.len(), 2, "{faults:#?}");
    assert!(
        faults.iter().all(|fault| fault.contains("as parent, expected a link to CBERS4/MUX/057/catalog.json")),
        "{faults:#?}"
    );
}

#[test]
fn a_document_is_linked_once_from_one_place() {
    let catalog = Catalog::new();
    catalog.change(ROW, |row| row["links"].as_array_mut().unwrap().push(link("item", "./a.json", "Scene a")));
    catalog.assert_one_fault(&format!("{ROW}: /links/4/href"), &["found another link to CBERS4/MUX/057/a.json"]);
}

#[test]
fn links_may_be_absolute_below_the_address_that_the_root_says() {
    let catalog = Catalog::new();
    catalog.change("catalog.json", |root| {
        root["links"].as_array_mut().unwrap().push(link("self", "https://a.example/stac/catalog.json", "Root"));
    });
    catalog.change(ITEM, |item| {
        item["links"][0]["href"] = json!("https://a.example/stac/catalog.json");
        item["links"]
            .as_array_mut()
            .unwrap()
            .push(json!({"rel": "self", "href": "https://a.example/stac/CBERS4/MUX/057/z.json"}));
    });
    catalog.assert_one_fault(&format!("{ITEM}: /links/3/href"), &["as self"]);
}

#[test]
fn a_name_with_a_control_character_is_printed_escaped() {
    let catalog = Catalog::new();
    catalog.write("a\u{1b}[2Jb.json", &item("x"));
    catalog.assert_one_fault("a\\u{1b}[2Jb.json", &["no link"]);
}

#[test]
fn the_same_faults_are_shown_in_the_same_order_every_time() {
    let catalog = Catalog::new();
    for id in 0..50 {
        catalog.write(&format!("unlinked/{id:02}.json"), &item("x"));
    }
    catalog.change(ROW, |row| {
        for index in 0..300 {
            row["links"].as_array_mut().unwrap().push(link("item", &format!("./gone{index:03}.json"), "x"));
        }
    });
    let first = catalog.validate(&[]);
    for _ in 0..5 {
        assert_eq!(catalog.validate(&[]).stdout, first.stdout);
    }
    assert!(first.stdout.ends_with(": 350 faults, of which 100 are shown\n"), "{}", first.stdout);
}
