//! Finding scene metadata in a folder.
//!
//! Folders are walked one at a time, files before folders, so that memory is bounded by the largest folder; within a
//! folder scenes come in the order of their keys, which keeps the rebuilds few. Of several XML files of one scene in
//! one folder the one that describes it best is taken.

use std::collections::HashSet;
use std::fs::{self, DirEntry, FileType};
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::Datelike as _;

use crate::generate::Refusal;
use crate::missions::{self, Quicklook, SATELLITES};
use crate::scene::{MetadataName, SceneId};

/// The reason told when a folder cannot be read: there may be scenes in it.
pub const UNREADABLE: &str = "folder";

/// How deep folders may stand in each other.
const DEEPEST: usize = 64;

/// Scene metadata that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The key that it has in the public bucket; the path below the source where its name is none of a scene, or
    /// where its folders name another scene, so that it is refused for that.
    pub key: String,
    /// The path of the file.
    pub file: String,
    /// The key of the scene's quicklook, when it stands beside it.
    pub quicklook: Option<String>,
    /// The bucket of the public archive that holds such scenes; none where the name tells no satellite.
    pub bucket: Option<&'static str>,
}

/// Walks a folder again and again; each walk gives what is new since the one before.
#[derive(Debug)]
pub struct Watch {
    /// Up to when changes have been taken.
    until: SystemTime,
    /// Folders that have been seen. A folder that was moved in brings files that are older than it is there.
    folders: HashSet<u64>,
    /// Troubles that have been told: the next walk meets them again.
    told: HashSet<u64>,
}

/// How long a file must have been left alone before a watch takes it: it may still be being written.
const SETTLED: Duration = Duration::from_secs(1);

impl Watch {
    /// A watch that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self { until: UNIX_EPOCH, folders: HashSet::new(), told: HashSet::new() }
    }

    /// Gives what came since the walk before, and has been left alone for a second.
    ///
    /// # Errors
    ///
    /// As [`scan`].
    pub fn walk(
        &mut self,
        source: &Path,
        found: &mut dyn FnMut(Found) -> bool,
        trouble: &mut dyn FnMut(Refusal),
    ) -> io::Result<()> {
        let until = SystemTime::now().checked_sub(SETTLED).unwrap_or(UNIX_EPOCH);
        let from = self.until;
        let told = &mut self.told;
        let mut once = |refusal: Refusal| {
            if told.insert(hash(&refusal.scene)) {
                trouble(refusal);
            }
        };
        let (window, folders) = (Some((from, until)), Some(&mut self.folders));
        Walk { source, found, trouble: &mut once, window, folders, entered: HashSet::new(), counting: None }.start()?;
        self.until = until;
        Ok(())
    }
}

impl Default for Watch {
    fn default() -> Self {
        Self::new()
    }
}

/// Gives all scene metadata below `source`, until `found` says false. What cannot be looked at is told to `trouble`.
///
/// # Errors
///
/// When `source` itself cannot be read.
pub fn scan(source: &Path, found: &mut dyn FnMut(Found) -> bool, trouble: &mut dyn FnMut(Refusal)) -> io::Result<()> {
    Walk { source, found, trouble, window: None, folders: None, entered: HashSet::new(), counting: None }.start()
}

/// Tells how many scenes stand below `source`, folder by folder: about, since names are not looked into.
///
/// # Errors
///
/// As [`scan`].
pub fn count(source: &Path, counted: &mut dyn FnMut(u64)) -> io::Result<()> {
    let (found, trouble) = (&mut |_| true, &mut |_| {});
    Walk { source, found, trouble, window: None, folders: None, entered: HashSet::new(), counting: Some(counted) }
        .start()
}

