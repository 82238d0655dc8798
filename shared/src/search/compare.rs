//! Is an item of the catalog the one that an index gives?

use serde_json::{Map, Value};

/// By how much a coordinate may differ, in degrees: indexes keep geometries in forms of their own. It is far less than
/// a millimetre on the ground.
const COORDINATES_DIFFER_BY: f64 = 1e-9;

/// The members of an item that are not compared: a message makes links absolute.
const LEFT_OUT: [&str; 1] = ["links"];

/// What the members begin with that an index adds for itself.
const ADDED: &str = "lazycat:";

/// Whether two items say the same: all members but links and what an index has added. Numbers are compared as such (1 and
/// 1.0 are one), coordinates of geometries but for the last digits of what floating point can say.
#[must_use]
pub fn is_same_item(item: &Value, indexed: &Value) -> bool {
    let (Value::Object(item), Value::Object(indexed)) = (item, indexed) else { return false };
    members(item).count() == members(indexed).count()
        && members(item).all(|(name, member)| {
            let tolerance = if name == "geometry" { COORDINATES_DIFFER_BY } else { 0.0 };
            indexed.get(name).is_some_and(|other| is_same(member, other, tolerance))
        })
}

fn members(item: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    item.iter().filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()) && !name.starts_with(ADDED))
}

fn is_same(one: &Value, other: &Value, tolerance: f64) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => match (one.as_f64(), other.as_f64()) {
            (Some(one), Some(other)) => (one - other).abs() <= tolerance,
            _ => one == other,
        },
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other, tolerance))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, one)| other.get(name).is_some_and(|other| is_same(one, other, tolerance)))
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn item() -> Value {
        json!({
            "id": "a", "geometry": {"type": "Point", "coordinates": [-54.123456789012, 1]}, "bbox": [0, 1, 2, 3],
            "links": [{"rel": "self", "href": "a"}], "properties": {"n": 1, "t": [null, true]}
        })
    }

    #[test]
    fn links_last_digits_and_what_an_index_adds_make_no_difference() {
        let mut indexed = item();
        indexed["links"] = json!([]);
        indexed["lazycat:source"] = "s3://b/k".into();
        indexed["properties"]["n"] = json!(1.0);
        indexed["geometry"]["coordinates"][0] = json!(-54.123456789);
        assert!(is_same_item(&item(), &indexed));
    }

    #[test]
    fn anything_else_does() {
        for (pointer, value) in [
            ("/id", json!("b")),
            ("/geometry/coordinates/0", json!(-54.12345)),
            ("/geometry/coordinates", json!([-54.123456789012])),
            ("/bbox/0", json!(1e-10)),
            ("/properties/n", json!("1")),
            ("/properties/t/0", json!(0)),
            ("/properties/t", json!([null, true, true])),
            ("/properties", json!({"n": 1, "t": [null, true], "u": null})),
            ("/properties", json!({"n": 1})),
        ] {
            let mut indexed = item();
            if let Some(place) = indexed.pointer_mut(pointer) {
                *place = value;
            }
            assert!(!is_same_item(&item(), &indexed) && !is_same_item(&indexed, &item()), "{pointer}: {indexed}");
        }
        let mut more = item();
        more["assets"] = json!({});
        assert!(!is_same_item(&item(), &more) && !is_same_item(&more, &item()));
        assert!(!is_same_item(&item(), &json!([])));
    }
}
