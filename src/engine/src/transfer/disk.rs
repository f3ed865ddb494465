//! Received files on their way to the disk.
//!
//! A disk takes about as long for many small files as for one, because it writes its journal once for all of them. So files
//! gather while others are on their way, and each group is forced to disk by several threads at once. Meanwhile the other
//! transfers go on. No thread outlives the step that started it.

use std::cell::RefCell;
use std::convert::Infallible;
use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use futures_util::FutureExt;
use tokio::sync::{Notify, oneshot};

type Synced = io::Result<()>;

/// The files of a batch that are whole and not yet surely on disk.
#[derive(Default)]
pub(super) struct Disk {
    waiting: RefCell<Vec<Waiting>>,
    under_way: RefCell<Option<Group>>,
    came: Notify,
}

/// A file that waits. It is not kept open for that: whoever gives a transfer up closes its file, and so unlocks it.
struct Waiting {
    file: Weak<File>,
    synced: oneshot::Sender<Synced>,
}

/// The thread of a group that is under way. A scope would not wait for its very end, and a process may be forked after that.
pub(super) struct Thread<'scope>(RefCell<Option<ScopedJoinHandle<'scope, ()>>>);

impl Thread<'_> {
    pub(super) const fn none() -> Self {
        Self(RefCell::new(None))
    }

    /// Waits for its end.
    pub(super) fn join(&self) {
        if let Some(thread) = self.0.take() {
            // A panic shows as a group without outcomes.
            let _ = thread.join();
        }
    }
}

/// Files that threads force to disk.
struct Group {
    transfers: Vec<oneshot::Sender<Synced>>,
    ended: oneshot::Receiver<Vec<Synced>>,
}

impl Disk {
    /// Tells whether one more may wait; each has its file open.
    pub(super) fn has_room(&self) -> bool {
        let under_way = self.under_way.borrow().as_ref().map_or(0, |group| group.transfers.len());
        self.waiting.borrow().len() + under_way < MOST_FILES
    }

    /// Forces a file's data to disk, together with others.
    pub(super) async fn sync(&self, file: &Arc<File>) -> Synced {
        let (synced, outcome) = oneshot::channel();
        self.waiting.borrow_mut().push(Waiting { file: Arc::downgrade(file), synced });
        self.came.notify_one();
        outcome.await.unwrap_or_else(|_| Err(io::Error::other("the wait for the disk was given up")))
    }

    /// Forces to disk what waits, a group after the other. A group that is under way when this is dropped ends with its thread,
    /// which the caller joins, and its files hear of it from the next call.
    pub(super) async fn work<'scope>(&self, scope: &'scope Scope<'scope, '_>, thread: &Thread<'scope>) -> Infallible {
        loop {
            if self.under_way.borrow().is_none() {
                self.gather().await;
                self.send_off(scope, thread);
            }
            let outcomes = poll_fn(|context| match self.under_way.borrow_mut().as_mut() {
                Some(group) => Pin::new(&mut group.ended).poll_unpin(context),
                None => std::task::Poll::Ready(Ok(Vec::new())),
            })
            .await;
            thread.join();
            let Some(group) = self.under_way.take() else { continue };
            // Without outcomes, their transfers find the channel closed.
            for (transfer, outcome) in group.transfers.into_iter().zip(outcomes.unwrap_or_default()) {
                let _ = transfer.send(outcome);
            }
        }
    }

    /// Waits for a file, and for others that need nothing but the processor.
    async fn gather(&self) {
        while self.waiting.borrow().is_empty() {
            self.came.notified().await;
        }
        let mut count = 0;
        while count < self.waiting.borrow().len() {
            count = self.waiting.borrow().len();
            tokio::task::yield_now().await;
        }
    }

    fn send_off<'scope>(&self, scope: &'scope Scope<'scope, '_>, thread: &Thread<'scope>) {
        let waiting = self.waiting.take();
        let (files, transfers): (Vec<Arc<File>>, Vec<_>) =
            waiting.into_iter().filter_map(|one| Some((one.file.upgrade()?, one.synced))).unzip();
        let files = Arc::new(files);
        let (end, mut ended) = oneshot::channel();
        let sent = Arc::clone(&files);
        let begun = Builder::new().spawn_scoped(scope, move || {
            let _ = end.send(sync_all(&sent));
        });
        if let Ok(begun) = begun {
            thread.0.replace(Some(begun));
        } else {
            let (end, here) = oneshot::channel();
            let _ = end.send(sync_all(&files));
            ended = here;
        }
        self.under_way.replace(Some(Group { transfers, ended }));
    }
}

