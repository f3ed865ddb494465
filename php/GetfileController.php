<?php

namespace FileSync\Addon;

use FileSync\Addon\Hub\Web;

if (! class_exists('App', false)) {
	exit;
}

/** The hub's own controller of `getfile` with ours around it: what is not ours reaches the one that stood there before. */
final class GetfileController extends \Zotlabs\Module\Getfile
{
	public function __construct(private readonly object $inner)
	{
	}

	public function init()
	{
		$this->end(fn () => Serve::answer(Web::request(Serve::mostBytes(...))));

		return $this->delegate('init', []);
	}

	public function post()
	{
		$this->end(fn () => Serve::answerStock(Web::request(null)));

		return $this->delegate('post', []);
	}

	public function get()
	{
		return $this->delegate('get', []);
	}

	/** Hands on whatever else a hub or an addon may call. */
	public function __call(string $name, array $arguments): mixed
	{
		return $this->delegate($name, $arguments);
	}

	/** Ends the request with an answer of ours, if there is one. */
	private function end(\Closure $answer): void
	{
		try {
			$response = $answer();
		} catch (\Throwable $e) {
			Hub\Config::logFailure('answering a request for a file', $e);
			return;
		}
		if ($response) {
			$response->send(($_SERVER['REQUEST_METHOD'] ?? '') === 'HEAD');
			Web::end();
		}
	}

	private function delegate(string $name, array $arguments): mixed
	{
		return is_callable([$this->inner, $name]) ? $this->inner->$name(...$arguments) : null;
	}
}
