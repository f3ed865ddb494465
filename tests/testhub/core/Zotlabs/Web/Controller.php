<?php

namespace Zotlabs\Web;

/** A module: answers the requests whose path begins with its name. */
class Controller {

	public function init() {
	}

	public function post() {
	}

	public function get() {
		return '';
	}
}
