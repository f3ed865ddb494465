<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** Wraps the hub's own controller of `getfile`: other requests reach the original controller. */
final class GetfileController extends \Zotlabs\Module\Getfile
{
	/**
	 * Both answers are a reply to send, or null for what is not ours: to a request that begins, and to a POST that
	 * nobody of ours took.
	 */
	public function __construct(
		private readonly object $inner,
		private readonly \Closure $answer,
		private readonly \Closure $answerPost,
	) {}

	public function init()
	{
		$this->end($this->answer);

		return $this->delegate('init', []);
	}

	public function post()
	{
		$this->end($this->answerPost);

		return $this->delegate('post', []);
	}

	public function get()
	{
		return $this->delegate('get', []);
	}

	/** Passes on any other call from a hub or an addon. */
	public function __call(string $name, array $arguments): mixed
	{
		return $this->delegate($name, $arguments);
	}

	/** Ends the request with our answer, if we have one. */
	private function end(\Closure $answer): void
	{
		try {
			$response = $answer();
		} catch (\Throwable $e) {
			Log::failure('answering a request for a file', $e);
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
