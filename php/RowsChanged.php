<?php

namespace FileSync\Addon;

if (! class_exists('App', false)) {
	exit;
}

/** Undoes the transaction of a publish because rows are not as the intent found them; the message is the outcome. */
final class RowsChanged extends \RuntimeException
{
}
