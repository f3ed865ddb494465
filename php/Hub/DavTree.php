<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** Files and folders that a WebDAV client sees and changes. Whatever is thrown here is answered by `fault`. */
interface DavTree
{
	/** Returns the folder of all. */
	public function root(): DavNode;

	/** Returns one of a folder, or null. */
	public function find(DavNode $folder, string $name): ?DavNode;

	/** @return iterable<DavNode> All of a folder. */
	public function children(DavNode $folder): iterable;

	/** Makes a folder. */
	public function makeFolder(DavNode $folder, string $name): void;

	/**
	 * Takes the body of this request as a file, in place of the one that has the name.
	 *
	 * @return string Its tag.
	 */
	public function put(DavNode $folder, string $name): string;

	/** Takes a name for a file whose bytes will follow. */
	public function reserve(DavNode $folder, string $name): void;

	/** Returns the text of a file, where it may be read. */
	public function read(DavNode $file): string;

	/** Gives something another folder or name; nothing has that. */
	public function move(DavNode $node, DavNode $folder, string $name): void;

	/** Removes a file, or a folder with all that is in it. */
	public function remove(DavNode $node): void;

	/** Notes when a file was changed by its owner. */
	public function date(DavNode $node, int $modified): void;

	/** @return array{status: int, kind: string, words: string, headers: array<string, string>} How it is answered. */
	public function fault(\Throwable $thrown): array;
}
