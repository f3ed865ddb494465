<?php

// Makes the password of the channel's drop box, as its owner does on the page, and prints it.
require __DIR__ . '/boot.php';

$password = FileSync\Addon\Door\Key::makeBox((int) the_channel()['channel_id']);
echo $password;
exit($password === null ? 1 : 0);
