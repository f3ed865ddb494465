<?php

// What the analyzer should know of a hub's import, of which the test hub has next to nothing.

const MENU_ITEM_ZID = 1;
const MENU_ITEM_NEWWIN = 2;
const MENU_ITEM_CHATROOM = 4;

function import_config(array $channel, array $configs): void {}

function import_hublocs(array $channel, array $hublocs, bool $seize, bool $moving = false): void {}

function import_likes(array $channel, array $likes): void {}

function import_objs(array $channel, array $objs): void {}

function import_apps(array $channel, array $apps): void {}

function import_sysapps(array $channel, array $apps): void {}

function import_chatrooms(array $channel, array $chatrooms): void {}

function import_events(array $channel, array $events): void {}

function import_atoken(array $channel, array $atokens): void {}

function import_menus(array $channel, array $menus): void {}

function account_service_class_fetch(int $aid, string $property): false|int|string
{
	return false;
}

/** @param list<string> $arr */
function check_webbie(array $arr): string
{
	return '';
}

function menu_add_item(int $menu_id, int $uid, array $arr): mixed
{
	return false;
}

/** @return ?array<string, scalar> */
function atoken_xchan(array $atoken): ?array
{
	return null;
}

function atoken_create_xchan(array $xchan): mixed
{
	return false;
}

/** @return array<array-key, mixed> */
function import_xchan_photo(string $photo, string $xchan, bool $thing = false, bool $force = false): array
{
	return [];
}

function get_xconfig(string $xchan, string $family, string $key): mixed
{
	return false;
}

function get_account_id(): int|false
{
	return false;
}

function change_channel(int $change_channel): mixed
{
	return false;
}
