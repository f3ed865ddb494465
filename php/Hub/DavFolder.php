<?php

namespace FileSync\Addon\Hub;

use Sabre\DAV\Collection;
use Sabre\DAV\Exception\NotFound;
use Sabre\DAV\IMoveTarget;
use Sabre\DAV\INode;

if (! class_exists('App', false)) {
	exit;
}

/** A folder of a tree, for the hub's WebDAV server. */
final class DavFolder extends Collection implements IMoveTarget
{
	public function __construct(
		private readonly DavTree $tree,
		private readonly ?DavNode $above,
		public readonly DavNode $node,
	) {}

	public function getName(): string
	{
		return $this->node->name;
	}

	public function getLastModified(): int
	{
		return $this->node->modified;
	}

	/** @return iterable<INode> */
	public function getChildren(): iterable
	{
		foreach (DavFault::of($this->tree, fn () => $this->tree->children($this->node)) as $child) {
			yield $this->child($child);
		}
	}

	public function getChild($name): INode
	{
		$child = DavFault::of($this->tree, fn () => $this->tree->find($this->node, $name));

		return $child ? $this->child($child) : throw new NotFound("There is no $name here.");
	}

	public function createFile($name, $data = null): ?string
	{
		// A lock on a name that nobody has asks for a file, too: its body is the lock's.
		if (($_SERVER['REQUEST_METHOD'] ?? '') !== 'PUT') {
			DavFault::of($this->tree, fn () => $this->tree->reserve($this->node, $name));

			return null;
		}
		$tag = DavFault::of($this->tree, fn () => $this->tree->put($this->node, $name));

		return $tag === '' ? null : "\"$tag\"";
	}

	public function createDirectory($name): void
	{
		DavFault::of($this->tree, fn () => $this->tree->makeFolder($this->node, $name));
	}

	public function moveInto($targetName, $sourcePath, INode $sourceNode): bool
	{
		if (! $sourceNode instanceof self && ! $sourceNode instanceof DavFile) {
			return false;
		}
		DavFault::of($this->tree, fn () => $this->tree->move($sourceNode->node, $this->node, $targetName));

		return true;
	}

	public function setName($name): void
	{
		$above = $this->above ?? throw new DavFault(403, 'The drop box has the name of its channel.');
		DavFault::of($this->tree, fn () => $this->tree->move($this->node, $above, $name));
	}

	public function delete(): void
	{
		DavFault::of($this->tree, fn () => $this->tree->remove($this->node));
	}

	private function child(DavNode $node): INode
	{
		return $node->isFolder
			? new self($this->tree, $this->node, $node)
			: new DavFile($this->tree, $this->node, $node);
	}
}
