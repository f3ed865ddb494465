<?php

namespace HttpSignature;

use GuzzleHttp\Psr7\Request;
use TestHub\MessageSignature;

/** The library by which a 10 signs requests after RFC 9421, as far as hubs use it. */
final class HttpMessageSigner {

	private $key = '';
	private $key_id = '';
	private $created = 0;

	public function setPrivateKey(string $key): self {
		$this->key = $key;
		return $this;
	}

	public function setAlgorithm(string $algorithm): self {
		if ($algorithm !== MessageSignature::ALGORITHM) {
			throw new \InvalidArgumentException('the test hub does not know ' . $algorithm);
		}
		return $this;
	}

	public function setKeyId(string $key_id): self {
		$this->key_id = $key_id;
		return $this;
	}

	public function setCreated(int $time): self {
		$this->created = $time;
		return $this;
	}

	/** An hour after it was created is what MessageSignature makes of it. */
	public function setExpires(int $time): self {
		if ($time !== $this->created + 3600) {
			throw new \InvalidArgumentException('the test hub signs for an hour');
		}
		return $this;
	}

	/** Signs what is named like `("@method" "@target-uri" "host")`; both of the former must be. */
	public function signRequest(string $covered, Request $request): Request {
		preg_match_all('/"([^"]+)"/', $covered, $names);
		$headers = array_intersect_key(array_change_key_case($request->headers), array_flip($names[1]));
		if (array_slice($names[1], 0, 2) !== ['@method', '@target-uri'] || count($headers) !== count($names[1]) - 2) {
			throw new \InvalidArgumentException('the test hub does not sign ' . $covered);
		}
		$signed = [];
		foreach (MessageSignature::sign($request->method, $request->uri, $headers, $this->key, $this->key_id, $this->created) as $line) {
			list($name, $value) = explode(': ', $line, 2);
			$signed[$name] = $value;
		}
		return new Request($request->method, $request->uri, $signed + $request->headers);
	}

	/** Returns header values by their names, in lower case. */
	public function getHeaders(Request $request): array {
		return array_change_key_case($request->headers);
	}
}
