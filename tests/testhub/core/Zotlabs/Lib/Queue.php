<?php

namespace Zotlabs\Lib;

/** Deliveries to other hubs: table outq. */
class Queue {

	public static function insert($arr) {
		$now = datetime_convert();
		return create_table_from_array('outq', [
			'outq_hash' => $arr['hash'],
			'outq_account' => $arr['account_id'],
			'outq_channel' => $arr['channel_id'],
			'outq_driver' => $arr['driver'],
			'outq_posturl' => $arr['posturl'],
			'outq_created' => $now,
			'outq_updated' => $now,
			'outq_scheduled' => $now,
			'outq_notify' => $arr['notify'],
			'outq_msg' => $arr['msg'],
		]);
	}

	/** Posts one row. On failure it waits ten minutes, and everything else for that hub five days. */
	public static function deliver($row) {
		$delivery = ['outq' => $row, 'base' => '', 'handled' => false, 'immediate' => true];
		call_hooks('queue_deliver', $delivery);
		if ($delivery['handled']) {
			return;
		}
		$answer = z_post_url($row['outq_posturl'], $row['outq_notify'], 0, ['headers' => ['Content-Type: application/x-zot+json']]);
		$report = json_decode($answer['body'], true);
		if ($answer['success'] && !empty($report['success'])) {
			q("DELETE FROM outq WHERE outq_hash = '%s'", dbesc($row['outq_hash']));
			return;
		}
		logger('deliver: ' . $row['outq_posturl'] . ' failed: ' . $answer['return_code']);
		q("UPDATE outq SET outq_scheduled = '%s' WHERE outq_posturl = '%s' AND outq_hash != '%s'",
			dbesc(datetime_convert('UTC', 'UTC', 'now + 5 days')),
			dbesc($row['outq_posturl']),
			dbesc($row['outq_hash'])
		);
		q("UPDATE outq SET outq_updated = '%s', outq_scheduled = '%s' WHERE outq_hash = '%s'",
			dbesc(datetime_convert()),
			dbesc(datetime_convert('UTC', 'UTC', 'now + 10 minutes')),
			dbesc($row['outq_hash'])
		);
	}
}
