<?php

namespace Zotlabs\Module;

use Theme\Solidified\Api\Handlers\Files;
use Zotlabs\Web\Controller;

/** The theme's own door, beside the hub's pages: /spa/files, and /spa/files/<hash>, for the owner who is logged in. */
class Spa extends Controller {

	public function init() {
		if (!local_channel() || argv(1) !== 'files') {
			http_response_code(local_channel() ? 404 : 403);
			killme();
		}
	}

	public function post() {
		json_return_and_die((new Files())->post($_POST['folder'] ?? ''));
	}

	/** What changes is JSON: `folder` and `name`, or `allow_cid`, `allow_gid`, `deny_cid`, `deny_gid` and `recurse`. */
	public function put() {
		json_return_and_die((new Files())->put(argv(2), json_decode((string) file_get_contents('php://input'), true) ?: []));
	}

	public function delete() {
		json_return_and_die((new Files())->delete(argv(2)));
	}
}
