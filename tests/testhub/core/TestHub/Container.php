<?php

namespace TestHub;

use Zotlabs\Lib\JcsEddsa2022;
use Zotlabs\Lib\Libzot;

/** Conversation containers of a 10: the collection that a post names as its target, and the items that add to it. */
final class Container {

	/** Gives an item of the channel's own conversation its target; another's keeps what it has. */
	public static function target(array $item): array {
		$channel = channelx_by_n($item['uid']);
		return $channel && ($item['owner_xchan'] ?? '') === $channel['channel_hash'] && !in_array($item['verb'] ?? '', ['Add', 'Remove'], true)
			? ['tgt_type' => 'Collection', 'target' => self::collection($channel, $item['parent_mid'])] + $item
			: $item;
	}

	/** Returns the item that adds another to its container: a child of the post, which holds the activity. */
	public static function addition(array $channel, array $item): array {
		$uuid = new_uuid();
		$copied = ['aid', 'uid', 'parent_mid', 'source_xchan', 'allow_cid', 'allow_gid', 'deny_cid', 'deny_gid', 'item_private', 'item_restrict',
			'item_hidden', 'item_type', 'comment_policy', 'public_policy', 'postopts'];
		$document = self::document($channel, $item);
		return array_intersect_key($item, array_flip($copied)) + [
			'uuid' => $uuid,
			'mid' => z_root() . '/activity/' . $uuid,
			'thr_parent' => $item['parent_mid'],
			'owner_xchan' => $channel['channel_hash'],
			'author_xchan' => $channel['channel_hash'],
			'mimetype' => 'text/bbcode',
			'verb' => 'Add',
			'obj_type' => $document['type'],
			'obj' => $document,
			'tgt_type' => 'Collection',
			'target' => self::collection($channel, $item['parent_mid']),
			'plink' => z_root() . '/activity/' . $uuid,
			'item_wall' => 1,
			'item_origin' => 1,
		];
	}

	/** Returns what is dropped with an item: of a container's addition what it added, of another what added it. */
	public static function related(array $item): array {
		$added = function ($row) {
			return json_decode($row['obj'], true)['object']['id'] ?? '';
		};
		$thread = q('SELECT * FROM item WHERE parent = %d AND uid = %d AND item_deleted = 0', intval($item['parent']), intval($item['uid'])) ?: [];
		return array_filter($thread, function ($row) use ($item, $added) {
			return $item['verb'] === 'Add' ? $row['mid'] === $added($item) : $row['verb'] === 'Add' && $added($row) === $item['mid'];
		});
	}

	private static function collection(array $channel, string $mid): array {
		return ['id' => str_replace('/item/', '/conversation/', $mid), 'type' => 'Collection', 'attributedTo' => channel_url($channel)];
	}

	/**
	 * Returns the activity that readers get, signed twice: by the Ed25519 key as the world has it, and by the RSA key.
	 * The latter is over canonical JSON here, where a hub signs triples.
	 */
	private static function document(array $channel, array $item): array {
		$actor = channel_url($channel);
		$object = [
			'type' => $item['obj_type'] === 'Image' ? 'Image' : 'Note',
			'id' => $item['mid'],
			'uuid' => $item['uuid'],
			'published' => datetime_convert('UTC', 'UTC', $item['created'], ATOM_TIME),
			'attributedTo' => $actor,
			'context' => str_replace('/item/', '/conversation/', $item['parent_mid']),
			'content' => $item['body'],
			'source' => ['content' => $item['body'], 'mediaType' => $item['mimetype']],
			'url' => [['type' => 'Link', 'mediaType' => 'text/html', 'href' => $item['plink']]],
			'attachment' => json_decode($item['attach'], true) ?: [],
		] + ($item['title'] === '' ? [] : ['name' => $item['title']]);
		if ($item['mid'] !== $item['thr_parent']) {
			$object['inReplyTo'] = $item['thr_parent'];
		}
		$document = [
			'@context' => ['https://www.w3.org/ns/activitystreams', 'https://w3id.org/security/v1', ['zot' => z_root() . '/apschema#', 'uuid' => 'schema:identifier', 'schema' => 'http://schema.org#']],
			'type' => $item['created'] === $item['edited'] ? 'Create' : 'Update',
			'id' => str_replace('/item/', '/activity/', $item['mid']),
			'actor' => $actor,
			'published' => $object['published'],
			'to' => $item['item_private'] ? [] : ['https://www.w3.org/ns/activitystreams#Public'],
			'object' => $object,
			'target' => self::collection($channel, $item['parent_mid']),
		];
		$document['proof'] = (new JcsEddsa2022())->sign($document, $channel);
		$signature = ['type' => 'RsaSignature2017', 'nonce' => random_string(), 'creator' => $actor, 'created' => $document['proof']['created']];
		$document['signature'] = $signature + ['signatureValue' => Libzot::sign(Jcs::text($signature) . Jcs::text($document), $channel['channel_prvkey'])];
		return $document;
	}
}
