<?php

namespace Zotlabs\Web;

/** A module: answers the requests whose path begins with its name. On a 10 nobody can make one that is only this. */
if (TESTHUB < 10) {
	class Controller {

		public function init() {
		}

		public function post() {
		}

		public function get() {
			return '';
		}
	}
} else {
	abstract class Controller {

		public function init() {
		}

		public function post() {
		}

		public function get() {
			return '';
		}
	}
}
