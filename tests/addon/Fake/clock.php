<?php

/** The addon's own looks at the clock, which a test can let run ahead. */

namespace Fake {
	final class Clock
	{
		public static int $ahead = 0;
	}
}

namespace FileSync\Addon\Console {
	function microtime(bool $isFloat): float
	{
		return \microtime(true) + \Fake\Clock::$ahead;
	}
}

namespace FileSync\Addon\Doctor {
	function microtime(bool $isFloat): float
	{
		return \microtime(true) + \Fake\Clock::$ahead;
	}
}

namespace FileSync\Addon\Inventory {
	function microtime(bool $isFloat): float
	{
		return \microtime(true) + \Fake\Clock::$ahead;
	}
}

namespace FileSync\Addon\Outbox {
	function microtime(bool $isFloat): float
	{
		return \microtime(true) + \Fake\Clock::$ahead;
	}
}

namespace FileSync\Addon\Page {
	function microtime(bool $isFloat): float
	{
		return \microtime(true) + \Fake\Clock::$ahead;
	}
}

namespace FileSync\Addon\Peers {
	function microtime(bool $isFloat): float
	{
		return \microtime(true) + \Fake\Clock::$ahead;
	}
}

namespace FileSync\Addon\Posts {
	function microtime(bool $isFloat): float
	{
		return \microtime(true) + \Fake\Clock::$ahead;
	}
}

namespace FileSync\Addon\Protocol {
	function microtime(bool $isFloat): float
	{
		return \microtime(true) + \Fake\Clock::$ahead;
	}
}

namespace FileSync\Addon\Publish {
	function microtime(bool $isFloat): float
	{
		return \microtime(true) + \Fake\Clock::$ahead;
	}
}

namespace FileSync\Addon\Receive {
	function microtime(bool $isFloat): float
	{
		return \microtime(true) + \Fake\Clock::$ahead;
	}
}

namespace FileSync\Addon\Revision {
	function microtime(bool $isFloat): float
	{
		return \microtime(true) + \Fake\Clock::$ahead;
	}
}

namespace FileSync\Addon\Send {
	function microtime(bool $isFloat): float
	{
		return \microtime(true) + \Fake\Clock::$ahead;
	}
}

namespace FileSync\Addon\Serve {
	function microtime(bool $isFloat): float
	{
		return \microtime(true) + \Fake\Clock::$ahead;
	}
}

namespace FileSync\Addon\Status {
	function microtime(bool $isFloat): float
	{
		return \microtime(true) + \Fake\Clock::$ahead;
	}
}

namespace FileSync\Addon\Storage {
	function microtime(bool $isFloat): float
	{
		return \microtime(true) + \Fake\Clock::$ahead;
	}
}

namespace FileSync\Addon\Transfer {
	function microtime(bool $isFloat): float
	{
		return \microtime(true) + \Fake\Clock::$ahead;
	}
}

namespace FileSync\Addon\Work {
	function microtime(bool $isFloat): float
	{
		return \microtime(true) + \Fake\Clock::$ahead;
	}
}

namespace FileSync\Addon\Reconcile {
	function microtime(bool $isFloat): float
	{
		return \microtime(true) + \Fake\Clock::$ahead;
	}
}

namespace FileSync\Addon\Hub {
	function time(): int
	{
		return \time() + \Fake\Clock::$ahead;
	}
}
