<?php

/**
 * Returns a menu and its entries as hubs export them.
 *
 * @return array<string, mixed>
 */
function menu_element($channel, $menu) {
	$element = ['type' => 'menu', 'pagetitle' => $menu['menu']['menu_name'], 'desc' => $menu['menu']['menu_desc'], 'baseurl' => z_root()];
	foreach ($menu['items'] ?: [] as $entry) {
		$element['items'][] = ['link' => str_replace(z_root(), '[baseurl]', $entry['mitem_link']), 'desc' => $entry['mitem_desc'], 'order' => $entry['mitem_order']];
	}
	return $element;
}

function menu_add_item($menu_id, $uid, $arr) {
	throw new LogicException('the test hub has no menus');
}