/// Forces the data of files to disk, and returns what became of each.
fn sync_all(files: &[Arc<File>]) -> Vec<Synced> {
    let sync_part = |part: &[Arc<File>]| part.iter().map(|file| file.sync_data()).collect::<Vec<Synced>>();
    let mut parts = files.chunks(files.len().div_ceil(MOST_THREADS).max(1));
    let Some(first) = parts.next() else { return Vec::new() };
    std::thread::scope(|scope| {
        let others: Vec<_> = parts.map(|part| (part, Builder::new().spawn_scoped(scope, move || sync_part(part)))).collect();
        let mut outcomes = sync_part(first);
        for (part, thread) in others {
            let gone = || part.iter().map(|_| Err(io::Error::other("a thread ended early"))).collect();
            // Without another thread, this one does it.
            outcomes.extend(thread.map_or_else(|_| sync_part(part), |thread| thread.join().unwrap_or_else(|_| gone())));
        }
        outcomes
    })
}

/// Most files that wait or are under way: each has its file open.
const MOST_FILES: usize = 128;
const MOST_THREADS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    use futures_util::future::{self, Either, join_all};

    /// Syncs files within one scope, and returns what became of each.
    fn sync_together(disk: &Disk, files: &[Arc<File>]) -> Vec<Synced> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        std::thread::scope(|threads| {
            let thread = Thread::none();
            runtime.block_on(async {
                let all = join_all(files.iter().map(|file| disk.sync(file)));
                let work = std::pin::pin!(disk.work(threads, &thread));
                match future::select(all, work).await {
                    Either::Left((outcomes, _)) => outcomes,
                    Either::Right((never, _)) => match never {},
                }
            })
        })
    }

    fn file() -> Arc<File> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"bytes").unwrap();
        Arc::new(file)
    }

    /// A file that no disk has, so that syncing it fails.
    fn pipe() -> Arc<File> {
        let (reader, _) = std::io::pipe().unwrap();
        Arc::new(File::from(std::os::fd::OwnedFd::from(reader)))
    }

    #[test]
    fn each_file_of_a_group_has_its_own_outcome() {
        let disk = Disk::default();
        for count in [1, 2, MOST_THREADS, 3 * MOST_THREADS + 1] {
            let mut files: Vec<_> = (0..count).map(|_| file()).collect();
            files.insert(count / 2, pipe());
            let outcomes = sync_together(&disk, &files);
            let failed: Vec<_> = outcomes.iter().enumerate().filter(|(_, outcome)| outcome.is_err()).map(|(at, _)| at).collect();
            assert_eq!((outcomes.len(), failed), (count + 1, vec![count / 2]));
        }
        assert!(sync_together(&disk, &[file()]).iter().all(Result::is_ok), "a failure is not remembered");
    }

    #[test]
    fn whoever_gives_up_closes_the_file() {
        let disk = Disk::default();
        let (given_up, other) = (file(), file());
        let handle = Arc::downgrade(&given_up);
        let mut sync = Box::pin(disk.sync(&given_up));
        assert!(sync.as_mut().now_or_never().is_none());
        drop(sync);
        drop(given_up);
        assert_eq!(handle.strong_count(), 0);
        assert!(sync_together(&disk, &[other]).iter().all(Result::is_ok));
    }

    #[test]
    fn no_more_files_wait_than_may_be_open() {
        let disk = Disk::default();
        let files: Vec<_> = (0..MOST_FILES).map(|_| file()).collect();
        let mut all: Vec<_> = files.iter().map(|file| Box::pin(disk.sync(file))).collect();
        for sync in &mut all {
            assert!(disk.has_room());
            assert!(sync.as_mut().now_or_never().is_none());
        }
        assert!(!disk.has_room());
        drop(all);
        assert!(sync_together(&disk, &[file()]).iter().all(Result::is_ok));
        assert!(disk.has_room());
    }
}
