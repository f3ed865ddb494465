<?php

/** A hub of 10.x and 11.x, which may be told to say that it is another. */
define('TESTHUB', 10);
/** @var string */
define('STD_VERSION', getenv('TESTHUB_VERSION') ?: '10.7.14');

require_once __DIR__ . '/start.php';
