<?php

/** A hub of 8.x. Everything that differs from one of 10.x asks the constant TESTHUB. */
define('TESTHUB', 8);
define('STD_VERSION', '8.8.7');

require_once __DIR__ . '/start.php';
