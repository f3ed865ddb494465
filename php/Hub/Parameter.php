<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** A parameter of a function of core. */
final class Parameter
{
	public function __construct(
		public readonly string $name,
		public readonly bool $isOptional,
		public readonly bool $isReference = false,
		public readonly string $type = '',
	) {}

	/** Returns it as people write it. */
	public function text(): string
	{
		return (
			($this->type === '' ? '' : "$this->type ")
			. ($this->isReference ? '&$' : '$')
			. $this->name
			. ($this->isOptional ? ' = …' : '')
		);
	}
}
