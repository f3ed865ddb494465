<?php

// Lists where this hub believes the channel lives.
require __DIR__ . '/boot.php';

$rows = q("select hubloc_url, hubloc_id_url, hubloc_callback, hubloc_primary, hubloc_site_id from hubloc
	where hubloc_hash = '%s' and hubloc_deleted = 0 order by hubloc_url", dbesc(the_channel()['channel_hash']));
answer($rows);
