<?php

namespace FileSync\Addon\Import;

if (! class_exists('App', false)) {
	exit;
}

/** One section of one document of an export. */
final class Part
{
	public function __construct(
		public readonly Section $section,
		/** The document's name in an archive. */
		public readonly ?string $document,
		/** Where it begins. */
		public readonly string $cursor,
		public readonly int $elements,
		public readonly int $bytes,
	) {}

	/** Tells whether elements that a reader hands out are its own. */
	public function holds(?string $document, string $section): bool
	{
		return $this->document === $document && $this->section->value === $section;
	}
}
