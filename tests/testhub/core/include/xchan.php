<?php

/** People as the hub stores them. */

/** Stores somebody whom the caller has verified. */
function xchan_store_lowlevel($arr) {
	return create_table_from_array('xchan', $arr + ['xchan_guid_sig' => '', 'xchan_pubkey' => '']);
}
