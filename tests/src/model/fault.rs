//! The defences of the protocol, and how each is taken out.

/// Why an attempt is thought to be superfluous. None of these is evidence that an earlier one was finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The stored bytes are those that would be written.
    EqualBytes,
    /// The row's catalog links the item.
    Linked,
    /// The bytes are equal, and the queue says that the message is received for the first time, so that no attempt of
    /// its own can have put them.
    FirstReceive,
}

/// One defence taken out. Everything else is done as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Generator: the mark is put before the items.
    MarkBeforePut,
    /// Generator: the source message is acknowledged first.
    AcknowledgeSourceFirst,
    /// Generator: no mark, because an attempt seems superfluous.
    SkipMark(Reason),
    /// Generator: no publish, because an attempt seems superfluous.
    SkipPublish(Reason),
    /// Generator: a reprocess message is let go when the stored bytes are equal and carry the id of any other message,
    /// also of a later one.
    SkipForAnyOther,
    /// Generator: where an id and its bytes are not written at once, the bytes are written first.
    BytesBeforeId,
    /// Marks: a mark is put only if none stands.
    MarkOnlyIfNone,
    /// Marks: a counter in place of the random token: one more than that of the mark that stands, else 1.
    CounterToken,
    /// Marks: a timestamp in place of the random token; the clock need not tick between two marks.
    TimestampToken,
    /// Mover: the mark is deleted whatever its token.
    DeleteMarkBlindly,
    /// Mover: marks are deleted before their messages are sent.
    DeleteMarkFirst,
    /// Mover: all marks of the page are deleted, also when `Failed[]` names their entry.
    IgnoreFailed,
    /// Queue: FIFO, which takes a message and drops it when one of the same level was sent a short while ago.
    FifoQueue,
    /// Updater: the PUT has no condition.
    BlindPut,
    /// Updater: the PUT has no condition, but never do two updaters work on one level.
    OneAtATime,
    /// Updater: the catalog is read, for its tag, only after the LIST.
    ReadAfterList,
    /// Updater: after a conflict the catalog is read anew, but the old listing is written.
    KeepListing,
    /// Updater: no revision in the body, so that the tag depends on the links alone.
    NoRevision,
    /// Updater: the successor of an unreadable catalog has revision 1.
    RestartRevision,
    /// Updater: also a row is not written when nothing but the revision would change.
    SkipUnchangedRow,
    /// Updater: nothing is written for a row without catalog and without items.
    SkipAbsentEmptyRow,
    /// Updater: the catalog of a level is deleted when its listing is empty.
    DeleteEmptyCatalog,
    /// Updater: children are linked without a HEAD.
    LinkWithoutHead,
    /// Updater: the parent is looked at only if this updater created the catalog.
    TellParentIfCreated,
    /// Updater: the parent is not looked at when the write was skipped.
    NoLookAfterSkip,
    /// Updater: the message is acknowledged before the parent is looked at.
    AcknowledgeBeforeLook,
    /// Redrive: the dead letter is deleted before it is sent.
    RedriveDeletesFirst,
}