struct Walk<'a> {
    source: &'a Path,
    found: &'a mut dyn FnMut(Found) -> bool,
    trouble: &'a mut dyn FnMut(Refusal),
    /// After and up to when a file must have changed.
    window: Option<(SystemTime, SystemTime)>,
    folders: Option<&'a mut HashSet<u64>>,
    /// Device and inode of the folders that this walk has been in.
    entered: HashSet<(u64, u64)>,
    /// Where scenes are only counted, what is told the number of each folder.
    counting: Option<&'a mut dyn FnMut(u64)>,
}

/// A folder's entries, as far as they matter.
#[derive(Default)]
struct Entries {
    folders: Vec<PathBuf>,
    /// Names of XML files, one after the other.
    names: String,
    files: Vec<File>,
    has_quicklooks: bool,
}

/// An XML file: where its name stands in [`Entries::names`], and its place in the order of keys. Small, because a folder
/// may hold a million.
struct File {
    order: u64,
    start: u32,
    length: u16,
    /// In a watch: it came, or was changed, since the walk before.
    is_new: bool,
}

impl Walk<'_> {
    fn start(&mut self) -> io::Result<()> {
        let source = self.source;
        let identity = identity(source)?;
        let entries = self.read(source, identity)?;
        self.entered.insert(identity);
        self.folder(source, entries, 1);
        Ok(())
    }

    /// Gives what stands in a folder and below it. Whether to go on.
    fn folder(&mut self, folder: &Path, entries: Entries, depth: usize) -> bool {
        if !self.files(folder, &entries) {
            return false;
        }
        for child in entries.folders {
            match self.enter(&child, depth) {
                Ok(None) => {}
                Ok(Some(entries)) => {
                    if !self.folder(&child, entries, depth + 1) {
                        return false;
                    }
                }
                Err(detail) => (self.trouble)(Refusal {
                    scene: child.display().to_string(),
                    reason: UNREADABLE.to_owned(),
                    detail: format!("the folder cannot be read: {detail}"),
                }),
            }
        }
        true
    }

    /// What stands in a folder; none where this walk has been in it. A link may lead to any folder, also to one that
    /// holds it: each is entered once, whichever way it is reached first.
    fn enter(&mut self, folder: &Path, depth: usize) -> Result<Option<Entries>, String> {
        let identity = identity(folder).map_err(|error| error.to_string())?;
        if self.entered.contains(&identity) {
            return Ok(None);
        }
        if depth >= DEEPEST {
            return Err(format!("it stands more than {DEEPEST} folders deep"));
        }
        match self.read(folder, identity) {
            Ok(entries) => {
                self.entered.insert(identity);
                Ok(Some(entries))
            }
            Err(error) => {
                // Its files will be new when it can be read again.
                if let Some(seen) = &mut self.folders {
                    seen.remove(&hash(&(folder, identity)));
                }
                Err(error.to_string())
            }
        }
    }

    fn read(&mut self, folder: &Path, identity: (u64, u64)) -> io::Result<Entries> {
        let mut entries = Entries::default();
        // A folder that appears brings all its files with it, however old they are.
        let this = hash(&(folder, identity));
        let is_new = self.folders.as_ref().is_some_and(|seen| !seen.contains(&this));
        let mut scenes = HashSet::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let Some(name) = name.to_str() else {
                let is_xml = name.as_encoded_bytes().ends_with(b".xml");
                let what = if kind(&entry).is_some_and(|kind| kind.is_dir()) { "folder" } else { "file" };
                if is_xml || what == "folder" {
                    (self.trouble)(Refusal {
                        scene: entry.path().display().to_string(),
                        reason: "name".to_owned(),
                        detail: format!("the {what}'s name is not UTF-8, so that no message can name it; rename it"),
                    });
                }
                continue;
            };
            let Some(kind) = kind(&entry) else { continue };
            if kind.is_dir() {
                entries.folders.push(entry.path());
            } else if name.ends_with(".xml") {
                let is_new = self.is_wanted(&entry, is_new);
                match &mut self.counting {
                    None => entries.push(name, is_new)?,
                    Some(_) => _ = scenes.insert(hash(&scene_part(name))),
                }
            } else if name.ends_with(".jpg") || name.ends_with(".png") {
                entries.has_quicklooks = true;
            }
        }
        entries.folders.sort_unstable();
        entries.sort();
        if let Some(counted) = &mut self.counting {
            counted(scenes.len() as u64);
        }
        // Only now: a folder that could not be read is new until it can.
        if let Some(seen) = &mut self.folders {
            seen.insert(this);
        }
        Ok(entries)
    }

    fn is_wanted(&self, entry: &DirEntry, folder_is_new: bool) -> bool {
        let Some((after, until)) = self.window else { return true };
        match fs::metadata(entry.path()).map(|metadata| changed(&metadata)) {
            Ok(changed) => changed <= until && (folder_is_new || changed > after),
            // What is wrong with it is told when it is read.
            Err(_) => after == UNIX_EPOCH,
        }
    }

    /// Gives the scenes of a folder: of each the file that describes it best, where that one is new. A lesser file that
    /// comes later changes nothing.
    fn files(&mut self, folder: &Path, entries: &Entries) -> bool {
        let mut best: Option<(MetadataName, bool)> = None;
        for file in &entries.files {
            let name = entries.name(file);
            let Ok(name) = MetadataName::parse(name) else {
                if !self.give_best(folder, best.take(), entries) || !self.give_nameless(folder, name, file.is_new) {
                    return false;
                }
                continue;
            };
            match &best {
                Some((known, _)) if known.scene == name.scene => {
                    if name.rank() < known.rank() {
                        best = Some((name, file.is_new));
                    }
                }
                _ => {
                    if !self.give_best(folder, best.replace((name, file.is_new)), entries) {
                        return false;
                    }
                }
            }
        }
        self.give_best(folder, best, entries)
    }

    fn give_best(&mut self, folder: &Path, best: Option<(MetadataName, bool)>, entries: &Entries) -> bool {
        match best {
            Some((name, true)) => self.give(folder, &name, entries.has_quicklooks),
            _ => true,
        }
    }

    /// Gives a file whose name is none of a scene; it will be refused for that.
    fn give_nameless(&mut self, folder: &Path, file: &str, is_new: bool) -> bool {
        if !is_new {
            return true;
        }
        let path = folder.join(file);
        let key = self.below_source(&path);
        (self.found)(Found { key, file: text(&path), quicklook: None, bucket: None })
    }

    fn give(&mut self, folder: &Path, name: &MetadataName, has_quicklooks: bool) -> bool {
        let path = folder.join(name.file_name());
        let below = self.below_source(&path);
        let key = if is_laid_out(&below) || names_another_scene(folder, &name.scene) { below } else { name.key() };
        let quicklook = if has_quicklooks { quicklook(folder, &name.scene) } else { None };
        (self.found)(Found { key, file: text(&path), quicklook, bucket: Some(name.scene.satellite.bucket) })
    }

    fn below_source(&self, path: &Path) -> String {
        text(path.strip_prefix(self.source).unwrap_or(path))
    }
}

