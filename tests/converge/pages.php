<?php

/**
 * What a hub's pages do when a person changes files: the same calls in the same namespaces, with the packets that
 * follow.
 */

namespace Zotlabs\Module {
	use Zotlabs\Lib\Libsync;

	/** File manager: sends what a change of one file or folder is. */
	final class Converge_edit
	{
		public static function send($channel, $hash, $deleted = false): void
		{
			$sync = attach_export_data($channel, $hash, $deleted);
			if ($sync) {
				Libsync::build_sync_packet($channel['channel_id'], ['file' => [$sync]]);
			}
		}

		public static function move($channel, $hash, $folder): void
		{
			attach_move($channel['channel_id'], $hash, $folder);
			self::send($channel, $hash);
		}

		/**
		 * Copies and gives the copy the access of the original, as the dialogue does; what is beneath a folder is not
		 * sent.
		 */
		public static function copy($channel, $row, $folder): string
		{
			$copied = attach_copy($channel['channel_id'], $row['hash'], $folder);
			if (! $copied['success']) {
				return '';
			}
			attach_change_permissions(
				$channel['channel_id'],
				$copied['resource_id'],
				$row['allow_cid'],
				$row['allow_gid'],
				$row['deny_cid'],
				$row['deny_gid'],
				0,
				true,
			);
			self::send($channel, $copied['resource_id']);

			return $copied['resource_id'];
		}

		public static function delete($channel, $hash): void
		{
			attach_delete($channel['channel_id'], $hash);
			self::send($channel, $hash, true);
		}

		public static function access($channel, $hash, $list, $recurse): void
		{
			attach_change_permissions($channel['channel_id'], $hash, $list, '', '', '', $recurse, true);
			self::send($channel, $hash);
		}

		public static function categories($channel, $row, $terms): void
		{
			q(
				'DELETE FROM term WHERE uid = %d AND oid = %d AND otype = 2',
				intval($channel['channel_id']),
				intval($row['id']),
			);
			foreach ($terms as $term) {
				store_item_tag(
					$channel['channel_id'],
					$row['id'],
					TERM_OBJ_FILE,
					TERM_CATEGORY,
					$term,
					z_root() . '/cloud/alice/?cat=' . $term,
				);
			}
			self::send($channel, $row['hash']);
		}

		public static function mkdir($channel, $folder, $name): string
		{
			$made = attach_mkdir($channel, $channel['channel_hash'], ['filename' => $name, 'folder' => $folder]);
			if (! $made['success']) {
				return '';
			}
			self::send($channel, $made['data']['hash']);

			return $made['data']['hash'];
		}
	}
}

namespace Zotlabs\Storage {
	/** A move by WebDAV: hubs of this family send nothing. */
	final class Converge_move
	{
		public static function into($channel, $hash, $folder): void
		{
			attach_move($channel['channel_id'], $hash, $folder);
		}
	}
}

namespace Converge {
	use Zotlabs\Module\Converge_edit;
	use Zotlabs\Storage\Converge_move;
	use Zotlabs\Storage\Directory;
	use Zotlabs\Storage\File;

