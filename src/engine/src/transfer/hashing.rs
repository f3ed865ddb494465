//! The digests of large files, computed by a second thread behind the bytes that arrive.
//!
//! It reads them from the file, where the kernel still has them. Whoever needs a digest computes what is missing of it itself, so
//! nobody waits for more than a piece of that thread's, and it ends with the step that started it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fs::File;
use std::future::pending;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, Scope, ScopedJoinHandle, available_parallelism};

use tokio::sync::Notify;

use crate::digest::{Digest, Hasher, HasherState};

/// The second thread of a batch, and the files that it has to look after.
pub(crate) struct Hashing {
    queue: Arc<Queue>,
    came: Notify,
    /// On one core it would only take turns with the first thread.
    helps: bool,
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    digests: VecDeque<Arc<Followed>>,
    is_over: bool,
}

impl Default for Hashing {
    fn default() -> Self {
        let helps = available_parallelism().is_ok_and(|cores| cores.get() > 1);
        Self { queue: Arc::default(), came: Notify::new(), helps }
    }
}

impl Hashing {
    /// Tells whether the digest of a file of this size is left to the second thread.
    pub(super) fn takes(&self, size_bytes: u64) -> bool {
        self.helps && size_bytes >= LARGE_BYTES
    }

    /// Has a digest go on to a byte up to which the file has arrived. If it is far behind, this thread helps.
    pub(super) fn follow(&self, digest: &RunningDigest, arrived: u64) -> io::Result<()> {
        let followed = &digest.0;
        followed.arrived.store(arrived, Ordering::Release);
        let behind = arrived.saturating_sub(digest.length_bytes());
        if behind >= PIECE_BYTES as u64 && !followed.is_waiting.swap(true, Ordering::AcqRel) {
            self.queue.lock().digests.push_back(Arc::clone(followed));
            self.queue.changed.notify_one();
            self.came.notify_one();
        }
        if behind > MOST_BEHIND_BYTES { digest.catch_up(arrived - MOST_BEHIND_BYTES / 2) } else { Ok(()) }
    }

    /// Starts the thread once there is work for it. It ends before what this returns is dropped.
    pub(super) async fn work<'scope>(&self, scope: &'scope Scope<'scope, '_>) -> Infallible {
        while self.queue.lock().digests.is_empty() {
            self.came.notified().await;
        }
        let _thread = Follower::start(scope, &self.queue);
        pending().await
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a digest that is behind; none if the thread shall end.
    fn next(&self) -> Option<Arc<Followed>> {
        let mut waiting = self.lock();
        loop {
            if waiting.is_over {
                return None;
            }
            if let Some(next) = waiting.digests.pop_front() {
                return Some(next);
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn work(&self) {
        let mut buffer = vec![0; PIECE_BYTES];
        while let Some(next) = self.next() {
            // From here on it may be behind again.
            next.is_waiting.swap(false, Ordering::AcqRel);
            // If its file cannot be read, whoever needs the digest finds that out.
            while !self.lock().is_over && next.advance(&mut buffer).unwrap_or(false) {}
        }
    }
}

/// The thread, while it runs.
struct Follower<'scope> {
    queue: Arc<Queue>,
    thread: Option<ScopedJoinHandle<'scope, ()>>,
}

impl<'scope> Follower<'scope> {
    fn start(scope: &'scope Scope<'scope, '_>, queue: &Arc<Queue>) -> Self {
        let own = Arc::clone(queue);
        // Without another thread, the first one does all.
        let thread = Builder::new().spawn_scoped(scope, move || own.work()).ok();
        Self { queue: Arc::clone(queue), thread }
    }
}

impl Drop for Follower<'_> {
    fn drop(&mut self) {
        self.queue.lock().is_over = true;
        self.queue.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // What it did not do, others do.
            let _ = thread.join();
        }
        self.queue.lock().is_over = false;
    }
}

/// The digest of the first bytes of a file.
pub(super) struct RunningDigest(Arc<Followed>);

struct Followed {
    state: Mutex<State>,
    /// Up to where it may go on.
    arrived: AtomicU64,
    /// How far it is.
    hashed: AtomicU64,
    /// Whether the second thread will look at it.
    is_waiting: AtomicBool,
}

struct State {
    /// None once its owner is gone: the file is closed with it, and so unlocked.
    file: Option<Arc<File>>,
    hasher: Hasher,
}

impl RunningDigest {
    pub(super) fn of(file: &Arc<File>) -> Self {
        let state = Mutex::new(State { file: Some(Arc::clone(file)), hasher: Hasher::default() });
        let (arrived, hashed, is_waiting) = (AtomicU64::default(), AtomicU64::default(), AtomicBool::default());
        Self(Arc::new(Followed { state, arrived, hashed, is_waiting }))
    }

    /// Returns how many bytes it is of.
    pub(super) fn length_bytes(&self) -> u64 {
        self.0.hashed.load(Ordering::Acquire)
    }

    /// Continues from another state.
    pub(super) fn set(&self, hasher: Hasher) {
        let mut state = self.0.lock();
        self.0.arrived.store(hasher.length_bytes(), Ordering::Release);
        self.0.hashed.store(hasher.length_bytes(), Ordering::Release);
        state.hasher = hasher;
    }

    /// Goes back to a state of no more than so many bytes, if it is of more.
    pub(super) fn go_back(&self, most_bytes: u64, earlier: impl FnOnce() -> Hasher) {
        // Until this is done the second thread must not go on.
        self.0.arrived.store(0, Ordering::Release);
        drop(self.0.lock());
        if self.length_bytes() > most_bytes {
            self.set(earlier());
        }
    }

