//! Counts the bytes that a test's relocation looks at, so that time can be judged without a clock. Costs nothing elsewhere.

#[cfg(not(test))]
#[inline]
pub(super) fn add(_bytes: usize) {}

#[cfg(test)]
pub(super) use counted::{add, take};

#[cfg(test)]
mod counted {
    use std::cell::Cell;

    thread_local! {
        static BYTES: Cell<u64> = const { Cell::new(0) };
    }

    pub(in super::super) fn add(bytes: usize) {
        BYTES.set(BYTES.get() + bytes as u64);
    }

    /// Returns the bytes looked at since the last call, on this thread.
    pub(in super::super) fn take() -> u64 {
        BYTES.take()
    }
}
