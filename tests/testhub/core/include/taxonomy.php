<?php

function store_item_tag($uid, $iid, $otype, $type, $term, $url = '') {
	if (!$term) {
		return false;
	}
	$values = [intval($uid), intval($iid), intval($otype), intval($type), dbesc($term), dbesc($url)];
	if (q("SELECT tid FROM term WHERE uid = %d AND oid = %d AND otype = %d AND ttype = %d AND term = '%s' AND url = '%s'", ...$values)) {
		return false;
	}
	return q("INSERT INTO term (uid, oid, otype, ttype, term, url) VALUES (%d, %d, %d, %d, '%s', '%s')", ...$values);
}
