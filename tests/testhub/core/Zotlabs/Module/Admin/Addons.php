<?php

namespace Zotlabs\Module\Admin;

/** The admin's page of an addon, as far as its functions are called. */
class Addons {

	public function post() {
		if (is_site_admin() && function_exists(argv(2) . '_plugin_admin_post')) {
			$function = argv(2) . '_plugin_admin_post';
			$function();
		}
	}

	public function get() {
		$html = '';
		if (is_site_admin() && function_exists(argv(2) . '_plugin_admin')) {
			$function = argv(2) . '_plugin_admin';
			$function($html);
		}
		return $html;
	}
}
