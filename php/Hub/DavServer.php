<?php

namespace FileSync\Addon\Hub;

use Sabre\DAV\Locks\Plugin;
use Sabre\DAV\PropPatch;
use Sabre\DAV\Server;
use Sabre\HTTP\RequestInterface;

if (! class_exists('App', false)) {
	exit;
}

/** The WebDAV server that the hub brings, on a tree of ours. */
final class DavServer
{
	public const METHODS = [
		'OPTIONS',
		'HEAD',
		'GET',
		'PUT',
		'DELETE',
		'MKCOL',
		'MOVE',
		'PROPFIND',
		'PROPPATCH',
		'LOCK',
		'UNLOCK',
	];
	/** What programs set beside the bytes; of these only the time of the last change means something here. */
	private const MODIFIED = [
		'{urn:schemas-microsoft-com:}Win32LastModifiedTime',
		'{DAV:}getlastmodified',
		'{DAV:}lastmodified',
	];
	private const IGNORED = [
		'{urn:schemas-microsoft-com:}Win32CreationTime',
		'{urn:schemas-microsoft-com:}Win32LastAccessTime',
		'{urn:schemas-microsoft-com:}Win32FileAttributes',
		'{DAV:}creationdate',
		'{http://apache.org/dav/props/}executable',
	];
	/** Of the XML of a request: its words are read at once. */
	private const MOST_BYTES = 65536;

	/** Tells whether the hub brings one. */
	public static function isThere(): bool
	{
		return class_exists('Sabre\DAV\Server');
	}

	/**
	 * Answers the request.
	 *
	 * @param string $path  Of the tree's root, on the host.
	 * @param string $locks The file that has the locks.
	 * @param int    $most  As many may be locked at once.
	 */
	public static function answer(DavTree $tree, string $path, string $locks, int $most): void
	{
		// The bytes of files are read elsewhere, and their number is compared there.
		unset($_SERVER['HTTP_X_EXPECTED_ENTITY_LENGTH']);
		// For this request alone: nothing else of it uses the server.
		Server::$exposeVersion = false;
		$server = new Server(new DavFolder($tree, null, $tree->root()));
		$server->setBaseUri($path);
		$server->protectedProperties = array_values(array_diff($server->protectedProperties, self::MODIFIED));
		// A long listing is sent while it is read; what is not there must be known before.
		$server->on('beforeMethod:PROPFIND', function (RequestInterface $asked) use ($server): void {
			$server->tree->getNodeForPath($asked->getPath());
			Server::$streamMultiStatus = true;
		});
		$server->on('propPatch', fn (string $at, PropPatch $changes) => self::change($server, $tree, $at, $changes));
		$server->addPlugin(new Plugin(new DavLocks($locks, $most)));
		Web::clear();
		header('Cache-Control: no-store');
		header('X-Content-Type-Options: nosniff');
		$server->start();
	}

	/** Tells whether the body of a request that brings no file is too long. */
	public static function isTooLong(string $method, int $bytes): bool
	{
		return $method !== 'PUT' && $bytes > self::MOST_BYTES;
	}

	private static function change(Server $server, DavTree $tree, string $path, PropPatch $changes): void
	{
		$changes->handle(self::IGNORED, fn (): bool => true);
		foreach (self::MODIFIED as $name) {
			$changes->handle($name, function (mixed $value) use ($server, $tree, $path): bool {
				$time = is_string($value) ? strtotime($value) : false;
				$node = $server->tree->getNodeForPath($path);
				if ($time !== false && $node instanceof DavFile) {
					DavFault::of($tree, fn () => $tree->date($node->node, $time));
				}

				return true;
			});
		}
	}
}