impl Entries {
    fn push(&mut self, name: &str, is_new: bool) -> io::Result<()> {
        let too_many = |_| io::Error::other("there are too many files in one folder");
        let start = u32::try_from(self.names.len()).map_err(too_many)?;
        let length = u16::try_from(name.len()).map_err(too_many)?;
        self.names.push_str(name);
        self.files.push(File { order: order(name), start, length, is_new });
        Ok(())
    }

    fn name(&self, file: &File) -> &str {
        name_of(&self.names, file)
    }

    fn sort(&mut self) {
        let names = &self.names;
        self.files
            .sort_unstable_by(|a, b| a.order.cmp(&b.order).then_with(|| name_of(names, a).cmp(name_of(names, b))));
    }
}

fn name_of<'a>(names: &'a str, file: &File) -> &'a str {
    let start = file.start as usize;
    &names[start..start + usize::from(file.length)]
}

/// The part of a file's name that all files of one scene share.
fn scene_part(file: &str) -> &str {
    let scene = file.split_once("_BAND").map_or(file, |(scene, _)| scene);
    scene.strip_suffix("_LEFT").or_else(|| scene.strip_suffix("_RIGHT")).unwrap_or(scene)
}

/// A number that orders files as the keys of their items: by satellite, camera, path, row and date. Files whose names
/// are none of scenes come last.
fn order(file: &str) -> u64 {
    let Ok(name) = MetadataName::parse(file) else { return u64::MAX };
    let SceneId { satellite, camera, date, path, row, .. } = name.scene;
    let at = |position: Option<usize>| position.unwrap_or(0) as u64;
    let satellite_at = at(SATELLITES.iter().position(|known| std::ptr::eq(known, satellite)));
    let camera_at = at(satellite.cameras.iter().position(|known| std::ptr::eq(known, camera)));
    let day = (date.num_days_from_ce().max(0) as u64).min((1 << 22) - 1);
    satellite_at << 56 | camera_at << 48 | u64::from(path) << 36 | u64::from(row) << 24 | day
}