    /// Adds the next bytes.
    pub(super) fn add(&self, bytes: &[u8]) {
        self.0.lock().add(bytes, &self.0.hashed);
    }

    /// Computes what is missing of the digest of so many bytes, reading them from the file.
    pub(super) fn catch_up(&self, until: u64) -> io::Result<()> {
        if self.length_bytes() >= until {
            return Ok(());
        }
        self.0.arrived.fetch_max(until, Ordering::AcqRel);
        let mut buffer = vec![0; PIECE_BYTES];
        while self.length_bytes() < until && self.0.advance(&mut buffer)? {}
        Ok(())
    }

    /// Returns a state from which it can be continued.
    pub(super) fn save(&self) -> HasherState {
        // The second thread gives way until then, or it would have the lock again before we wake up.
        let arrived = self.0.arrived.swap(0, Ordering::AcqRel);
        let saved = self.0.lock().hasher.save();
        self.0.arrived.store(arrived, Ordering::Release);
        saved
    }

    pub(super) fn digest(&self) -> Digest {
        self.0.lock().hasher.digest()
    }
}

impl Drop for RunningDigest {
    fn drop(&mut self) {
        self.0.lock().file = None;
    }
}

impl Followed {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads and adds the next piece of what has arrived; false if there is none.
    fn advance(&self, buffer: &mut [u8]) -> io::Result<bool> {
        let mut state = self.lock();
        let at = state.hasher.length_bytes();
        let left = self.arrived.load(Ordering::Acquire).saturating_sub(at);
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let Some(piece) = buffer.get_mut(..count).filter(|piece| !piece.is_empty()) else { return Ok(false) };
        let Some(file) = &state.file else { return Ok(false) };
        file.read_exact_at(piece, at)?;
        state.add(piece, &self.hashed);
        Ok(true)
    }
}

impl State {
    fn add(&mut self, bytes: &[u8], hashed: &AtomicU64) {
        self.hasher.update(bytes);
        hashed.store(self.hasher.length_bytes(), Ordering::Release);
    }
}

/// Smaller files are hashed as they arrive.
const LARGE_BYTES: u64 = 1 << 20;
/// What is read at a time, and the least that is worth a wake-up.
const PIECE_BYTES: usize = 256 << 10;
/// Further behind the kernel might have to read from the disk.
const MOST_BEHIND_BYTES: u64 = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    use futures_util::future::{self, Either};

    const SIZE: usize = 20 * PIECE_BYTES + 7;

    fn bytes() -> Vec<u8> {
        (0..SIZE).map(|at| u8::try_from(at % 251).unwrap()).collect()
    }

    fn file() -> Arc<File> {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&bytes(), 0).unwrap();
        Arc::new(file)
    }

    /// Lets the second thread work until a condition holds.
    fn meanwhile(hashing: &Hashing, until: impl Fn() -> bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        std::thread::scope(|threads| {
            runtime.block_on(async {
                let waited = std::pin::pin!(async {
                    while !until() {
                        tokio::task::yield_now().await;
                    }
                });
                let work = std::pin::pin!(hashing.work(threads));
                match future::select(waited, work).await {
                    Either::Left(_) => {}
                    Either::Right((never, _)) => match never {},
                }
            });
        });
    }

    #[test]
    fn the_second_thread_follows_several_files_within_several_steps() {
        let hashing = Hashing::default();
        let digests = [RunningDigest::of(&file()), RunningDigest::of(&file())];
        for part in 1..=4 {
            let arrived = (SIZE * part / 4) as u64;
            for digest in &digests {
                hashing.follow(digest, arrived).unwrap();
            }
            meanwhile(&hashing, || digests.iter().all(|digest| digest.length_bytes() == arrived));
        }
        assert!(digests.iter().all(|digest| digest.digest() == Digest::of(&bytes())));
    }

    #[test]
    fn whoever_needs_the_digest_does_the_rest() {
        let hashing = Hashing::default();
        let digest = RunningDigest::of(&file());
        hashing.follow(&digest, SIZE as u64).unwrap();
        assert_eq!(digest.length_bytes(), 0);
        digest.catch_up(SIZE as u64).unwrap();
        assert_eq!(digest.digest(), Digest::of(&bytes()));
    }

    #[test]
    fn a_digest_that_is_taken_back_while_it_is_computed_goes_on_from_there() {
        let hashing = Hashing::default();
        let digest = RunningDigest::of(&file());
        for _ in 0..20 {
            hashing.follow(&digest, SIZE as u64).unwrap();
            meanwhile(&hashing, || {
                let has_begun = digest.length_bytes() > 0;
                if has_begun {
                    digest.go_back(0, Hasher::default);
                    assert_eq!(digest.length_bytes(), 0);
                }
                has_begun
            });
        }
        digest.catch_up(SIZE as u64).unwrap();
        assert_eq!(digest.digest(), Digest::of(&bytes()));
    }

    #[test]
    fn a_file_is_closed_with_its_owner_while_the_second_thread_has_its_digest() {
        let hashing = Hashing::default();
        let file = file();
        let handle = Arc::downgrade(&file);
        let digest = RunningDigest::of(&file);
        drop(file);
        hashing.follow(&digest, SIZE as u64).unwrap();
        meanwhile(&hashing, || digest.length_bytes() > 0);
        hashing.follow(&digest, SIZE as u64).unwrap();
        drop(digest);
        assert_eq!(handle.strong_count(), 0);
    }
}
