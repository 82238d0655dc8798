//! The walk from the root catalog along its links: reads each document once and checks it where it stands.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use lazycat::validation::envelope;
use lazycat::validation::schema::{FAULTS_OF_A_DOCUMENT, Schemas};
use xxhash_rust::xxh3::xxh3_128;

use super::document::{Document, Kind, Reader, Unreadable};
use super::faults::{Fault, Faults, quote, quote_text};
use super::ids::Ids;
use super::node::{self, Down, Node};
use super::pool::{self, lock};
use super::{href, links};

/// The path of the root catalog.
pub(super) const ROOT: &str = "catalog.json";

/// How many items are checked between two looks at the shared list of work.
const BATCH: usize = 64;

/// Links that lead down from one catalog or collection.
struct Task {
    from: Arc<Node>,
    links: Vec<Down>,
}

/// How many documents of each kind were checked.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) catalogs: AtomicU64,
    pub(super) collections: AtomicU64,
    pub(super) items: AtomicU64,
}

/// All that the walk knows; of a document that has been checked, hashes only, and of a catalog or collection its path.
pub(super) struct Walk<'a> {
    pub(super) reader: &'a Reader,
    schemas: &'a Schemas,
    root: Arc<Node>,
    pub(super) published: Option<String>,
    /// Hashes of the paths that a link has led to.
    reached: Mutex<HashSet<u128>>,
    pub(super) ids: Mutex<Ids>,
    faults: Mutex<Faults>,
    pub(super) counts: Counts,
    /// Catalogs and collections that are linked from outside their branch.
    elsewhere: Mutex<HashMap<String, Option<Arc<Node>>>>,
}

impl<'a> Walk<'a> {
    /// Reads the root; without it there is nothing to walk, and the fault is in `faults`.
    pub(super) fn open(reader: &'a Reader, schemas: &'a Schemas, mut faults: Faults) -> Result<Self, Faults> {
        let mut add = |pointer: &str, message: String| {
            faults.add(Fault { path: ROOT.to_owned(), pointer: pointer.to_owned(), message });
        };
        match reader.read(ROOT) {
            Ok(document) if document.kind != Kind::Item => {
                return Ok(Self {
                    reader,
                    schemas,
                    root: Arc::new(Node::new(&document, 0, None)),
                    published: node::published(&document),
                    reached: Mutex::default(),
                    ids: Mutex::default(),
                    faults: Mutex::new(faults),
                    counts: Counts::default(),
                    elsewhere: Mutex::default(),
                });
            }
            Ok(_) => add("/type", "found \"Feature\", expected \"Catalog\", since it is the root".to_owned()),
            Err(Unreadable::Absent) => add("", "found nothing, expected the root catalog".to_owned()),
            Err(Unreadable::NotAFile(what)) => add("", format!("found what {what}, expected the root catalog")),
            Err(Unreadable::Faulty { pointer, message }) => add(pointer, message),
        }
        Err(faults)
    }

    /// Checks every document that links lead to; `progress` is told of each batch.
    pub(super) fn run(&self, progress: impl Fn(u64) + Sync) {
        let mut first = Vec::new();
        self.visit(ROOT, None, &mut first);
        progress(1);
        pool::run(first, |task, more| {
            for link in &task.links {
                self.visit(&link.target, Some((&task.from, link)), more);
            }
            progress(task.links.len() as u64);
        });
    }

    /// Whether a link has led to a path.
    pub(super) fn has_reached(&self, path: &str) -> bool {
        lock(&self.reached).contains(&xxh3_128(path.as_bytes()))
    }

    pub(super) fn fault(&self, path: &str, pointer: impl Into<String>, message: impl Into<String>) {
        lock(&self.faults).add(Fault { path: path.to_owned(), pointer: pointer.into(), message: message.into() });
    }