/// Whether a path below the source has the shape of the public bucket's keys: as many folders, a satellite's first.
fn is_laid_out(below: &str) -> bool {
    let mut folders = below.split('/');
    folders.next().is_some_and(|first| missions::satellite_of_folder(first).is_some()) && folders.count() == 5
}

/// Whether a folder is called like a scene, but not like this one.
fn names_another_scene(folder: &Path, scene: &SceneId) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str());
    name.and_then(|name| SceneId::parse(name).ok()).is_some_and(|other| other != *scene)
}

/// The key of the scene's quicklook in the folder; the camera's own kind before the other one.
fn quicklook(folder: &Path, scene: &SceneId) -> Option<String> {
    let own = scene.camera.quicklook;
    let other = if own == Quicklook::Jpeg { Quicklook::Png } else { Quicklook::Jpeg };
    [own, other].into_iter().find_map(|kind| {
        let file = format!("{}.{}", scene.without_level(), kind.extension());
        folder.join(&file).is_file().then(|| format!("{}/{file}", scene.folder()))
    })
}

/// What an entry is, links followed; none for what is neither file nor folder and for links that lead nowhere, but a
/// link to nowhere that is called like XML is a file: what is wrong with it is told when it is read.
fn kind(entry: &DirEntry) -> Option<FileType> {
    let kind = entry.file_type().ok()?;
    if !kind.is_symlink() {
        return Some(kind);
    }
    match fs::metadata(entry.path()) {
        Ok(metadata) => Some(metadata.file_type()),
        Err(_) => Some(kind),
    }
}

/// When a file's content, name or rights were changed last.
fn changed(metadata: &fs::Metadata) -> SystemTime {
    let (seconds, nanoseconds) = (metadata.ctime(), metadata.ctime_nsec());
    let since = Duration::new(u64::try_from(seconds).unwrap_or(0), u32::try_from(nanoseconds).unwrap_or(0));
    UNIX_EPOCH + since
}

