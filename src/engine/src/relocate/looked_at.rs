//! Counts the bytes that a relocation examines, so that a test can judge time without a clock. Costs nothing elsewhere.

/// The number of examined bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Looked(#[cfg(test)] std::rc::Rc<std::cell::Cell<u64>>);

impl Looked {
    #[cfg(not(test))]
    #[inline]
    #[expect(clippy::unused_self, reason = "it counts in tests")]
    pub(super) fn at(&self, _bytes: usize) {}

    #[cfg(test)]
    pub(super) fn at(&self, bytes: usize) {
        self.0.set(self.0.get() + bytes as u64);
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> u64 {
        self.0.get()
    }
}
