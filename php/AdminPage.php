<?php

namespace FileSync\Addon;

if (! class_exists('App', false)) {
	exit;
}

final class AdminPage
{
	public static function show(): string
	{
		return '';
	}

	public static function take(): void
	{
	}
}
