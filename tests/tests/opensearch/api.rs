//! stac-fastapi-opensearch over what the loader has written.

use chrono::{TimeDelta, Utc};
use lazycat::search::change::Applied::Written;
use lazycat_tests::opensearch::{Api, Engine};
use serde_json::{Value, json};

use crate::world::{apply, collection, item, put, remove};

fn ids(found: &Value) -> Vec<&str> {
    let features = found["features"].as_array().unwrap_or_else(|| panic!("{found}"));
    features.iter().map(|item| item["id"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_finds_what_the_loader_has_written() {
    let corner = Engine::shared().corner();
    let index = corner.index();
    let start = chrono::DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(17_000);
    let mut changes = vec![collection(
        &json!({"type": "Collection", "stac_version": "1.1.0", "id": "CBERS4/MUX", "title": "MUX", "description": "d",
            "license": "other", "links": [], "extent": {"spatial": {"bbox": [[0, 0, 12, 1]]},
            "temporal": {"interval": [["2016-01-01T00:00:00Z", null]]}}}),
        1,
    )];
    let mut written = Vec::new();
    for n in 0..12_i64 {
        let mut item = item(if n % 2 == 0 { "CBERS4/MUX" } else { "other" }, &format!("i{n:02}"));
        let west = n;
        item["geometry"]["coordinates"] = json!([[[west, 0], [west + 1, 0], [west + 1, 1], [west, 1], [west, 0]]]);
        item["bbox"] = json!([west, 0, west + 1, 1]);
        item["properties"]["datetime"] = (start + TimeDelta::days(n)).to_rfc3339().into();
        item["properties"]["eo:cloud_cover"] = json!(n * 5);
        item["assets"] = json!({"thumbnail": {"href": "https://x.example/a.png", "roles": ["thumbnail"]}});
        changes.push(put(&item, 1).from(&format!("s3://b/i{n:02}.json")));
        written.push(item);
    }
    changes.push(remove("other", "i11", 2));
    assert!(apply(&index, &changes).await.iter().take(13).all(|told| *told == Ok(Written)));

    let api = Api::start(&corner);
    // Newest first is the server's own order.
    let all = ["i10", "i09", "i08", "i07", "i06", "i05", "i04", "i03", "i02", "i01", "i00"];
    assert_eq!(ids(&api.get("/search?limit=100")), all);
    assert_eq!(ids(&api.get("/search?bbox=2.5,0.2,4.5,0.8")), ["i04", "i03", "i02"]);
    let day = |n: i64| (start + TimeDelta::days(n)).to_rfc3339().replace("+00:00", "Z");
    assert_eq!(ids(&api.get(&format!("/search?datetime={}/{}", day(3), day(5)))), ["i05", "i04", "i03"]);
    assert_eq!(ids(&api.get("/search?ids=i03,i04,i11")), ["i04", "i03"]);
    assert_eq!(ids(&api.post("/search", &json!({"collections": ["CBERS4/MUX"], "limit": 3}))), ["i10", "i08", "i06"]);
    assert_eq!(ids(&api.get("/search?sortby=%2Bproperties.eo:cloud_cover&limit=2")), ["i00", "i01"]);
    let query = json!({"query": {"eo:cloud_cover": {"gte": 45}}});
    assert_eq!(ids(&api.post("/search", &query)), ["i10", "i09"]);
    let square = json!({"intersects": {"type": "Point", "coordinates": [6.5, 0.5]}});
    assert_eq!(ids(&api.post("/search", &square)), ["i06"]);

    // Page after page, each item once.
    let (mut met, mut body) = (Vec::new(), json!({"limit": 4}));
    for _ in 0..9 {
        let page = api.post("/search", &body);
        met.extend(ids(&page).into_iter().map(str::to_owned));
        let links = page["links"].as_array().unwrap();
        match links.iter().find(|link| link["rel"] == "next") {
            Some(next) => body = next["body"].clone(),
            None => break,
        }
    }
    assert_eq!(met, all);

    // An item is as it was sent, but for the server's own links; where it came from is not shown.
    let mut found = api.get("/search?ids=i04")["features"][0].clone();
    found["links"] = json!([]);
    assert_eq!(found.get("stac_extensions"), Some(&json!([])));
    found.as_object_mut().unwrap().remove("stac_extensions");
    assert_eq!(found, written[4]);

    let collections = api.get("/collections");
    let known: Vec<&str> =
        collections["collections"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(known, ["CBERS4/MUX", "other"]);
    assert_eq!(api.get("/collections/other")["type"], "Collection");
    assert_eq!(ids(&api.get("/collections/other/items?limit=2")), ["i09", "i07"]);
    assert_eq!(api.get("/collections/other/items/i03")["id"], "i03");
}
