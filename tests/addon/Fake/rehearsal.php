<?php

/** Stands in for the rehearsal, for the decision whether there can be one. */

namespace FileSync\Addon\Rehearsal {
	final class Rehearsal {}
}
