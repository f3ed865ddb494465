<?php

// What `record` needs to know of, or to do in, the hub whose root is the working directory. Arguments: action, its
// arguments.
require __DIR__ . '/boot.php';
require_once 'include/items.php';
require_once 'include/attach.php';

/** The people whom the posts are about. */
final class People
{
	public static function named(string $nick): array
	{
		$find = function_exists('channelx_by_nick') ? 'channelx_by_nick' : [Code\Lib\Channel::class, 'from_username'];

		return $find($nick) ?: answer(['error' => "no channel $nick"], 1);
	}

	/** Makes a fresh Streams hub usable, and Alice on it. */
	public static function found(): never
	{
		set_config('system', 'db_version', DB_UPDATE_VERSION);
		Code\Lib\Channel::create_system();
		$salt = random_string(32);
		q(
			"insert into account (account_salt, account_password, account_email, account_created, account_roles, account_level) values ('%s', '%s', '%s', '%s', %d, 5)",
			dbesc($salt),
			dbesc(hash('whirlpool', $salt . 'realhubs')),
			dbesc('admin@' . App::get_hostname()),
			dbesc(datetime_convert()),
			ACCOUNT_ROLE_ADMIN,
		);
		$account = q('select account_id from account')[0]['account_id'];
		self::make($account, 'Alice');
		answer(['account_id' => $account]);
	}

	private static function make(int $account, string $name): void
	{
		$create = function_exists('create_identity') ? 'create_identity' : [Code\Lib\Channel::class, 'create'];
		$made = $create([
			'account_id' => $account,
			'name' => $name,
			'nickname' => strtolower($name),
			'permissions_role' => function_exists('create_identity') ? 'personal' : 'social',
		]);
		$made['success'] || answer($made, 1);
		@mkdir('store/' . strtolower($name), 0770, true);
	}

	/** Makes Bob, and lets every neighbour write on Alice's wall. */
	public static function prepare(): never
	{
		$alice = self::named('alice');
		self::make($alice['channel_account_id'], 'Bob');
		$limits = class_exists('Zotlabs\Access\PermissionLimits')
			? 'Zotlabs\Access\PermissionLimits'
			: 'Code\Access\PermissionLimits';
		foreach (['post_wall', 'post_comments', 'post_like'] as $permission) {
			$limits::Set($alice['channel_id'], $permission, PERMS_AUTHED);
		}
		$profile = q('select id from profile where uid = %d and is_default = 1', intval($alice['channel_id']));
		answer([
			'alice' => $alice['channel_id'],
			'bob' => self::named('bob')['channel_id'],
			'profile' => $profile[0]['id'],
		]);
	}
}

/** The columns that are written down: ids, texts, and what tells an item's kind. */
const COLUMNS = [
	'mid',
	'parent_mid',
	'author_xchan',
	'resource_type',
	'mimetype',
	'title',
	'summary',
	'body',
	'obj',
	'target',
	'attach',
	'plink',
	'llink',
	'sig',
];

/**
 * The keys of an item on the wire that are written down. The others are numbers, flags and keys of people, or the same
 * as in the table.
 */
const KEYS = [
	'type',
	'encoding',
	'message_id',
	'message_top',
	'permalink',
	'mimetype',
	'title',
	'summary',
	'body',
	'object',
	'target',
	'attach',
	'tags',
];

/** The items of Alice's channel, without the photos of herself: one photo's item is as another's. */
function items(): array
{
	return q(
		"select * from item where uid = %d and item_deleted = 0 and not (resource_type = 'photo' and resource_id in
		(select hash from attach where filename in ('profile_photo.jpg', 'cover_photo.jpg'))) order by id",
		intval(People::named('alice')['channel_id']),
	);
}

