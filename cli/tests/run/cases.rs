//! Many scenes in one folder, some of them bad.

use std::collections::BTreeMap;
use std::time::Duration;

use lazycat_fixtures::SceneSpec;

use crate::sound::must_be_sound;
use crate::world::{SOME_REFUSED, World, day, mux};

/// The first of the days that bad scenes of one test have, so that none has a good one's name.
const FIRST: usize = 100;

/// Files that must be refused, one a scene.
#[derive(Default)]
pub struct Cases(Vec<Case>);

struct Case {
    file: String,
    bytes: Vec<u8>,
    reason: &'static str,
    said: Vec<String>,
}

impl Cases {
    /// A scene of CBERS4-MUX that no other case has.
    pub fn mux(&self) -> SceneSpec {
        mux(FIRST + self.0.len())
    }

    /// A scene of AMAZONIA1-WFI, both optics, that no other case has.
    pub fn dual(&self) -> SceneSpec {
        SceneSpec::amazonia1_wfi(36, 18, day(FIRST + self.0.len()))
    }

    /// A file that must be refused for `reason`, in a detail that says all of `said`.
    pub fn add(&mut self, file: &str, bytes: impl Into<Vec<u8>>, reason: &'static str, said: &[&str]) {
        let said = said.iter().map(|said| (*said).to_owned()).collect();
        self.0.push(Case { file: file.to_owned(), bytes: bytes.into(), reason, said });
    }

    /// A scene of CBERS4-MUX whose XML is changed.
    pub fn change(&mut self, reason: &'static str, said: &[&str], change: impl FnOnce(&str) -> String) {
        let scene = self.mux();
        self.add(&scene.file_name(), change(&scene.xml()), reason, said);
    }

    /// A scene of AMAZONIA1-WFI whose XML is changed.
    pub fn change_dual(&mut self, reason: &'static str, said: &[&str], change: impl FnOnce(&str) -> String) {
        let scene = self.dual();
        self.add(&scene.file_name(), change(&scene.xml()), reason, said);
    }

    /// Runs a folder that holds them and good scenes. Each must be refused, once, in a way that says why; each good
    /// one made and linked; and all that soon.
    pub fn must_be_refused_and_all_others_made(self) {
        let world = World::new();
        // Before, between and after the bad ones, in the order of keys.
        let last = FIRST + self.0.len();
        let good: Vec<SceneSpec> = [0, 1, last, last + 1]
            .map(mux)
            .into_iter()
            .chain([SceneSpec::amazonia1_wfi(36, 18, day(0)), SceneSpec::cbers4a_wpm(209, 139, day(0))])
            .collect();
        for scene in &good {
            world.add(scene);
        }
        let mut expected = BTreeMap::new();
        for case in &self.0 {
            let path = world.write(&case.file, &case.bytes).display().to_string();
            assert!(expected.insert(path, case).is_none(), "{} is there twice", case.file);
        }
        let started = std::time::Instant::now();
        let ran = world.run(&[]);
        ran.must_exit(SOME_REFUSED);
        assert!(started.elapsed() < Duration::from_secs(10), "refused only after {:?}", started.elapsed());
        assert_eq!(ran.count("made"), good.len() as u64, "{}", ran.told());
        assert_eq!(ran.count("refused"), self.0.len() as u64, "{}", ran.told());
        for refused in ran.refused() {
            let case = expected.remove(&refused.scene).unwrap_or_else(|| panic!("{refused:?} was not to be refused"));
            assert_eq!(refused.reason, case.reason, "{refused:?}");
            for said in &case.said {
                assert!(refused.detail.contains(said), "{said:?} is not said: {refused:?}");
            }
            assert!(refused.detail.len() < 600, "too long to read: {refused:?}");
        }
        assert!(expected.is_empty(), "not told: {:?}", expected.keys());
        must_be_sound(&world.catalog, good.len());
        // The same again: the good ones are done, the bad ones as bad as before.
        let again = world.run(&[]);
        again.must_exit(SOME_REFUSED);
        let counts = (again.count("unchanged"), again.count("refused"), again.count("rebuilt"));
        assert_eq!(counts, (good.len() as u64, self.0.len() as u64, 0), "{}", again.told());
    }
}
