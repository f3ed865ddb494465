<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** A channel of this hub. Only Hub/ reads the hub's own row of it. */
final class Channel
{
	private function __construct(
		public readonly int $id,
		/** Its identity, the same on all its hubs. */
		public readonly string $hash,
		/** Its name in this hub's URLs and folders. */
		public readonly string $nick,
		public readonly int $accountId,
		/** Its identity as posts name their author. */
		public readonly string $guid,
		public readonly string $publicKey,
		/** Returns the row. A closure, since the row has the private key: no dump or export shows what it holds. */
		private readonly \Closure $row,
	) {}

	/**
	 * Reads the hub's row of a channel. Further columns differ between hubs; core gets them back.
	 *
	 * @throws \UnexpectedValueException A column that we need is missing, or is not what it should be.
	 */
	public static function of(array $row): self
	{
		return new self(
			self::number($row, 'channel_id'),
			self::text($row, 'channel_hash'),
			self::text($row, 'channel_address'),
			self::number($row, 'channel_account_id'),
			self::text($row, 'channel_guid'),
			self::text($row, 'channel_pubkey'),
			static fn () => $row,
		);
	}

	/** Returns the private key, in PEM. */
	public function privateKey(): string
	{
		return self::text($this->row(), 'channel_prvkey');
	}

	/** Returns its name for people; empty if core did not pass it. */
	public function name(): string
	{
		return isset($this->row()['channel_name']) ? self::text($this->row(), 'channel_name') : '';
	}

	/** Returns the private Ed25519 key, as hubs keep it; empty if it has none. */
	public function proofKey(): string
	{
		return isset($this->row()['channel_eprvkey']) ? self::text($this->row(), 'channel_eprvkey') : '';
	}

	/** Returns the hub's row, for functions of core. */
	public function row(): array
	{
		/** @var array<string, mixed> */
		return ($this->row)();
	}

	/** Leaves out the row: what is dumped may reach a log. */
	public function __debugInfo(): array
	{
		return ['id' => $this->id, 'hash' => $this->hash, 'nick' => $this->nick];
	}

	private static function text(array $row, string $column): string
	{
		return isset($row[$column]) && is_string($row[$column])
			? $row[$column]
			: throw new \UnexpectedValueException(self::fault($row, $column));
	}

	private static function number(array $row, string $column): int
	{
		return isset($row[$column]) && is_numeric($row[$column])
			? (int) $row[$column]
			: throw new \UnexpectedValueException(self::fault($row, $column));
	}

	private static function fault(array $row, string $column): string
	{
		$id = is_numeric($row['channel_id'] ?? null) ? " of channel {$row['channel_id']}" : '';

		return "the hub's row$id has no usable $column: core passed too few columns, or its table channel has changed";
	}

	/** Returns the id of a channel whose row core gives us, 0 if that is none. */
	public static function idOf(mixed $row): int
	{
		return is_array($row) ? (int) ($row['channel_id'] ?? 0) : 0;
	}
}
