<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** How filesync stands on this hub. */
enum Standing: string
{
	case Active = 'active';
	/** Packets are taken in and held; nothing else of ours runs, and core receives nothing. */
	case Holding = 'holding';
	/** The hub works as without us. */
	case Passive = 'passive';
}
