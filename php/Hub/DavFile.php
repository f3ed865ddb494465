<?php

namespace FileSync\Addon\Hub;

use Sabre\DAV\File;

if (! class_exists('App', false)) {
	exit;
}

/** A file of a tree, for the hub's WebDAV server. */
final class DavFile extends File
{
	public function __construct(
		private readonly DavTree $tree,
		private readonly DavNode $folder,
		public readonly DavNode $node,
	) {}

	public function getName(): string
	{
		return $this->node->name;
	}

	public function getSize(): int
	{
		return $this->node->sizeBytes;
	}

	public function getLastModified(): int
	{
		return $this->node->modified;
	}

	public function getETag(): ?string
	{
		return $this->node->tag === '' ? null : "\"{$this->node->tag}\"";
	}

	public function getContentType(): string
	{
		return str_ends_with($this->node->name, '.txt') ? 'text/plain; charset=utf-8' : 'application/octet-stream';
	}

	public function get(): string
	{
		return DavFault::of($this->tree, fn () => $this->tree->read($this->node));
	}

	public function put($data): ?string
	{
		$tag = DavFault::of($this->tree, fn () => $this->tree->put($this->folder, $this->node->name));

		return $tag === '' ? null : "\"$tag\"";
	}

	public function setName($name): void
	{
		DavFault::of($this->tree, fn () => $this->tree->move($this->node, $this->folder, $name));
	}

	public function delete(): void
	{
		DavFault::of($this->tree, fn () => $this->tree->remove($this->node));
	}
}
