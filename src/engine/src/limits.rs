//! Every size and time bound of the engine, with its default and unit.

use std::time::Duration;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// Bounds that apply whatever another hub or a file claims.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// For files on their way from other hubs.
    pub transfer: TransferLimits,
    /// For photos and their scales.
    pub photo: PhotoLimits,
    /// For inventories and the messages between two of them.
    pub inventory: InventoryLimits,
    /// For backup sets.
    pub set: SetLimits,
    /// For export files of hubs.
    pub dump: DumpLimits,
}

/// Bounds of files on their way from other hubs.
#[derive(Clone, Debug)]
pub struct TransferLimits {
    /// Largest received file. Default 1 TiB.
    pub max_file_bytes: u64,
    /// Bytes that stay free on the device of the partial files. Default 256 MiB.
    pub disk_headroom_bytes: u64,
    /// Disk space is reserved this far ahead of a file's received bytes, and by the same step again as more arrive. Default 8 MiB.
    pub reserve_least_bytes: u64,
    /// Disk space is reserved no further ahead than this. Default 1 GiB.
    pub reserve_most_bytes: u64,
    /// Up to this size a file is requested whole through getfile; above it through `/dav` with ranges. Default 8 MiB.
    pub small_file_bytes: u64,
    /// Largest JSON reply of a hub's API. Default 1 MiB.
    pub max_reply_bytes: usize,
    /// Time to reach a hub, TLS included. Default 15 s.
    pub connect_timeout: Duration,
    /// Time from a request to the head of its reply. Default 60 s.
    pub reply_timeout: Duration,
    /// A transfer that moves slower than `stall_bytes_per_second` over this window has stalled. Default 30 s.
    pub stall_window: Duration,
    /// Default 256 bytes a second.
    pub stall_bytes_per_second: u64,
    /// A transfer may take this long plus its size divided by `deadline_bytes_per_second`. Default 10 min.
    pub deadline_base: Duration,
    /// Default 4 KiB a second.
    pub deadline_bytes_per_second: u64,
    /// Bytes after which the index is written, so that a killed process loses no more. Default 16 MiB.
    pub checkpoint_bytes: u64,
    /// Bytes after which data and index are forced to disk, so that a power cut loses no more. Default 128 MiB.
    pub sync_bytes: u64,
    /// A hub that answered a moment ago and has stopped is asked again after this, then after twice and four times as long:
    /// it may be restarting. Default 250 ms.
    pub restart_pause: Duration,
    /// Random ranges to read a second time from an origin that gives no digest. Default 8.
    pub spot_checks: u32,
    /// Length of each of them. Default 64 KiB.
    pub spot_bytes: u64,
    /// First range of a file that is large enough for several ranges at once; it measures whether they pay. Default 8 MiB.
    pub range_bytes: u64,
    /// The rest of a file must take longer than this to use several ranges at once. Default 4 s.
    pub slow_time: Duration,
    /// If others wait, a transfer goes to the end of the queue after this. Default 2 s.
    pub turn_time: Duration,
    /// How often a file that changes while it is read is restarted in one run. Default 3.
    pub max_restarts: u32,
    /// An `edited` younger than this may still change within its second. Default 2 s.
    pub settle_time: Duration,
}

impl Default for TransferLimits {
    fn default() -> Self {
        Self {
            max_file_bytes: 1 << 40,
            disk_headroom_bytes: 256 * MIB,
            reserve_least_bytes: 8 * MIB,
            reserve_most_bytes: 1 << 30,
            small_file_bytes: 8 * MIB,
            max_reply_bytes: 1 << 20,
            connect_timeout: Duration::from_secs(15),
            reply_timeout: Duration::from_mins(1),
            stall_window: Duration::from_secs(30),
            stall_bytes_per_second: 256,
            deadline_base: Duration::from_mins(10),
            deadline_bytes_per_second: 4 * KIB,
            checkpoint_bytes: 16 * MIB,
            sync_bytes: 128 * MIB,
            restart_pause: Duration::from_millis(250),
            spot_checks: 8,
            spot_bytes: 64 * KIB,
            range_bytes: 8 * MIB,
            slow_time: Duration::from_secs(4),
            turn_time: Duration::from_secs(2),
            max_restarts: 3,
            settle_time: Duration::from_secs(2),
        }
    }
}

impl TransferLimits {
    /// Returns the size up to which a second look at a file is one at all of it.
    pub fn small_bytes(&self) -> u64 {
        u64::from(self.spot_checks).saturating_mul(self.spot_bytes)
    }

    /// Returns how long a transfer of this size may take.
    pub fn deadline(&self, size_bytes: u64) -> Duration {
        let seconds = size_bytes / self.deadline_bytes_per_second.max(1);
        self.deadline_base.saturating_add(Duration::from_secs(seconds))
    }
}

