<?php

namespace Zotlabs\Module;

use TestHub\Login;
use Zotlabs\Web\Controller;

/** Ends the session. */
class Logout extends Controller {

	public function init() {
		Login::logout();
		goaway(z_root());
	}
}
