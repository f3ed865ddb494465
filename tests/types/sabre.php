<?php

/*
 * What the analyzer of types has to know of the WebDAV server that hubs bring: the signatures that filesync uses.
 */

namespace Sabre\HTTP {
	interface RequestInterface
	{
		public function getPath(): string;
	}
}

namespace Sabre\VObject {
	class ParseException extends \Exception {}
}

namespace Sabre\CalDAV\Xml\Property {
	class ScheduleCalendarTransp
	{
		public function __construct(string $value) {}
	}

	class SupportedCalendarComponentSet
	{
		/** @param list<string> $components */
		public function __construct(array $components) {}
	}
}

namespace Sabre\CalDAV\Backend {
	class PDO
	{
		public function __construct(\PDO $pdo) {}

		/** @param array<string, mixed> $properties */
		public function createCalendar(string $principalUri, string $calendarUri, array $properties): array
		{
			return [];
		}

		/** @param array{int, int} $calendarId */
		public function getCalendarObject(array $calendarId, string $objectUri): ?array
		{
			return null;
		}

		/** @param array{int, int} $calendarId */
		public function createCalendarObject(array $calendarId, string $objectUri, string $calendarData): ?string
		{
			return null;
		}
	}
}

namespace Sabre\CardDAV\Backend {
	class PDO
	{
		public function __construct(\PDO $pdo) {}

		/** @param array<string, mixed> $properties */
		public function createAddressBook(string $principalUri, string $url, array $properties): int
		{
			return 0;
		}

		public function getCard(int $addressBookId, string $cardUri): array|false
		{
			return false;
		}

		public function createCard(int $addressBookId, string $cardUri, string $cardData): ?string
		{
			return null;
		}
	}
}

namespace Sabre\DAV {
	interface INode
	{
		/** @return string */
		public function getName();
	}

	interface ICollection extends INode {}

	interface IMoveTarget extends ICollection
	{
		/**
		 * @param string $targetName
		 * @param string $sourcePath
		 *
		 * @return bool
		 */
		public function moveInto($targetName, $sourcePath, INode $sourceNode);
	}

	class Exception extends \Exception
	{
		/** @return int */
		public function getHTTPCode()
		{
			return 500;
		}

		/** @return array<string, string> */
		public function getHTTPHeaders(Server $server)
		{
			return [];
		}
	}

	abstract class Node implements INode {}

	abstract class Collection extends Node implements ICollection
	{
		/**
		 * @param string $name
		 *
		 * @return INode
		 */
		public function getChild($name) {}

		/**
		 * @param string        $name
		 * @param resource|null $data
		 *
		 * @return ?string
		 */
		public function createFile($name, $data = null) {}

		/** @param string $name */
		public function createDirectory($name) {}

		/** @param string $name */
		public function setName($name) {}
	}

	abstract class File extends Node
	{
		/**
		 * @param resource|string $data
		 *
		 * @return ?string
		 */
		public function put($data) {}

		/** @return string */
		public function get() {}

		/** @param string $name */
		public function setName($name) {}
	}

	class Tree
	{
		public function getNodeForPath(string $path): INode {}
	}

	class PropPatch
	{
		/** @param string|list<string> $properties */
		public function handle(string|array $properties, callable $callback): void {}
	}

	abstract class ServerPlugin {}

	class Server
	{
		public static bool $exposeVersion = true;
		public static bool $streamMultiStatus = false;
		/** @var list<string> */
		public array $protectedProperties = [];
		public Tree $tree;

		public function __construct(INode $root) {}

		public function setBaseUri(string $uri): void {}

		public function on(string $event, callable $do): void {}

		public function addPlugin(ServerPlugin $plugin): void {}

		public function start(): void {}
	}
}

namespace Sabre\DAV\Exception {
	class NotFound extends \Sabre\DAV\Exception {}
}

namespace Sabre\DAV\Locks {
	class LockInfo
	{
		public ?string $owner = null;
		public string $token = '';
		public int $timeout = 0;
		public int $created = 0;
	}

	class Plugin extends \Sabre\DAV\ServerPlugin
	{
		public function __construct(Backend\File $backend) {}
	}
}

namespace Sabre\DAV\Locks\Backend {
	use Sabre\DAV\Locks\LockInfo;

	class File
	{
		public function __construct(string $file) {}

		/**
		 * @param string $uri
		 * @param bool   $returnChildLocks
		 *
		 * @return array<array-key, LockInfo>
		 */
		public function getLocks($uri, $returnChildLocks)
		{
			return [];
		}

		/**
		 * @param string $uri
		 *
		 * @return bool
		 */
		public function lock($uri, LockInfo $lockInfo)
		{
			return true;
		}

		/** @return array<array-key, LockInfo> */
		protected function getData()
		{
			return [];
		}
	}
}