    /// The end of the walk: what was found.
    pub(super) fn into_findings(self) -> (Counts, Faults) {
        (self.counts, self.faults.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// A catalog or collection that is linked from outside its branch.
    pub(super) fn elsewhere(&self, path: &str) -> Option<Arc<Node>> {
        if let Some(known) = lock(&self.elsewhere).get(path) {
            return known.clone();
        }
        let document = self.reader.read(path).ok().filter(|document| document.kind != Kind::Item);
        let node = document.map(|document| Arc::new(Node::new(&document, u32::MAX, None)));
        lock(&self.elsewhere).insert(path.to_owned(), node.clone());
        node
    }

    fn visit(&self, path: &str, from: Option<(&Arc<Node>, &Down)>, more: &mut Vec<Task>) {
        let is_first = lock(&self.reached).insert(xxh3_128(path.as_bytes()));
        let document = match self.reader.read(path) {
            Ok(document) => document,
            Err(unreadable) => return self.unreadable(path, from, is_first, unreadable),
        };
        if let Some((parent, link)) = from {
            self.check_link_down(&document, parent, link);
        }
        if !is_first {
            return;
        }
        for (pointer, message) in self.schemas.check(document.kind, &document.value, FAULTS_OF_A_DOCUMENT) {
            self.fault(path, pointer, message);
        }
        self.check_self(&document);
        links::check_up(self, &document, "root", Some(&self.root));
        match document.kind {
            Kind::Item => self.check_item(&document, from),
            Kind::Catalog | Kind::Collection => self.check_level(&document, from, more),
        }
    }

    fn unreadable(&self, path: &str, from: Option<(&Arc<Node>, &Down)>, is_first: bool, unreadable: Unreadable) {
        let at_link = |what: &str| {
            if let Some((parent, link)) = from {
                let message = format!("found a link to {path}, which {what}; expected a document there");
                self.fault(&parent.path, format!("/links/{}/href", link.index), message);
            }
        };
        match unreadable {
            Unreadable::Absent => at_link("does not exist"),
            Unreadable::NotAFile(what) => at_link(what),
            // It is one fault of the target, however many links lead there.
            Unreadable::Faulty { pointer, message } if is_first => self.fault(path, pointer, message),
            Unreadable::Faulty { .. } => {}
        }
    }

    /// Checks a link against its target, and that the target knows it.
    fn check_link_down(&self, target: &Document, parent: &Arc<Node>, link: &Down) {
        let at = |field: &str| format!("/links/{}/{field}", link.index);
        let path = &target.path;
        if link.is_item != (target.kind == Kind::Item) {
            let (found, expected) = if link.is_item { ("item", "child") } else { ("child", "item") };
            let message =
                format!("found {found:?}, expected {expected:?}: the type of {path} is {:?}", target.kind.type_field());
            self.fault(&parent.path, at("rel"), message);
        }
        let expected = target.kind.media_type();
        if link.media_type.as_deref() != Some(expected) {
            let found = quote_text(link.media_type.as_deref());
            self.fault(&parent.path, at("type"), format!("found {found}, expected {expected:?} for {path}"));
        }
        let (title, id) = (target.title(), target.id());
        if !node::title_fits(link.title.as_deref(), target.kind, title, id) {
            let (found, expected) = (quote_text(link.title.as_deref()), quote_text(title.or(Some(id))));
            self.fault(&parent.path, at("title"), format!("found {found}, expected {expected}, the title of {path}"));
        }
        links::check_up(self, target, "parent", Some(parent));
    }

    fn check_self(&self, document: &Document) {
        for link in document.links().filter(|link| link.rel == "self") {
            if self.published.is_none() && href::has_scheme(link.href) {
                // Nothing says where the directory is published, so nothing contradicts it.
                continue;
            }
            if href::resolve(&document.path, link.href, self.published.as_deref()).as_deref() != Ok(&document.path) {
                let message =
                    format!("found {} as self, expected an address of this very document", quote_text(Some(link.href)));
                self.fault(&document.path, format!("/links/{}/href", link.index), message);
            }
        }
    }

    fn check_item(&self, item: &Document, from: Option<(&Arc<Node>, &Down)>) {
        self.counts.items.fetch_add(1, Ordering::Relaxed);
        if let Some(message) = envelope::check(&item.value) {
            self.fault(&item.path, "/bbox", message);
        }
        let Some((parent, link)) = from else { return };
        let collection = links::check_collection(self, item, parent.collection());
        let scope = collection.as_ref().map_or("", |collection| &collection.path);
        lock(&self.ids).item(scope, item.id(), parent.number, link.index);
    }

    fn check_level(&self, document: &Document, from: Option<(&Arc<Node>, &Down)>, more: &mut Vec<Task>) {
        let number = lock(&self.ids).level(document);
        let counter = if document.kind == Kind::Collection { &self.counts.collections } else { &self.counts.catalogs };
        counter.fetch_add(1, Ordering::Relaxed);
        let node = Arc::new(Node::new(document, number, from.map(|(parent, _)| parent)));
        if from.is_none() {
            links::check_up(self, document, "parent", None);
        }
        let revision = document.value.get("lazycat:revision");
        if revision.is_some_and(|revision| revision.as_u64().is_none_or(|revision| revision == 0)) {
            let message = format!("found {}, expected a positive integer", quote(revision));
            self.fault(&document.path, "/lazycat:revision", message);
        }
        self.descend(document, &node, more);
    }

    /// Lists what a catalog or collection links below it.
    fn descend(&self, document: &Document, node: &Arc<Node>, more: &mut Vec<Task>) {
        let mut seen = HashSet::new();
        let mut items = Vec::new();
        for link in document.links().filter(|link| matches!(link.rel, "child" | "item")) {
            let at = format!("/links/{}/href", link.index);
            let target = match href::resolve(&document.path, link.href, self.published.as_deref()) {
                Ok(target) => target,
                Err(astray) => {
                    let message = format!(
                        "found {}, {astray}; expected a document of this directory",
                        quote_text(Some(link.href))
                    );
                    self.fault(&document.path, at, message);
                    continue;
                }
            };
            if !seen.insert(xxh3_128(target.as_bytes())) {
                self.fault(&document.path, at, format!("found another link to {target}, expected one only"));
                continue;
            }
            let down = Down {
                index: link.index,
                is_item: link.rel == "item",
                target,
                media_type: link.media_type.map(str::to_owned),
                title: link.title.map(str::to_owned),
            };
            if down.is_item {
                items.push(down);
            } else {
                more.push(Task { from: Arc::clone(node), links: vec![down] });
            }
        }
        // Pushed last, so taken first: leaves are done with before the next branch is opened.
        let mut items = items.into_iter();
        while items.len() > 0 {
            more.push(Task { from: Arc::clone(node), links: items.by_ref().take(BATCH).collect() });
        }
    }
}
