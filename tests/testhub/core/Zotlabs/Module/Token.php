<?php

namespace Zotlabs\Module;

use TestHub\Answer;
use TestHub\Login;
use Zotlabs\Web\Controller;

/** Gives tokens to apps of the grant `client_credentials`, from the body of a POST. */
class Token extends Controller {

	public function init() {
		if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
			http_response_code(405);
			Answer::body('');
		}
		$isGranted = ($_POST['grant_type'] ?? '') === 'client_credentials';
		$token = $isGranted ? Login::token((string) ($_POST['client_id'] ?? ''), (string) ($_POST['client_secret'] ?? '')) : null;
		if (!$token) {
			http_response_code(400);
		}
		json_return_and_die($token ?? ['error' => $isGranted ? 'invalid_client' : 'unsupported_grant_type', 'error_description' => 'no']);
	}
}
