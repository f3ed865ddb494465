<?php

namespace GuzzleHttp\Psr7;

/** A request as the library takes it that signs them. */
final class Request {

	public $method;
	public $uri;
	public $headers;

	public function __construct(string $method, string $uri, array $headers = []) {
		$this->method = $method;
		$this->uri = $uri;
		$this->headers = $headers;
	}
}
