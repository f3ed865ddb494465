<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/**
 * Channels that come to this hub by an import that has not ended: until then other hubs are not to hear that they are
 * here.
 */
final class Newcomers
{
	/**
	 * Returns which they are.
	 *
	 * @return list<int>
	 */
	public static function ids(): array
	{
		$where = ['is_new' => 1, 'state <>' => 'done', 'uid >' => 0];

		return array_map(intval(...), array_column(Table::select('filesync_import', $where, '', 0, 'uid'), 'uid'));
	}
}
