<?php

// Prints the channel's hash.
require __DIR__ . '/boot.php';

echo the_channel()['channel_hash'], "\n";
