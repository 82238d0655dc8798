//! Keys of scenes' files in the public buckets.
//!
//! The XML stands at `{MISSION}{NUMBER}/{CAMERA}/{PPP}/{RRR}/{scene}/{file}`, beside the quicklook
//! `{scene without level}.{jpg|png}`.

use crate::level::check_key;
use crate::missions::Quicklook;

use super::error::{SceneError, cut};
use super::name::{MetadataName, SceneId};

/// The longest key of an S3 object, in bytes.
const LONGEST_KEY: usize = 1024;

/// What the key of an object in the source tells.
#[derive(Debug, Clone, PartialEq)]
pub enum SourceKey {
    /// The XML of a scene.
    Metadata(MetadataName),
    /// The quicklook of a scene.
    Quicklook(SceneId, Quicklook),
}

impl SourceKey {
    /// Reads the key of a scene's XML or quicklook in the public bucket.
    ///
    /// # Errors
    ///
    /// [`SceneError::Key`] when the key is not of the bucket's layout or its parts disagree, and those of
    /// [`MetadataName::parse`].
    pub fn parse(key: &str) -> Result<Self, SceneError> {
        let bad = |reason: &str| SceneError::Key { key: cut(key), reason: reason.to_owned() };
        check_key(key, LONGEST_KEY).map_err(bad)?;
        let (folder, file) = key.rsplit_once('/').unwrap_or(("", key));
        let (source, scene) = if file.ends_with(".xml") {
            let name = MetadataName::parse(file)?;
            (Self::Metadata(name.clone()), name.scene)
        } else {
            let (stem, extension) = file.rsplit_once('.').ok_or_else(|| bad("its file has no extension"))?;
            let quicklook = Quicklook::from_extension(extension)
                .ok_or_else(|| bad("it ends neither in .xml nor in .jpg or .png"))?;
            let name = folder.rsplit('/').next().unwrap_or_default();
            let scene = SceneId::parse(name)?;
            if stem != scene.without_level() {
                return Err(bad("the file and its folder name different scenes"));
            }
            (Self::Quicklook(scene.clone(), quicklook), scene)
        };
        if folder != scene.folder() {
            return Err(bad(&format!("its folder should be {}", scene.folder())));
        }
        Ok(source)
    }

    /// The scene that the object belongs to.
    #[must_use]
    pub fn scene(&self) -> &SceneId {
        match self {
            Self::Metadata(name) => &name.scene,
            Self::Quicklook(scene, _) => scene,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::missions;
    use chrono::NaiveDate;
    use proptest::prelude::*;

    const KEY: &str = "CBERS4/MUX/090/084/CBERS_4_MUX_20170528_090_084_L2/CBERS_4_MUX_20170528_090_084_L2_BAND6.xml";

    #[test]
    fn an_xml_key_is_read_and_written_back() {
        let SourceKey::Metadata(name) = SourceKey::parse(KEY).unwrap() else { unreachable!() };
        assert_eq!(name.key(), KEY);
        assert_eq!(name.scene.collection_id(), "CBERS4-MUX");
        assert_eq!((name.scene.path, name.scene.row), (90, 84));
        assert_eq!(name.scene.level, "2");
    }

    #[test]
    fn a_quicklook_key_leads_to_the_xml_candidates() {
        let key = "CBERS4/PAN10M/161/102/CBERS_4_PAN10M_20150728_161_102_L2/CBERS_4_PAN10M_20150728_161_102.jpg";
        let source = SourceKey::parse(key).unwrap();
        assert!(matches!(source, SourceKey::Quicklook(_, Quicklook::Jpeg)));
        let candidates: Vec<_> = source.scene().candidates().iter().map(MetadataName::file_name).collect();
        assert_eq!(
            candidates,
            ["CBERS_4_PAN10M_20150728_161_102_L2_BAND4.xml", "CBERS_4_PAN10M_20150728_161_102_L2_BAND3.xml"]
        );
    }

    #[test]
    fn keys_of_another_shape_are_refused_and_the_error_says_why() {
        let long = format!("{}/x.xml", "a".repeat(2000));
        for (key, says) in [
            ("CBERS_4_MUX_20170528_090_084_L2_BAND6.xml", "folder should be"),
            (
                "CBERS4/MUX/090/085/CBERS_4_MUX_20170528_090_084_L2/CBERS_4_MUX_20170528_090_084_L2_BAND6.xml",
                "folder should be",
            ),
            ("CBERS4/MUX/090/084/../CBERS_4_MUX_20170528_090_084_L2_BAND6.xml", "dot"),
            ("CBERS4//MUX/090/084/CBERS_4_MUX_20170528_090_084_L2_BAND6.xml", "empty segment"),
            ("CBERS4/MUX/090/084/CBERS_4_MUX_20170528_090_084_L2/CBERS_4_MUX_20170528_090_084.gif", ".jpg"),
            ("CBERS4/MUX/090/084/CBERS_4_MUX_20170528_090_084_L2/CBERS_4_MUX_20170529_090_084.jpg", "different scenes"),
            ("CBERS4/MUX/0\0/x.xml", "control character"),
            (
                "LANDSAT8/OLI/1/1/LANDSAT_8_OLI_20170528_090_084_L2/LANDSAT_8_OLI_20170528_090_084_L2_BAND6.xml",
                "LANDSAT 8",
            ),
            (long.as_str(), "too long"),
        ] {
            let error = SourceKey::parse(key).unwrap_err().to_string();
            assert!(error.contains(says), "{error} does not say {says:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(key in "\\PC{0,80}", file in "[A-Z0-9_./L]{0,60}") {
            let _ = SourceKey::parse(&key);
            let _ = MetadataName::parse(&file);
            let _ = SourceKey::parse(&format!("CBERS4/MUX/090/084/{file}"));
        }

        #[test]
        fn what_is_read_is_written_back(
            which in 0_usize..3, path in 0_u16..1000, row in 0_u16..1000, days in 0_i64..5000, level in "[0-9A-Z]{1,4}",
        ) {
            let satellite = &missions::SATELLITES[which];
            for camera in satellite.cameras {
                let date = NaiveDate::from_ymd_opt(2014, 12, 8).unwrap() + chrono::Duration::days(days);
                let scene = SceneId { satellite, camera, date, path, row, level: level.clone() };
                for name in scene.candidates() {
                    prop_assert_eq!(SourceKey::parse(&name.key()).unwrap(), SourceKey::Metadata(name));
                }
            }
        }
    }
}