	final class Pages
	{
		/**
		 * Does one operation on a random or named row; returns what was done, with the digests of bytes that were saved
		 * and of those that this person gave up.
		 */
		public static function act(array $channel, array $what): ?array
		{
			mt_srand($what['seed']);
			self::request(
				$channel,
				in_array($what['op'], ['create', 'put', 'rename', 'davmove'], true) ? 'dav' : 'attach_edit',
			);
			$rows = dbq('SELECT * FROM attach ORDER BY id') ?: [];
			$files = array_values(array_filter($rows, fn ($row) => ! $row['is_dir']));
			$folders = array_values(array_filter($rows, fn ($row) => $row['is_dir']));
			$pick = fn ($of) => $of ? $of[mt_rand(0, count($of) - 1)] : null;
			$any = $what['hash'] ?? null ? attach_row($channel['channel_id'], $what['hash']) : $pick($rows);
			$file = $what['hash'] ?? null ? $any : $pick($files);
			$folder = $what['folder'] ?? $pick([['hash' => ''], ...$folders])['hash'];
			$bytes = $what['bytes'] ?? '';
			switch ($what['op']) {
				case 'create':
					$path = trim(
						($folder === '' ? '' : attach_row($channel['channel_id'], $folder)['display_path'])
						. '/'
						. $what['name'],
						'/',
					);
					File::create($channel, $path, $bytes);
					$row = dbq('SELECT hash FROM attach ORDER BY id DESC LIMIT 1')[0];
					return ['hash' => $row['hash'], 'sha256' => hash('sha256', $bytes)];
				case 'put':
					if (! $file || ! is_file($file['content'])) {
						return null;
					}
					$old = hash_file('sha256', $file['content']);
					(new File($channel, $file))->put($bytes);
					return ['hash' => $file['hash'], 'sha256' => hash('sha256', $bytes), 'replaced' => [$old]];
				case 'recreate':
					File::create($channel, $what['name'], $bytes, $what['hash']);
					return ['hash' => $what['hash'], 'sha256' => hash('sha256', $bytes)];
				case 'copy':
					// A hub without filesync tells nobody what is beneath a folder that it copied. Copies of copies
					// would soon be most of the test.
					$any =
						$any
						&& $any['is_dir']
						&& (count($rows) > 200 || ! function_exists('Zotlabs\Module\attach_move'))
							? $file
							: $any;
					if (! $any || (! $any['is_dir'] && ! is_file($any['content']))) {
						return null;
					}
					return ['hash' => Converge_edit::copy($channel, $any, $folder)];
				case 'repeat':
					Converge_edit::send($channel, $what['hash']);
					return ['hash' => $what['hash']];
				case 'rename':
					if (! $any) {
						return null;
					}
					($any['is_dir'] ? new Directory($channel, $any) : new File($channel, $any))->setName($what['name']);
					return ['hash' => $any['hash'], 'was' => $any['filename']];
				case 'move':
				case 'davmove':
					if (! $any || $any['folder'] === $folder) {
						return null;
					}
					$what['op'] === 'move'
						? Converge_edit::move($channel, $any['hash'], $folder)
						: Converge_move::into($channel, $any['hash'], $folder);
					return ['hash' => $any['hash']];
				case 'mkdir':
					return ['hash' => Converge_edit::mkdir($channel, $folder, $what['name'])];
				case 'access':
					if (! $any) {
						return null;
					}
					Converge_edit::access($channel, $any['hash'], $what['list'], (bool) $any['is_dir']);
					return ['hash' => $any['hash']];
				case 'categories':
					if (! $file) {
						return null;
					}
					Converge_edit::categories($channel, $file, $what['terms']);
					return ['hash' => $file['hash']];
				case 'delete':
					if (! $file) {
						return null;
					}
					$old = self::digestsBeneath([$file]);
					Converge_edit::delete($channel, $file['hash']);
					return ['hash' => $file['hash'], 'replaced' => $old];
				case 'rmdir':
					$folder = $what['hash'] ?? null ? $any : $pick($folders);
					if (! $folder) {
						return null;
					}
					$old = self::digestsBeneath([$folder]);
					Converge_edit::delete($channel, $folder['hash']);
					return ['hash' => $folder['hash'], 'replaced' => $old];
			}
			throw new \RuntimeException("no operation {$what['op']}");
		}

		/** Begins as a request of the owner does, before its page is called. */
		private static function request(array $channel, string $module): void
		{
			$_SERVER['REQUEST_METHOD'] = $module === 'dav' ? 'PUT' : 'POST';
			\App::set_channel($channel);
			\App::$argv = [$module, 'alice'];
			\App::$argc = 2;
			$loaded = ['module' => $module, 'installed' => true, 'controller' => null];
			call_hooks('module_loaded', $loaded);
		}

		private static function digestsBeneath(array $rows): array
		{
			$digests = [];
			while ($row = array_pop($rows)) {
				is_file($row['content']) && ($digests[] = hash_file('sha256', $row['content']));
				$rows = [
					...$rows,
					...(
						$row['is_dir']
							? (dbq("SELECT * FROM attach WHERE folder = '" . dbesc($row['hash']) . "'") ?: [])
							: []
					),
				];
			}

			return $digests;
		}
	}
}