/** Returns what the item table holds, one JSON text an item. */
function table(): array
{
	return array_map(function ($item) {
		$item['term'] = array_map(
			fn ($term) => ['ttype' => (int) $term['ttype'], 'term' => $term['term'], 'url' => $term['url']],
			q('select * from term where oid = %d and otype = %d order by tid', intval($item['id']), TERM_OBJ_POST)
			?: [],
		);
		foreach (array_diff_key($item, array_flip([...COLUMNS, 'term', 'thr_parent'])) as $column => $value) {
			if (is_string($value) && str_contains($value, z_root())) {
				fwrite(STDERR, "left out: $column, $value\n");
			}
		}

		return json_encode(
			array_filter(
				array_intersect_key($item, array_flip([...COLUMNS, 'term'])),
				fn ($value) => $value !== '' && $value !== null && $value !== [],
			),
			JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE,
		);
	}, items());
}

/**
 * Returns what travels to a clone, one JSON text an item, as the packet is encoded: with a photo its conversation, the
 * others as they were posted.
 */
function packet(): array
{
	$channel = People::named('alice');
	log_in($channel);
	$encoded = [];
	foreach (array_unique(array_column(
		q('select resource_id from photo where uid = %d and imgscale = 0', intval($channel['channel_id'])),
		'resource_id',
	)) as $hash) {
		foreach (attach_export_data($channel, $hash)['item'] ?? [] as $item) {
			$encoded[$item['message_id']] = $item;
		}
	}
	$texts = [];
	foreach (items() as $item) {
		if (! isset($encoded[$item['mid']])) {
			$rows = [$item];
			xchan_query($rows);
			$encoded[$item['mid']] = encode_item(fetch_post_tags($rows)[0], true);
		}
		$sent = $encoded[$item['mid']];
		foreach (array_diff_key($sent, array_flip([...KEYS, 'author', 'owner', 'message_parent'])) as $key => $value) {
			if (str_contains(json_encode($value, JSON_UNESCAPED_SLASHES), z_root())) {
				fwrite(STDERR, "left out: $key, " . json_encode($value, JSON_UNESCAPED_SLASHES) . "\n");
			}
		}
		$sent = array_filter(
			array_intersect_key($sent, array_flip(KEYS)),
			fn ($value) => $value !== '' && $value !== [],
		);
		// Of plain posts the table says enough.
		if ($item['resource_type'] || $item['parent_mid'] !== $item['mid'] || isset($sent['tags'])) {
			$texts[] = json_encode($sent);
		}
	}

	return $texts;
}

if (in_array($argv[1], ['found', 'prepare'], true)) {
	[People::class, $argv[1]]();
}
$alice = People::named('alice');
$uid = intval($alice['channel_id']);
$one = function (string $query, ...$arguments) use (&$uid) {
	$rows = q($query, $uid, ...array_map('dbesc', $arguments));
	return $rows ? current($rows[0]) : answer(['error' => $query], 1);
};
switch ($argv[1]) {
	case 'last':
		$uid = intval(People::named($argv[2])['channel_id']);
		echo $one('select max(id) from item where uid = %d');
		break;
	case 'count':
		echo $one('select count(*) from item where uid = %d and item_deleted = 0');
		break;
	case 'hash':
		echo $one("select hash from attach where uid = %d and filename = '%s'", $argv[2]);
		break;
	case 'file':
		echo $one("select id from attach where uid = %d and filename = '%s'", $argv[2]);
		break;
	case 'item':
		echo
			$one(
				"select id from item where uid = %d and resource_type = '%s' and resource_id = '%s'",
				$argv[2],
				$argv[3],
			)
		;
		break;
	case 'dump':
		$media = array_column(q('select hash from attach where uid = %d and is_dir = 0 order by id', $uid), 'hash');
		$head = [
			'hub' => rtrim(z_root(), '/'),
			'nick' => $alice['channel_address'],
			'channel_hash' => $alice['channel_hash'],
			'public_key' => $alice['channel_pubkey'],
			'media' => $media,
		];
		echo
			substr(json_encode($head, JSON_UNESCAPED_SLASHES), 0, -1),
			",\"items\":[\n",
			implode(",\n", $argv[2] === 'table' ? table() : packet()),
			"\n]}\n"
		;
		break;
}
