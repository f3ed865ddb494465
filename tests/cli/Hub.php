<?php

namespace Cli;

require_once __DIR__ . '/../testhub/Pair.php';

use TestHub\Pair;

/** One hub of a pair, and what a test puts into alice's channel there. */
final class Hub
{
	public function __construct(
		private readonly Pair $pair,
		private readonly string $name,
	) {}

	/** Fills the channel with all sorts of files. */
	public function fill(): void
	{
		$this->do(PHP_BINARY, __DIR__ . '/../set/fill.php', $this->pair->hub($this->name));
	}

	/** Adds a folder of random files, as if they had been there for long. */
	public function make(string $folder, int $count, int $size): void
	{
		$this->run(
			'$row = fn ($hash, $name, $in, $size) => create_table_from_array("attach", ["uid" => 1, "aid" => 1, "hash" => $hash, '
			. '"creator" => $channel["channel_hash"], "filename" => $name, "filetype" => $size === null ? "multipart/mixed" : "x/y", '
			. '"filesize" => (int) $size, "folder" => $in, "is_dir" => (int) ($size === null), "os_storage" => 1, '
			. '"content" => "store/alice/$hash", "os_path" => $hash, "display_path" => $in === "" ? $name : substr($in, 3) . "/$name", "created" => "2024-05-01 10:00:00", '
			. '"edited" => "2024-05-01 10:00:00", "allow_cid" => "", "allow_gid" => "", "deny_cid" => "", "deny_gid" => ""]); '
			. "\$row('in-$folder', '$folder', '', null); "
			. "for (\$n = 0; \$n < $count; \$n++) { file_put_contents(\"store/alice/$folder-\$n\", random_bytes($size)); "
			. "touch(\"store/alice/$folder-\$n\", time() - 1000); "
			. "\$row(\"$folder-\$n\", \"$folder-\$n.bin\", 'in-$folder', $size); }",
		);
	}

	/**
	 * Gives the channel a password, a chat room, a group, and posts.
	 *
	 * @param string $post Code that stores one: it knows its number `$n`, the channel's `$hash`, and `$empty` columns.
	 */
	public function fillRows(string $password, int $posts, string $post): void
	{
		$this->run(
			'set_pconfig(1, "testhub", "password", '
			. var_export($password, true)
			. ');'
			. 'create_table_from_array("chatroom", ["cr_uid" => 1, "cr_name" => "room"]);'
			. 'create_table_from_array("pgrp", ["uid" => 1, "hash" => "friends", "gname" => "Friends"]);'
			. '$empty = array_fill_keys(["title", "summary", "html", "obj", "target", "postopts", "route", "llink", "plink", "attach", "sig",'
			. ' "allow_cid", "allow_gid", "deny_cid", "deny_gid"], "");'
			. '$hash = channelx_by_n(1)["channel_hash"]; dbq("BEGIN");'
			. "for (\$n = 0; \$n < $posts; \$n++) { $post }"
			. 'dbq("COMMIT");',
		);
	}

	/** Runs code, which knows `$channel`; returns what it prints. */
	public function run(string $code): string
	{
		return $this->do(
			PHP_BINARY,
			'-r',
			'require "include/cli_startup.php"; cli_startup(); load_hooks(); call_hooks("init_1");'
			. ' $channel = channelx_by_nick("alice"); '
			. $code,
		);
	}

	/** Lets an app's key log in from outside. */
	public function giveApp(string $id, string $secret): void
	{
		$apps = var_export([$id => ['secret' => $secret, 'uid' => 1]], true);
		$this->run("set_config('testhub', 'apps', $apps);");
	}

	private function do(string ...$command): string
	{
		return implode("\n", Pair::run([
			__DIR__ . '/../testhub/bin/in-hub',
			$this->pair->hub($this->name),
			...$command,
		]));
	}
}
