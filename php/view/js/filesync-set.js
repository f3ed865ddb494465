/*
 * What /filesync/restore knows about backup sets and about sending them: docs/backup-set.md and docs/upload-door.md. Nothing of a page is in here, so that
 * tests run it outside of a browser too.
 *
 * The bytes of files are never in the memory of the script: what is sent are slices of the files on the disk.
 */
(function (root) {
	'use strict';

	const KIB = 1024;
	const MIB = 1024 * KIB;
	const FORMAT = 1;
	const TAGS = 'tagmanifest-sha256.txt';
	const SIGNATURE = 'channel-signature.json';
	const MANIFEST = 'manifest-sha256.txt';
	const JOURNAL = 'run.json.partial';
	const MOST_METADATA = 4 * MIB;
	/** As many metadata files are read at once. */
	const TOGETHER = 500;
	/** A person looks at no more of one sort. */
	const MOST_NAMED = 100;

	/** Says in one word why a set cannot be sent, or the hub does not take it; the page has the sentences. */
	class Refusal extends Error {
		constructor(code, facts) {
			super(code);
			this.code = code;
			this.facts = facts || {};
		}
	}

	/** Counts something, and keeps the first names of it. */
	class Named {
		constructor() {
			this.count = 0;
			this.names = [];
		}

		add(name) {
			this.count += 1;
			if (this.names.length < MOST_NAMED) {
				this.names.push(name);
			}
		}
	}

	/* ---- The set ---- */

	/** Calls `take` with each line of a text. */
	async function eachLine(blob, take) {
		const decoder = new TextDecoder('utf-8', {fatal: true});
		let rest = '';
		for (let at = 0; at < blob.size; at += MIB) {
			const bytes = await blob.slice(at, at + MIB).arrayBuffer();
			const lines = (rest + decoder.decode(bytes, {stream: at + MIB < blob.size})).split('\n');
			rest = lines.pop();
			lines.forEach(take);
		}
		if (rest !== '') {
			take(rest);
		}
	}

	/** Tells whether a path may be in a list. The hub looks at it once more, and closer. */
	function isPath(path) {
		return path.length <= 400 && !/[\u0000-\u001f\u007f-\u009f\\:*?"<>|%]/.test(path) && path.split('/').every(function (name) {
			return name !== '' && name !== '.' && name !== '..';
		});
	}

	/** Reads a list of digests: calls `take` with each digest and path. */
	async function readList(blob, isExpected, take) {
		await eachLine(blob, function (line) {
			const part = /^([0-9a-f]{64}) {2}(.+)$/.exec(line);
			if (!part || !isPath(part[2]) || !isExpected(part[2])) {
				throw new Refusal('path_refused', {path: part ? part[2] : line.slice(0, 100)});
			}
			take(part[1], part[2]);
		});
	}

	async function sha256(blob) {
		if (!root.crypto || !root.crypto.subtle) {
			throw new Refusal('not_secure');
		}
		const bytes = await root.crypto.subtle.digest('SHA-256', await blob.arrayBuffer());
		return Array.from(new Uint8Array(bytes), function (byte) {
			return byte.toString(16).padStart(2, '0');
		}).join('');
	}

	function pathOf(file) {
		return (file.webkitRelativePath || file.name).normalize('NFC');
	}

	/** Finds the set among the files of a folder; returns its files by their paths in it. */
	function findSet(files) {
		let depth = Infinity;
		let places = [];
		let archives = [];
		for (const file of files) {
			const names = pathOf(file).split('/');
			const name = names.pop();
			if (name === 'set.json' && names.length <= depth) {
				places = names.length < depth ? [] : places;
				depth = names.length;
				places.push(names.join('/'));
			} else if (names.length <= 1 && /\.(zip|tar|tgz|tbz|txz|gz|xz|7z|rar)$/i.test(name)) {
				archives.push(name);
			}
		}
		if (places.length !== 1) {
			throw new Refusal(places.length ? 'many_sets' : archives.length ? 'set_is_archive' : 'no_set', {name: archives[0]});
		}
		const prefix = places[0] === '' ? '' : places[0] + '/';
		const found = new Map();
		for (const file of files) {
			const path = pathOf(file);
			if (path.startsWith(prefix)) {
				found.set(path.slice(prefix.length), file);
			}
		}
		return found;
	}

	/** Returns the object that a JSON text is; null if it is none. */
	function parse(text) {
		try {
			const said = JSON.parse(text);
			return said && typeof said === 'object' && !Array.isArray(said) ? said : null;
		} catch (error) {
			if (error instanceof SyntaxError) {
				return null;
			}
			throw error;
		}
	}

	async function readObject(file, mostBytes) {
		return file && file.size <= mostBytes ? parse(await file.text()) : null;
	}

	/** Reads several small files at once: one by one, ten thousand take minutes. */
	async function readObjects(files) {
		let bytes = null;
		try {
			bytes = await new Blob(files).arrayBuffer();
		} catch (error) {
			// One of them cannot be read.
			return Promise.all(files.map((file) => file.text().then(parse, () => null)));
		}
		const decoder = new TextDecoder();
		let at = 0;
		return files.map(function (file) {
			at += file.size;
			return parse(decoder.decode(new Uint8Array(bytes, at - file.size, file.size)));
		});
	}

	/** Refuses a set of which the last run was cut off while it was put in place: a reader must know its plan. */
	async function refuseCutOff(files) {
		const journal = files.has(JOURNAL) ? await readObject(files.get(JOURNAL), 64 * KIB) : null;
		if (journal && ['out', 'in', 'lists', 'tidy'].includes(journal.state)) {
			throw new Refusal('set_cut_off');
		}
	}

	/** Returns the parts of a metadata file, and the true name of what it describes; null if it is not one. */
	function describe(said) {
		const rows = said && Array.isArray(said.attach) ? said.attach : [];
		if (!rows.length || !Array.isArray(said.parts || [])) {
			return null;
		}
		return {
			isFile: said.kind === 'file',
			name: rows.map(function (row) {
				return String(row && row.filename);
			}).join('/'),
			parts: (said.parts || []).filter(function (part) {
				return part && typeof part.path === 'string' && typeof part.sha256 === 'string';
			})
		};
	}

	/**
	 * Reads a set: what must be sent before the hub can say what it would do, and what has the bytes.
	 *
	 * @param files What the person chose: a FileList.
	 * @param tell  Called now and then with how many of how many metadata files are read.
	 */
	async function readSet(files, tell) {
		const found = findSet(files);
		const about = await readObject(found.get('set.json'), MOST_METADATA);
		if (!about || !Number.isInteger(about.filesync_set)) {
			throw new Refusal('set_damaged', {name: 'set.json'});
		}
		if (about.filesync_set > FORMAT) {
			throw new Refusal('set_newer', {format: about.filesync_set, reads: FORMAT});
		}
		if (found.has('fetch.txt')) {
			throw new Refusal('path_refused', {path: 'fetch.txt'});
		}
		await refuseCutOff(found);
		for (const name of [TAGS, MANIFEST]) {
			if (!found.has(name)) {
				throw new Refusal('set_damaged', {name: name});
			}
		}
		const set = {
			about: about,
			proofs: {},
			lists: [],
			metadata: [],
			data: [],
			files: 0,
			folders: 0,
			bytes: 0,
			missing: new Named(),
			damaged: new Named(),
			extra: new Named()
		};
		for (const name of [TAGS, SIGNATURE]) {
			if (found.has(name)) {
				set.proofs[name] = await sha256(found.get(name));
				set.lists.push({sha256: set.proofs[name], size: found.get(name).size, file: found.get(name), name: name});
			}
		}
		const listed = new Set([TAGS, SIGNATURE]);
		await readList(found.get(TAGS), function (path) {
			return !path.startsWith('data/');
		}, function (digest, path) {
			const file = found.get(path);
			listed.add(path);
			if (file) {
				set.lists.push({sha256: digest, size: file.size, file: file, name: path});
			} else if (!path.startsWith('runs/')) {
				set.missing.add(path);
			}
		});
		await readPayload(set, found, listed, tell);
		found.forEach(function (file, path) {
			if (!listed.has(path) && !/^(\.lock$|\.partial\/|run\.json\.partial$)|(^|\/)(\._[^/]*|\.DS_Store|Thumbs\.db|desktop\.ini)$/.test(path)) {
				set.extra.add(path);
			}
		});
		return set;
	}

	async function readPayload(set, found, listed, tell) {
		const digests = new Map();
		const places = new Map();
		const metadata = [];
		await readList(found.get(MANIFEST), function (path) {
			return path.startsWith('data/');
		}, function (digest, path) {
			listed.add(path);
			digests.set(path, digest);
			if (found.has(path)) {
				places.set(digest, path);
			}
			if (path.startsWith('data/metadata/')) {
				metadata.push(path);
			}
		});
		const seen = new Set();
		for (let next = 0; next < metadata.length;) {
			const some = [];
			for (let bytes = 0; next < metadata.length && some.length < TOGETHER && bytes < MOST_METADATA; next += 1) {
				const file = found.get(metadata[next]);
				if (!file) {
					set.missing.add(metadata[next]);
				} else if (file.size > MOST_METADATA) {
					set.damaged.add(metadata[next]);
				} else {
					some.push({path: metadata[next], file: file});
					bytes += file.size;
				}
			}
			const said = await readObjects(some.map((one) => one.file));
			some.forEach((one, n) => takeEntry(set, one, describe(said[n]), digests, places, found, seen));
			tell(next, metadata.length);
		}
	}

	/** Takes what a metadata file says, and finds the bytes that it names. */
	function takeEntry(set, entry, said, digests, places, found, seen) {
		if (!said) {
			set.damaged.add(entry.path);
			return;
		}
		set.metadata.push({sha256: digests.get(entry.path), size: entry.file.size, file: entry.file, name: said.name});
		set.files += said.isFile ? 1 : 0;
		set.folders += said.isFile ? 0 : 1;
		for (const part of said.parts) {
			const place = digests.get(part.path) === part.sha256 && found.has(part.path) ? part.path : places.get(part.sha256);
			const bytes = place === undefined ? null : found.get(place);
			if (!bytes) {
				set.missing.add(said.name);
			} else if (bytes.size !== part.size) {
				set.damaged.add(said.name);
			} else if (!seen.has(part.sha256)) {
				seen.add(part.sha256);
				set.bytes += part.size;
				set.data.push({sha256: part.sha256, size: part.size, file: bytes, name: said.name});
			}
		}
	}

	/* ---- Packs: ustar archives whose members are named by their digests ---- */

	const BLOCK = 512;

	function padded(size) {
		return Math.ceil(size / BLOCK) * BLOCK;
	}

	/** Returns how long a pack of files of some sizes is. */
	function packLength(sizes) {
		return sizes.reduce(function (sum, size) {
			return sum + BLOCK + padded(size);
		}, 2 * BLOCK);
	}

	function packHeader(name, size) {
		const header = new Uint8Array(BLOCK);
		function put(at, text) {
			for (let n = 0; n < text.length; n += 1) {
				header[at + n] = text.charCodeAt(n);
			}
		}
		put(0, name);
		put(100, '0000600\0');
		put(108, '0000000\0');
		put(116, '0000000\0');
		put(124, size.toString(8).padStart(11, '0') + '\0');
		put(136, '00000000000\0');
		put(148, '        ');
		put(156, '0');
		put(257, 'ustar\0');
		put(263, '00');
		const sum = header.reduce(function (all, byte) {
			return all + byte;
		}, 0);
		put(148, sum.toString(8).padStart(6, '0') + '\0 ');
		return header;
	}

	/** Returns a pack of files; their bytes stay on the disk until it is sent. */
	function pack(members) {
		const parts = [];
		members.forEach(function (one) {
			parts.push(packHeader(one.sha256, one.size), one.file, new Uint8Array(padded(one.size) - one.size));
		});
		parts.push(new Uint8Array(2 * BLOCK));
		return new Blob(parts, {type: 'application/x-tar'});
	}

	/* ---- How long a body may be ---- */

	/** Shorter ones would carry more headers than bytes. */
	const LEAST = 64 * KIB;
	/** A body that takes longer does not become longer still. */
	const QUICK_MS = 4000;
	/** One that takes this long becomes shorter: proxies give up after a minute, often. */
	const SLOW_MS = 20000;
	/** So often one length may fail while shorter ones arrive; then it is never tried again. */
	const MOST_BROKEN = 2;

	/** The length of the next body: it grows while all goes well, and shrinks when something on the way does not take it. */
	class Pace {
		constructor(mostBytes) {
			this.most = powerOfTwo(mostBytes);
			this.bytes = Math.min(MIB, this.most);
			this.broken = {length: 0, times: 0};
			this.hasArrived = false;
		}

		/** A body has arrived. */
		arrived(length, tookMs) {
			this.hasArrived = true;
			if (tookMs >= SLOW_MS) {
				this.halve(length);
			} else if (tookMs < QUICK_MS && length > this.bytes / 2) {
				this.bytes = Math.min(this.bytes * 2, this.most);
			}
		}

		/** Something on the way takes no body of this length; tells whether a shorter one can be tried. */
		tooLong(length) {
			if (length <= LEAST) {
				return false;
			}
			this.most = Math.min(this.most, powerOfTwo(length / 2));
			this.bytes = Math.min(this.bytes, this.most);
			return true;
		}

		/** A body was cut, or nobody answered it. It may have been too long, or the line fails. */
		broke(length) {
			const isAgain = this.hasArrived && length >= this.broken.length;
			this.broken = {length: length, times: isAgain ? this.broken.times + 1 : 1};
			this.hasArrived = false;
			if (this.broken.times >= MOST_BROKEN) {
				this.most = Math.min(this.most, powerOfTwo(length / 2));
			}
			this.halve(length);
		}

		halve(length) {
			this.bytes = Math.min(this.bytes, powerOfTwo(length / 2));
		}
	}

	function powerOfTwo(bytes) {
		return Math.pow(2, Math.floor(Math.log2(Math.max(LEAST, bytes))));
	}

	root.FilesyncSet = {Named: Named, Pace: Pace, Refusal: Refusal, pack: pack, packLength: packLength, readSet: readSet};
})(typeof window === 'undefined' ? globalThis : window);
