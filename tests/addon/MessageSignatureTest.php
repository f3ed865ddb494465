<?php

use FileSync\Addon\Hub\Client;
use FileSync\Addon\Hub\OriginApi;
use FileSync\Addon\Hub\Proof;
use FileSync\Addon\Hub\Request;
use PHPUnit\Framework\Attributes\DataProvider;
use TestHub\MessageSignature;

/** Signatures after RFC 9421: read and made where the hub can, and nowhere else. */
final class MessageSignatureTest extends AddonTestCase
{
	private const CALL = '/api/z/1.0/files?start=0';

	protected function tearDown(): void
	{
		$_SERVER = array_diff_key($_SERVER, array_flip([
			'HTTP_SIGNATURE',
			'HTTP_SIGNATURE_INPUT',
			'HTTP_AUTHORIZATION',
			'HTTP_HOST',
			'REQUEST_URI',
			'REQUEST_METHOD',
		]));
		parent::tearDown();
	}

	/** @dataProvider proofs */
	#[DataProvider('proofs')]
	public function test_a_proof_is_a_clones_with_the_channels_key(Closure $change, bool $holds): void
	{
		$this->present($this->signed(), $change);
		$this->assertSame($holds && TESTHUB >= 10, $this->holds());
	}

	public static function proofs(): array
	{
		$input = fn (string $from, string $to) => function (array &$server) use ($from, $to) {
			$server['HTTP_SIGNATURE_INPUT'] = str_replace($from, $to, $server['HTTP_SIGNATURE_INPUT']);
		};

		return [
			'as a clone makes it' => [fn (array &$server) => null, true],
			'of somebody else' => [
				$input(self::ORIGIN . '/channel/alice', 'http://127.0.0.1:9009/channel/alice'),
				false,
			],
			'of nobody' => [$input(';keyid=', ';no='), false],
			'of two' => [$input(';alg=', ';keyid="x";alg='), false],
			'a secret that everybody knows' => [$input('rsa-v1_5-sha256', 'hmac-sha256'), false],
			'two algorithms' => [$input(';alg=', ';alg="hmac-sha256";alg='), false],
			'for another page' => [fn (array &$server) => $server['REQUEST_URI'] = '/getfile?x', false],
			'without the signature' => [
				function (array &$server) {
					unset($server['HTTP_SIGNATURE']);
				},
				false,
			],
		];
	}

	public function test_a_signature_by_another_key_is_no_proof(): void
	{
		openssl_pkey_export(openssl_pkey_new(['private_key_bits' => 2048]), $key);
		$this->present($this->signed($key), fn () => null);
		$this->assertFalse($this->holds());
	}

	/** Another signature of the request is somebody else's word. */
	public function test_the_signer_is_who_the_input_names(): void
	{
		$this->present($this->signed(), function (array &$server) {
			$lines = Zotlabs\Web\HTTPSig::create_sig(
				['(request-target)' => 'post /getfile'],
				$this->channel->privateKey(),
				'http://127.0.0.1:9009/channel/alice',
			);
			$server['HTTP_SIGNATURE'] = substr(end($lines), strlen('Signature: '));
		});
		$this->assertFalse($this->holds());
	}

	public function test_a_hub_that_refuses_the_older_form_is_asked_in_the_newer_one(): void
	{
		$forms = [];
		Client::$wire = function ($method, $url, $headers) use (&$forms) {
			$sent = [];
			foreach ($headers as $line) {
				[$name, $value] = explode(': ', $line, 2);
				$sent[strtolower($name)] = $value;
			}
			$isNew = isset($sent['signature-input']);
			$forms[] = $isNew ? 'new' : 'old';
			$isRight =
				$isNew
				&& $sent['x-api-request'] === $url
				&& $sent['host'] === '127.0.0.1:9001'
				&& MessageSignature::signer($sent['signature-input']) === z_root() . '/channel/alice'
				&& MessageSignature::verify($method, $url, $sent, $this->channel->publicKey, time());

			return ['status' => $isRight ? 200 : 401, 'body' => '{"results": []}'];
		};
		try {
			$answer = OriginApi::get($this->channel, self::ORIGIN, self::CALL);
		} catch (RuntimeException $e) {
			$answer = $e->getCode();
		}
		$this->assertSame(
			TESTHUB < 10 ? [401, ['old']] : [['results' => []], ['old', 'new']],
			[$answer, $forms],
		);
	}

	public function test_a_hub_that_refuses_both_is_asked_twice_and_one_that_has_nothing_once(): void
	{
		foreach ([403 => TESTHUB < 10 ? 1 : 2, 404 => 1, 500 => 1, 200 => 1] as $status => $times) {
			$asked = 0;
			Client::$wire = function () use (&$asked, $status) {
				$asked++;

				return ['status' => $status, 'body' => '{}'];
			};
			try {
				OriginApi::get($this->channel, self::ORIGIN, self::CALL);
			} catch (RuntimeException) {
			}
			$this->assertSame([$status, $times], [$status, $asked]);
		}
	}

	/** @return list<string> Header lines. */
	private function signed(?string $key = null): array
	{
		return MessageSignature::sign(
			'POST',
			z_root() . '/getfile',
			['Host' => '127.0.0.1:9000'],
			$key ?? $this->channel->privateKey(),
			self::ORIGIN . '/channel/alice',
			time(),
		);
	}

	/** @param list<string> $lines */
	private function present(array $lines, Closure $change): void
	{
		$_SERVER['REQUEST_METHOD'] = 'POST';
		$_SERVER['REQUEST_URI'] = '/getfile';
		foreach ($lines as $line) {
			[$name, $value] = explode(': ', $line, 2);
			$_SERVER['HTTP_' . strtr(strtoupper($name), '-', '_')] = $value;
		}
		$change($_SERVER);
	}

	private function holds(): bool
	{
		return Proof::holds(new Request('POST', ['getfile'], [], ['resource' => 'f1'], null), $this->channel);
	}
}
