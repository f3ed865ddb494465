<?php

/** Returns the hub's image library with a picture in it, null for types that it does not take. */
function photo_factory($data, $type = null): ?Zotlabs\Photo\PhotoDriver {
	if (in_array(strtolower((string) $type), ['image/bmp', 'image/vnd.microsoft.icon', 'image/tiff', 'image/svg+xml'], true)) {
		return null;
	}
	return new Zotlabs\Photo\PhotoGd($data, $type);
}

function import_xchan_photo($photo, $xchan, $thing = false, $force = false) {
	throw new LogicException('the test hub has no pictures of connections');
}
