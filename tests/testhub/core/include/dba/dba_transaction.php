<?php

/**
 * A transaction of the hub's database while an object of this is there: what is not committed by then is undone. Within
 * one that is open already it does nothing. Only a 10 has it.
 */
class DbaTransaction {

	private $dba;
	private $is_open = false;

	public function __construct($dba) {
		$this->dba = $dba;
		if ($dba->db->inTransaction()) {
			return;
		}
		$this->is_open = $dba->db->beginTransaction();
		if (TestHub\Databases::kind($dba->dsn) === 'sqlite') {
			// So that two processes never dead-lock: it is one that writes, from now on.
			$dba->db->exec('UPDATE config SET v = v WHERE id = 0');
		}
	}

	public function __destruct() {
		if ($this->is_open) {
			$this->dba->db->rollBack();
		}
	}

	public function commit(): void {
		if ($this->is_open) {
			$this->is_open = !$this->dba->db->commit();
		}
	}
}
