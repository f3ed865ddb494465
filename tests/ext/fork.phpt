--TEST--
A batch stays with the process that made it; a fork uses its own
--EXTENSIONS--
pcntl
--FILE--
<?php
require 'support.php';
$url = startHub();
$folder = newFolder();
$batch = newBatch($folder);
$batch->add(transfer($url, 'parent'));
$batch->step(5);
$children = [];
for ($number = 0; $number < 4; $number++) {
	if (($pid = pcntl_fork()) === 0) {
		$inherited = '';
		try {
			$batch->step(10);
		} catch (FileSync\Exception\InvalidInputException $e) {
			$inherited = $e->getMessage();
		}
		$batch = null;
		$own = newBatch($folder);
		$own->add(transfer($url, "child$number"));
		$report = finish($own)["child$number-0.1"];
		$good = $report['sha256'] === hash('sha256', bytesOf("child$number")) && str_contains($inherited, 'before a fork');
		posix_kill(getmypid(), $good ? SIGKILL : SIGTERM);
	}
	$children[] = $pid;
}
foreach ($children as $pid) {
	pcntl_waitpid($pid, $status);
	echo pcntl_wtermsig($status) === SIGKILL ? "child received its file\n" : "child failed\n";
}
echo finish($batch)['parent-0.1']['sha256'] === hash('sha256', bytesOf('parent')) ? "parent received its file\n" : "parent failed\n";
?>
--EXPECT--
child received its file
child received its file
child received its file
child received its file
parent received its file
