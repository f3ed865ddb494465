<?php

/** @return bool */
function is_null_date($s) {
	return $s === NULL_DATE || $s === '0000-00-00 00:00:00';
}

/** @return string */
function datetime_convert($from = 'UTC', $to = 'UTC', $s = 'now', $fmt = 'Y-m-d H:i:s') {
	if (is_null_date($s)) {
		return (new DateTime(NULL_DATE, new DateTimeZone('UTC')))->format($fmt);
	}
	if ($s === 'now' && App::$clock) {
		$s = '@' . App::$clock;
	}
	try {
		$date = new DateTime(is_string($s) && $s !== '' ? $s : 'now', new DateTimeZone($from ?: 'UTC'));
	} catch (Exception $e) {
		$date = new DateTime('now');
	}
	return $date->setTimezone(new DateTimeZone($to ?: 'UTC'))->format($fmt);
}
