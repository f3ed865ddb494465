<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/**
 * The rows that Table reads, as types for the analyzer: the columns of the hub's tables that we read, and all columns
 * of ours. A query that names its columns has only those. A hub's rows have further columns, and databases give numbers
 * as numbers or as text.
 *
 * @type Number = int|numeric-string
 * @type AnyRow = array<string, scalar|null>
 * @type AttachRow = array{
 *     id: Number, aid: Number, uid: Number, hash: string, creator: string, filename: string, filetype: string,
 *     filesize: Number, revision: Number, folder: string, flags: Number, is_dir: Number, is_photo: Number,
 *     os_storage: Number, os_path: string, display_path: string, content: string, created: string, edited: string,
 *     allow_cid: string, allow_gid: string, deny_cid: string, deny_gid: string, ...<string, scalar|null>
 * }
 * @type PhotoRow = array{
 *     id: Number, aid: Number, uid: Number, xchan: string, resource_id: string, created: string, edited: string,
 *     expires: string, title: string, description: string, album: string, filename: string, mimetype: string,
 *     height: Number, width: Number, filesize: Number, content: string, imgscale: Number, photo_usage: Number,
 *     profile: Number, is_nsfw: Number, os_storage: Number, os_path: string, display_path: string,
 *     photo_flags: Number, allow_cid: string, allow_gid: string, deny_cid: string, deny_gid: string,
 *     ...<string, scalar|null>
 * }
 * @type TermRow = array{
 *     tid: Number, uid: Number, oid: Number, otype: Number, ttype: Number, term: string, url: string,
 *     ...<string, scalar|null>
 * }
 * @type ChannelRow = array{channel_id: Number, channel_hash: string, channel_address: string, ...<string, scalar|null>}
 * @type HublocRow = array{
 *     hubloc_id: Number, hubloc_id_url: string, hubloc_hash: string, hubloc_addr: string, hubloc_url: string,
 *     hubloc_url_sig: string, hubloc_connected: string, ...<string, scalar|null>
 * }
 * @type OutqRow = array{
 *     outq_channel: Number, outq_posturl: string, outq_created: string, outq_notify: string, ...<string, scalar|null>}
 * @type ItemRow = array{
 *     id: Number, uid: Number, mid: string, parent_mid: string, obj_type: string, obj: string, body: string,
 *     attach: string, resource_id: string, resource_type: string, item_deleted: Number, ...<string, scalar|null>
 * }
 * @type HookRow = array{id: Number, hook: string, file: string, fn: string, ...<string, scalar|null>}
 * @type AddonRow = array{id: Number, aname: string, ...<string, scalar|null>}
 * @type SettingRow = array{id: string, scope: string, name: string, value: string}
 * @type TransferRow = array{
 *     id: string, uid: Number, hash: string, scale: Number, generation: Number, state: string, token: string,
 *     lease_until: Number, attempts: Number, next_at: Number, priority: Number, size_bytes: Number, edited: string,
 *     mimetype: string, folder: string, origin: string, nick: string, names: string, entry: string, base: string,
 *     pending: string, sha256: string, intent: string, kind: string, reason: string, result: string,
 *     created: Number, updated: Number
 * }
 * @type PacketRow = array{
 *     id: string, uid: Number, hash: string, state: string, reason: string, body: string, attempts: Number,
 *     next_at: Number, created: Number, updated: Number, size_bytes: Number, about: ?string
 * }
 * @type KeptRow = array{
 *     id: string, uid: Number, hash: string, scale: Number, path: string, source: string, size_bytes: Number,
 *     why: string, entry: string, created: Number, hub: string, is_moving: Number
 * }
 * @type OutboxRow = array{
 *     id: string, uid: Number, kind: string, name: string, body: string, state: string, attempts: Number,
 *     next_at: Number, reason: string, created: Number
 * }
 * @type BulkRow = array{
 *     id: string, uid: Number, peer: string, hash: string, is_delete: Number, beneath: string, place: Number,
 *     created: Number
 * }
 * @type KeyRow = array{id: string, secret: string, created: Number}
 * @type NonceRow = array{id: string, uid: Number, token: string, created: Number, expires: Number}
 * @type DigestRow = array{
 *     id: string, uid: Number, hash: string, scale: Number, size_bytes: Number, facts: string, sha256: string,
 *     updated: Number
 * }
 * @type PeerRow = array{
 *     id: string, url: string, speaks: string, known_until: Number, version: string, features: string,
 *     reason: string, dav_refused_until: Number, piece_bytes: Number, piece_until: Number, skew_seconds: Number,
 *     last_ok: Number, last_failed: Number, failures: Number, rung: string, updated: Number,
 *     bulk_refused_until: Number
 * }
 * @type FileRow = array{
 *     id: string, uid: Number, hash: string, state: string, is_dir: Number, bytes: string, place: string,
 *     access: string, wanted: string, gone: string, here: string, facts: string, peers: string, updated: Number
 * }
 * @type ReconcileRow = array{
 *     id: string, uid: Number, role: string, peer: string, state: string, session: string, body: string,
 *     position: string, stats: string, attempts: Number, next_at: Number, was_away: Number, finished: Number,
 *     reason: string, created: Number, updated: Number
 * }
 * @type JournalRow = array{
 *     id: string, run: string, position: Number, uid: Number, hash: string, shape: string, name: string,
 *     body: string, created: Number
 * }
 * @type RefusalRow = array{id: string, address: string, number: Number, updated: Number}
 * @type RehearsalRow = array{
 *     id: string, hub: string, php: string, filesync: string, begun: Number, seconds: Number, failed: string,
 *     steps: string
 * }
 * @type HeldRow = array{
 *     id: string, uid: Number, hub: string, url: string, hash: string, what: string, state: string, files: Number,
 *     size_bytes: Number, body: string, since: Number, created: Number
 * }
 * @type RestoreRow = array{
 *     id: string, uid: Number, door: string, folder: string, choice: string, list_sha256: string, state: string,
 *     token: string, is_untold: Number, plan: string, progress: string, plan_files: Number, plan_bytes: Number,
 *     done_files: Number, done_bytes: Number, code: string, reason: string, attempts: Number, next_at: Number,
 *     created: Number, begun: Number, updated: Number
 * }
 * @type ScratchRow = array{nick: string, uid: Number, hash: string, attempt: string, created: Number}
 * @type ServedRow = array{id: string, job: string, uid: Number, place: Number}
 * @type DroppedRow = array{id: string, uid: Number, hash: string, is_delete: Number, peer: string, created: Number}
 * @type DoorKeyRow = array{
 *     id: string, uid: Number, kind: string, digest: string, session: string, created: Number, expires: Number,
 *     used_at: Number, used_from: string, requests: Number, aid: Number
 * }
 * @type DoorRow = array{
 *     id: string, uid: Number, aid: Number, state: string, lists: string, code: string, reason: string,
 *     result: string, created: Number, touched: Number, ended: Number, door: string, asked: Number, changed: string,
 *     restored: string, is_all: Number
 * }
 * @type DoorEntryRow = array{
 *     id: string, session: string, sha256: string, size_bytes: Number, is_whole: Number, metadata: string,
 *     created: Number
 * }
 * @type BoxNameRow = array{
 *     id: string, session: string, folder: string, node: string, name: string, kind: string, sha256: string,
 *     size_bytes: Number, says: string, since: string, modified: Number, created: Number
 * }
 * @type BoxPartRow = array{
 *     id: string, session: string, metadata: string, sha256: string, size_bytes: Number, is_here: Number
 * }
 * @type ImportRow = array{
 *     id: string, aid: Number, uid: Number, choice: string, state: string, part: Number, place: string,
 *     element: Number, elements: Number, size_bytes: Number, refused: Number, created: Number, updated: Number,
 *     is_new: Number, left_to: string, all_bytes: Number, attempts: Number, next_at: Number, reason: string
 * }
 * @type ImportPostRow = array{id: string, job: string, part: Number, number: Number, mid: string}
 * @type EndedRow = array{id: string, uid: Number, day: Number}
 * @type LeaseRow = array{id: string, name: string, token: string, expires: Number}
 * @type Tables = array{
 *     addon: AddonRow,
 *     attach: AttachRow,
 *     channel: ChannelRow,
 *     hook: HookRow,
 *     hubloc: HublocRow,
 *     item: ItemRow,
 *     outq: OutqRow,
 *     photo: PhotoRow,
 *     term: TermRow,
 *     filesync_box_name: BoxNameRow,
 *     filesync_box_part: BoxPartRow,
 *     filesync_bulk: BulkRow,
 *     filesync_digest: DigestRow,
 *     filesync_door: DoorRow,
 *     filesync_door_entry: DoorEntryRow,
 *     filesync_door_key: DoorKeyRow,
 *     filesync_dropped: DroppedRow,
 *     filesync_ended: EndedRow,
 *     filesync_file: FileRow,
 *     filesync_held: HeldRow,
 *     filesync_import: ImportRow,
 *     filesync_import_post: ImportPostRow,
 *     filesync_journal: JournalRow,
 *     filesync_kept: KeptRow,
 *     filesync_key: KeyRow,
 *     filesync_lease: LeaseRow,
 *     filesync_nonce: NonceRow,
 *     filesync_outbox: OutboxRow,
 *     filesync_packet: PacketRow,
 *     filesync_peer: PeerRow,
 *     filesync_reconcile: ReconcileRow,
 *     filesync_refusal: RefusalRow,
 *     filesync_rehearsal: RehearsalRow,
 *     filesync_restore: RestoreRow,
 *     filesync_scratch: ScratchRow,
 *     filesync_served: ServedRow,
 *     filesync_setting: SettingRow,
 *     filesync_transfer: TransferRow
 * }
 */
final class Rows {}
