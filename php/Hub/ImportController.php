<?php

namespace FileSync\Addon\Hub;

use Zotlabs\Web\Controller;

if (! class_exists('App', false)) {
	exit;
}

/** Wraps the hub's own controller of a page for imports: what is not ours reaches the original controller. */
final class ImportController extends Controller
{
	/** @param \Closure(): bool $take */
	private function __construct(
		private readonly Controller $inner,
		private readonly \Closure $take,
	) {}

	/**
	 * Returns a controller with ours around it, or as it is if none of ours fits.
	 *
	 * @param \Closure(): bool $take Takes a form that is sent; false if it is not ours.
	 */
	public static function around(mixed $controller, \Closure $take): mixed
	{
		return $controller instanceof Controller && ! $controller instanceof self
			? new self($controller, $take)
			: $controller;
	}

	public function init()
	{
		return $this->inner->init();
	}

	public function post()
	{
		return ($this->take)() ? null : $this->inner->post();
	}

	public function get()
	{
		return $this->inner->get();
	}
}
