<?php

namespace FileSync\Addon\Publish;

if (! class_exists('App', false)) {
	exit;
}

/** Rolls back the transaction of a publish because rows changed since the intent; the message is the outcome. */
final class RowsChanged extends \RuntimeException
{
}
