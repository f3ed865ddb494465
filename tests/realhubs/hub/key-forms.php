<?php

// Prints the private key of the channel in the forms in which it could leak: a line of its PEM, and pieces of its DER
// in base64 and base64url that are in no other form.
require __DIR__ . '/boot.php';

$lines = explode("\n", trim(the_channel()['channel_prvkey']));
$base64 = implode('', array_slice($lines, 1, -1));
echo $lines[4], "\n";
// Across the end of a line, so that a PEM has no such piece.
echo substr($base64, (64 * 6) - 40, 80), "\n", strtr(substr($base64, (64 * 6) - 40, 80), '+/', '-_'), "\n";