/// Bounds of photos and their scales.
#[derive(Clone, Debug)]
pub struct PhotoLimits {
    /// Largest accepted thumbnail. Default 16 MiB.
    pub max_scale_bytes: u64,
    /// Largest photo to decode. Default 256 MiB.
    pub max_bytes: u64,
    /// Most pixels that a photo's header may claim. Default 2^28, as of 16,384 × 16,384.
    pub max_pixels: u64,
    /// Memory for decoding and scaling, for all photos processed at once in one call. Default 512 MiB.
    pub memory_bytes: u64,
    /// Longest side of a scale; the hub's tables hold no more. Default 32,767.
    pub max_scale_side: u32,
    /// Time for one photo and all its scales. Default 60 s.
    pub time: Duration,
}

impl Default for PhotoLimits {
    fn default() -> Self {
        Self {
            max_scale_bytes: 16 * MIB,
            max_bytes: 256 * MIB,
            max_pixels: 1 << 28,
            memory_bytes: 512 * MIB,
            max_scale_side: 32_767,
            time: Duration::from_mins(1),
        }
    }
}

/// Bounds of inventories.
#[derive(Clone, Debug)]
pub struct InventoryLimits {
    /// Most files that an inventory holds. Default 2,000,000, which is 40 bytes of memory each and the length of its hash.
    pub max_entries: usize,
    /// Longest message between two inventories, 4096 bytes or more. Default 256 KiB.
    pub message_bytes: usize,
    /// Most messages of another inventory in one comparison. Default 1,000.
    pub max_rounds: u32,
}

impl Default for InventoryLimits {
    fn default() -> Self {
        Self { max_entries: 2_000_000, message_bytes: 256 << 10, max_rounds: 1000 }
    }
}

/// Bounds of backup sets. The first four are part of the format.
#[derive(Clone, Debug)]
pub struct SetLimits {
    /// Largest metadata file, `set.json` and journal. Default 4 MiB.
    pub metadata_bytes: usize,
    /// Most posts in a metadata file. Default 10,000.
    pub posts: usize,
    /// Deepest nesting of JSON. Default 64.
    pub depth: usize,
    /// Crops of one photo that stay in its metadata file, together. Default 2.5 MiB.
    pub inline_crop_bytes: u64,
    /// Largest crop. Default 16 MiB.
    pub crop_bytes: u64,
    /// Most changes and most failures that a run lists by name. Default 10,000.
    pub listed: usize,
    /// Memory for sorting; what is more goes to temporary files. Several sort at once. Default 1 MiB.
    pub sort_bytes: usize,
    /// Bytes that stay free on the set's device. Default 256 MiB.
    pub disk_headroom_bytes: u64,
    /// A file up to this size is copied at once when it is added. Default 8 MiB.
    pub small_file_bytes: u64,
    /// How often a file that changes while it is read is read again. Default 3.
    pub max_restarts: u32,
    /// A file changed this recently may still change without another time stamp. Default 2 s.
    pub settle_time: Duration,
    /// The note of a writer on another machine is believed for this long. Default 10 min.
    pub lock_time: Duration,
}

impl Default for SetLimits {
    fn default() -> Self {
        Self {
            metadata_bytes: 4 << 20,
            posts: 10_000,
            depth: 64,
            inline_crop_bytes: 5 << 19,
            crop_bytes: 16 * MIB,
            listed: 10_000,
            sort_bytes: 1 << 20,
            disk_headroom_bytes: 256 * MIB,
            small_file_bytes: 8 * MIB,
            max_restarts: 3,
            settle_time: Duration::from_secs(2),
            lock_time: Duration::from_mins(10),
        }
    }
}

/// Bounds of a hub's export files.
#[derive(Clone, Debug)]
pub struct DumpLimits {
    /// Longest element: one item of a section's list, or a section that is not a list. Default 16 MiB.
    pub element_bytes: usize,
    /// Deepest nesting within an element; hubs read a file to a depth of 512. Default 500.
    pub depth: usize,
    /// Longest name of a section. Default 255.
    pub name_bytes: usize,
    /// Most sections, of all documents of an archive together. Default 10,000.
    pub sections: usize,
    /// Most documents in an archive; a hub's has twelve. Default 1,000.
    pub documents: usize,
    /// A compressed file may unpack to this many times its size. Default 200.
    pub ratio: u64,
    /// However small it is, it may unpack to this. Default 64 MiB.
    pub unpacked_bytes: u64,
}

impl Default for DumpLimits {
    fn default() -> Self {
        Self {
            element_bytes: 16 << 20,
            depth: 500,
            name_bytes: 255,
            sections: 10_000,
            documents: 1000,
            ratio: 200,
            unpacked_bytes: 64 * MIB,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadline_grows_with_size_and_never_overflows() {
        let limits = TransferLimits::default();
        assert_eq!(limits.deadline(0), Duration::from_mins(10));
        assert_eq!(limits.deadline(4096 * 60), Duration::from_mins(11));
        assert!(limits.deadline(u64::MAX) > limits.deadline(1 << 40));
    }
}