fn identity(folder: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::metadata(folder)?;
    Ok((metadata.dev(), metadata.ino()))
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn touch(root: &Path, path: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }

    fn all(source: &Path) -> (Vec<Found>, Vec<Refusal>) {
        let (mut found, mut troubles) = (Vec::new(), Vec::new());
        let mut give = |scene| {
            found.push(scene);
            true
        };
        scan(source, &mut give, &mut |trouble| troubles.push(trouble)).unwrap();
        (found, troubles)
    }

    #[test]
    fn scenes_are_counted_once_however_many_files_they_have() {
        let source = tempfile::tempdir().unwrap();
        for file in ["L2_BAND5", "L2_BAND6", "L4_LEFT_BAND6", "L4_RIGHT_BAND6"] {
            touch(source.path(), &format!("a/CBERS_4_MUX_20170618_057_121_{file}.xml"));
        }
        touch(source.path(), "b/notes.xml");
        let mut scenes = 0;
        count(source.path(), &mut |more| scenes += more).unwrap();
        assert_eq!(scenes, 3);
    }

    fn keys(source: &Path) -> Vec<String> {
        all(source).0.into_iter().map(|found| found.key).collect()
    }

    #[test]
    fn a_flat_folder_is_given_in_the_order_of_item_keys_and_each_scene_once() {
        let source = tempfile::tempdir().unwrap();
        for file in [
            "CBERS_4_MUX_20170601_057_122_L2_BAND6.xml",
            "CBERS_4_MUX_20170618_057_121_L2_BAND7.xml",
            "CBERS_4_MUX_20170618_057_121_L2_BAND6.xml",
            "CBERS_4_MUX_20170618_057_121_L2_BAND5.xml",
            "CBERS_4_MUX_20170518_057_121_L2_BAND8.xml",
            "AMAZONIA_1_WFI_20220811_036_018_L4_RIGHT_BAND2.xml",
            "AMAZONIA_1_WFI_20220811_036_018_L4_LEFT_BAND2.xml",
            "notes.xml",
            "image.tif",
            ".hidden.xml",
        ] {
            touch(source.path(), file);
        }
        assert_eq!(
            keys(source.path()),
            [
                "AMAZONIA1/WFI/036/018/AMAZONIA_1_WFI_20220811_036_018_L4/AMAZONIA_1_WFI_20220811_036_018_L4_LEFT_BAND2.xml",
                "CBERS4/MUX/057/121/CBERS_4_MUX_20170518_057_121_L2/CBERS_4_MUX_20170518_057_121_L2_BAND8.xml",
                "CBERS4/MUX/057/121/CBERS_4_MUX_20170618_057_121_L2/CBERS_4_MUX_20170618_057_121_L2_BAND6.xml",
                "CBERS4/MUX/057/122/CBERS_4_MUX_20170601_057_122_L2/CBERS_4_MUX_20170601_057_122_L2_BAND6.xml",
                "notes.xml",
            ]
        );
    }

    #[test]
    fn a_folder_laid_out_as_the_bucket_keeps_its_keys_also_wrong_ones() {
        let source = tempfile::tempdir().unwrap();
        let right = "CBERS4/MUX/057/121/CBERS_4_MUX_20170618_057_121_L2/CBERS_4_MUX_20170618_057_121_L2_BAND6.xml";
        let wrong = "CBERS4/MUX/057/999/CBERS_4_MUX_20170618_057_121_L2/CBERS_4_MUX_20170618_057_121_L2_BAND6.xml";
        touch(source.path(), right);
        touch(source.path(), wrong);
        touch(source.path(), "CBERS4/MUX/057/121/CBERS_4_MUX_20170618_057_121_L2/CBERS_4_MUX_20170618_057_121.png");
        let (found, _) = all(source.path());
        assert_eq!(found.iter().map(|found| found.key.as_str()).collect::<Vec<_>>(), [right, wrong]);
        assert!(found[0].quicklook.as_ref().unwrap().ends_with("_057_121.png"));
        assert_eq!(found[1].quicklook, None);
    }

    #[test]
    fn links_are_followed_but_not_round_and_round() {
        let source = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        touch(elsewhere.path(), "CBERS_4_MUX_20170618_057_121_L2_BAND6.xml");
        fs::create_dir(source.path().join("a")).unwrap();
        std::os::unix::fs::symlink(source.path(), source.path().join("a/loop")).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), source.path().join("b")).unwrap();
        std::os::unix::fs::symlink("nowhere", source.path().join("gone.xml")).unwrap();
        std::os::unix::fs::symlink("self.xml", source.path().join("self.xml")).unwrap();
        assert_eq!(keys(source.path()).len(), 3);
    }

    #[test]
    fn a_watch_gives_each_file_once_and_those_of_a_folder_that_was_moved_in() {
        let source = tempfile::tempdir().unwrap();
        let mut watch = Watch::new();
        let mut walk = |until: SystemTime| {
            let mut found = Vec::new();
            let mut give = |scene: Found| {
                found.push(scene.key);
                true
            };
            let from = watch.until;
            let mut walk = Walk {
                source: source.path(),
                found: &mut give,
                trouble: &mut |_| {},
                window: Some((from, until)),
                folders: Some(&mut watch.folders),
                entered: HashSet::new(),
                counting: None,
            };
            walk.start().unwrap();
            watch.until = until;
            found.len()
        };
        touch(source.path(), "a/CBERS_4_MUX_20170618_057_121_L2_BAND6.xml");
        let now = SystemTime::now;
        assert_eq!(walk(now() - Duration::from_secs(60)), 0, "still being written");
        assert_eq!(walk(now() + Duration::from_secs(1)), 1);
        assert_eq!(walk(now() + Duration::from_secs(2)), 0);
        let elsewhere = tempfile::tempdir_in(source.path().parent().unwrap()).unwrap();
        touch(elsewhere.path(), "b/CBERS_4_MUX_20170619_057_121_L2_BAND6.xml");
        fs::rename(elsewhere.path().join("b"), source.path().join("b")).unwrap();
        assert_eq!(walk(now() + Duration::from_secs(3)), 1);
    }

    #[test]
    fn a_lesser_file_that_comes_later_changes_nothing_and_a_better_one_does() {
        let given = |files: &[(&str, bool)]| {
            let mut entries = Entries::default();
            for (file, is_new) in files {
                entries.push(&format!("CBERS_4_MUX_20170618_057_121_L2_{file}.xml"), *is_new).unwrap();
            }
            entries.sort();
            let mut found = Vec::new();
            let mut give = |scene: Found| {
                found.push(scene.file);
                true
            };
            let mut walk = Walk {
                source: Path::new("/source"),
                found: &mut give,
                trouble: &mut |_| {},
                window: None,
                folders: None,
                entered: HashSet::new(),
                counting: None,
            };
            assert!(walk.files(Path::new("/source"), &entries));
            found
        };
        assert_eq!(given(&[("BAND6", false), ("BAND5", true), ("BAND7", true)]), Vec::<String>::new());
        let best = ["/source/CBERS_4_MUX_20170618_057_121_L2_BAND6.xml"];
        assert_eq!(given(&[("BAND6", true), ("BAND5", false)]), best);
        assert_eq!(given(&[("BAND6", true), ("BAND5", true)]), best);
    }

    #[test]
    fn folders_that_link_to_each_other_are_entered_once_each() {
        let source = tempfile::tempdir().unwrap();
        let folders: Vec<String> = (0..12).map(|number| format!("f{number}")).collect();
        for folder in &folders {
            fs::create_dir(source.path().join(folder)).unwrap();
            for other in &folders {
                std::os::unix::fs::symlink(source.path().join(other), source.path().join(folder).join(other)).unwrap();
            }
        }
        touch(source.path(), "f7/CBERS_4_MUX_20170618_057_121_L2_BAND6.xml");
        assert_eq!(keys(source.path()).len(), 1);
    }

    #[test]
    fn a_folder_too_deep_to_be_walked_is_told() {
        let source = tempfile::tempdir().unwrap();
        touch(source.path(), &format!("{}x.xml", "d/".repeat(DEEPEST + 1)));
        let (found, troubles) = all(source.path());
        assert_eq!(found, []);
        assert_eq!(troubles.len(), 1);
        assert!(troubles[0].detail.contains("folders deep"), "{troubles:?}");
    }
}
