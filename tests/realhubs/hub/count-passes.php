<?php

// Prints how many passes for a whole channel are left.
require __DIR__ . '/boot.php';

answer(['passes' => (int) q("select count(*) as n from filesync_door_key where kind = 'pass'")[0]['n']]);
