/*
 * How /filesync/restore speaks to the upload door of its hub, logged in by the hub's cookie: docs/upload-door.md. Nothing of a page is in here, so that tests run
 * it outside of a browser too.
 */
(function (root) {
	'use strict';

	const {Named, Pace, Refusal, pack, packLength} = root.FilesyncSet;
	const HEADER = 'Filesync-Token';
	/** A request that nobody answers for so long is given up. */
	const PATIENCE_MS = 120000;
	const MOST_WAIT_MS = 30000;
	/** The hub is asked about no more digests at once, and each takes so much of the question. */
	const MOST_DIGESTS = 2000;
	const DIGEST_BYTES = 67;
	/** How many requests are under way at once. */
	const AT_ONCE = 3;
	/** Larger files travel alone. */
	const SMALL_BYTES = 512 * 1024;
	/** A file that does not arrive whole so often is not what was saved. */
	const MOST_WRONG = 2;
	/** Refusals that another try may not meet. */
	const PASSING = ['upload_busy', 'too_many_requests', 'body_cut', 'failed', 'checksum_wrong'];

	/** What the door answered. */
	class Answer {
		constructor(response, said, sentAs) {
			this.sentAs = sentAs;
			this.status = response.status;
			this.code = response.headers.get('Filesync-Error') || '';
			this.isJson = said !== null;
			this.said = said || {};
			const offset = response.headers.get('Upload-Offset');
			this.offset = offset !== null && /^\d{1,16}$/.test(offset) ? Number(offset) : null;
			this.waitMs = 1000 * Math.min(300, Number(response.headers.get('Retry-After')) || 0);
		}

		get isGood() {
			return this.status >= 200 && this.status < 300 && this.code === '';
		}

		/** Something before the hub takes no body of this length. */
		get isTooLong() {
			return this.status === 413 && this.code === '';
		}

		/** Something before the hub takes no such method. */
		get isRefusedOnTheWay() {
			return [403, 405, 501].includes(this.status) && this.code === '';
		}

		/** Something before the hub waited in vain. */
		get isLate() {
			return [408, 502, 504].includes(this.status) && this.code === '';
		}

		get passes() {
			return PASSING.includes(this.code) || this.isLate || (this.code === '' && (this.status >= 500 || this.status === 429));
		}

		refusal() {
			return new Refusal(this.code || 'odd_answer', Object.assign({status: this.status}, this.said));
		}
	}

	/** The door, and the page's own address from which it gets a new token. */
	class Door {
		/**
		 * @param path   Of the door, on this host.
		 * @param source Of the page's state, which has a new token.
		 * @param fetch  As browsers have it.
		 */
		constructor(path, source, token, fetch) {
			this.path = path;
			this.source = source;
			this.token = token;
			this.fetch = fetch;
			this.overrides = false;
		}

		/** Sends one request; throws if nobody answers. */
		async once(method, path, headers, body) {
			const isOverridden = method === 'PATCH' && this.overrides;
			const sentAs = isOverridden ? 'POST' : method;
			const all = Object.assign({[HEADER]: this.token}, isOverridden ? {'X-HTTP-Method-Override': method} : {}, headers);
			const response = await this.request(this.path + path, {method: sentAs, headers: all, body: body});
			const isJson = (response.headers.get('Content-Type') || '').startsWith('application/json');
			return new Answer(response, isJson && method !== 'HEAD' ? await response.json() : null, sentAs);
		}

		async request(url, options) {
			const stop = new AbortController();
			const timer = setTimeout(function () {
				stop.abort();
			}, PATIENCE_MS);
			try {
				const fetch = this.fetch;
				return await fetch(url, Object.assign({credentials: 'same-origin', cache: 'no-store', redirect: 'error', signal: stop.signal}, options));
			} finally {
				clearTimeout(timer);
			}
		}

		/** Sends one request, with a new token if the present one is too old. */
		async send(method, path, headers, body) {
			const answer = await this.once(method, path, headers, body);
			if (answer.code !== 'token_wrong') {
				return answer;
			}
			await this.look();
			return this.once(method, path, headers, body);
		}

		/** Returns what the page's own address says of the restore. */
		async look() {
			const response = await this.request(this.source, {method: 'GET'});
			if (response.status === 403 || response.status === 401) {
				throw new Refusal('logged_out');
			}
			if (!response.ok) {
				throw new TypeError('the page answers ' + response.status);
			}
			const said = await response.json();
			this.token = said.token;
			return said;
		}
	}

	/** Sends files to a session: those that the hub lacks, in packs and pieces, several at once. */
	class Sending {
		/**
		 * @param room   What the hub said when the session began: its limits.
		 * @param watch  `progress(sending)`, `waits(seconds)`, `goesOn()`, `hindered(code, bytes)`.
		 * @param clock  `now()` in milliseconds, `sleep(ms)`.
		 */
		constructor(door, session, room, watch, clock) {
			this.door = door;
			this.path = '/restore/' + session;
			this.watch = watch;
			this.clock = clock;
			this.fileLimit = room.room && room.room.file_bytes ? room.room.file_bytes : Infinity;
			this.pace = new Pace(room.piece_bytes || 8 << 20);
			this.isPaused = false;
			this.damaged = new Named();
			this.tooLarge = new Named();
			this.left = new Set();
			this.requests = 0;
		}

		/** Stops after the requests under way. */
		pause() {
			this.isPaused = true;
			if (this.wake) {
				this.wake();
			}
		}

		/** Goes on at once, if it waits for the hub to answer. */
		hurry() {
			if (this.wake) {
				this.wake();
			}
		}

		/** Sends what the hub lacks of some files; false if it was paused before the end. */
		async send(files) {
			this.isPaused = false;
			this.failure = null;
			this.troubles = 0;
			const lacking = await this.lacking(files.filter((file) => !this.left.has(file.sha256)));
			if (this.isPaused) {
				return false;
			}
			this.all = {files: files.length, bytes: sum(files)};
			const fitting = this.withoutTooLarge(lacking);
			this.done = {files: files.length - fitting.length, bytes: this.all.bytes - sum(fitting)};
			await this.needRoom(fitting);
			this.small = fitting.filter((file) => !file.begun && file.size <= SMALL_BYTES).reverse();
			this.large = fitting.filter((file) => file.begun || file.size > SMALL_BYTES).reverse();
			this.groups = [];
			this.watch.progress(this);
			await Promise.all(Array.from({length: AT_ONCE}, () => this.work()));
			if (this.failure) {
				throw this.failure;
			}
			return !this.isPaused;
		}

		/** Returns those that the hub lacks, each with how much of it is there. */
		async lacking(files) {
			const lacking = [];
			let at = 0;
			while (at < files.length && !this.isPaused) {
				const most = Math.min(MOST_DIGESTS, Math.floor(this.pace.bytes / DIGEST_BYTES) - 1);
				const some = files.slice(at, at + most);
				const said = await this.ask('/lacking', {sha256: some.map((file) => file.sha256)}, true);
				if (said === null) {
					continue;
				}
				at += some.length;
				const named = new Set(said.lacking);
				some.forEach(function (file) {
					if (named.delete(file.sha256)) {
						lacking.push(Object.assign({}, file, {begun: (said.partial && said.partial[file.sha256]) || 0, wrong: 0}));
					}
				});
			}
			return lacking;
		}

		withoutTooLarge(files) {
			return files.filter((file) => {
				const isFit = file.size <= this.fileLimit;
				if (!isFit) {
					this.leave(this.tooLarge, file);
				}
				return isFit;
			});
		}

		leave(named, file) {
			if (!this.left.has(file.sha256)) {
				this.left.add(file.sha256);
				named.add(file.name);
			}
		}

		async needRoom(files) {
			const fresh = files.filter((file) => !file.begun);
			if (fresh.length) {
				await this.ask('/room', {bytes: sum(fresh), largest: fresh.reduce((most, file) => Math.max(most, file.size), 0)});
			}
		}

		/**
		 * Asks with JSON until there is an answer; throws what the door refuses.
		 *
		 * @param canBeShorter Returns null where the question is too long for something on the way, and shorter ones are not.
		 */
		async ask(path, content, canBeShorter) {
			const body = JSON.stringify(content);
			for (;;) {
				const answer = await this.attempt(() => this.door.send('POST', this.path + path, {'Content-Type': 'application/json'}, body));
				if (this.isPaused) {
					return {};
				}
				if (answer && answer.isGood && answer.isJson) {
					this.arrived();
					return answer.said;
				}
				if (answer && answer.isTooLong && canBeShorter) {
					this.shorten(body.length);
					return null;
				}
				if (answer && !answer.passes && !answer.isGood) {
					throw answer.refusal();
				}
				await this.rest(answer ? answer.waitMs : 0);
			}
		}

		/** Returns the answer of a request; null if nobody answered. */
		async attempt(request) {
			this.requests += 1;
			try {
				return await request();
			} catch (error) {
				if (error instanceof Refusal) {
					throw error;
				}
				return null;
			}
		}

		arrived() {
			if (this.troubles > 0) {
				this.troubles = 0;
				this.watch.goesOn();
			}
		}

		/** Waits after a failure, longer each time, until it is told to hurry or to pause. */
		async rest(waitMs) {
			const ms = Math.max(waitMs, Math.min(MOST_WAIT_MS, 1000 * Math.pow(2, Math.min(10, this.troubles))));
			this.troubles += 1;
			if (this.isPaused) {
				return;
			}
			this.watch.waits(Math.ceil(ms / 1000));
			const woken = this.woken = this.woken || new Promise((wake) => {
				this.wake = wake;
			});
			await Promise.race([this.clock.sleep(ms), woken]);
			if (this.woken === woken) {
				this.woken = this.wake = null;
			}
		}

		/** Sends one thing after the other until nothing is left. */
		async work() {
			try {
				while (!this.isPaused && !this.failure) {
					const group = this.groups.pop() || this.nextGroup();
					if (group) {
						await this.sendPack(group);
					} else if (this.large.length) {
						await this.sendPieces(this.large.pop());
					} else {
						return;
					}
				}
			} catch (error) {
				this.failure = this.failure || error;
				this.hurry();
			}
		}

		/** Takes as many small files as go into one body. */
		nextGroup() {
			const group = [];
			let length = packLength([]);
			while (this.small.length) {
				const file = this.small[this.small.length - 1];
				const more = packLength([file.size]) - packLength([]);
				if (group.length && length + more > this.pace.bytes) {
					break;
				}
				// Packs may have become shorter meanwhile.
				if (!group.length && length + more > this.pace.bytes) {
					this.large.push(this.small.pop());
					continue;
				}
				length += more;
				group.push(this.small.pop());
			}
			return group.length ? group : null;
		}

		async sendPack(group) {
			const body = pack(group);
			const begun = this.clock.now();
			const answer = await this.attempt(() => this.door.send('POST', this.path + '/pack', {'Content-Type': 'application/x-tar'}, body));
			if (answer && answer.isGood && answer.said.taken === group.length) {
				this.pace.arrived(body.size, this.clock.now() - begun);
				this.arrived();
				group.forEach((file) => this.count(file.size));
				this.countFiles(group.length);
				return;
			}
			if (answer && answer.code === 'digest_wrong') {
				this.halve(group);
			} else if (answer && answer.code === 'size_differs') {
				group.forEach((file) => this.large.push(file));
			} else if (answer && answer.isTooLong) {
				this.shorten(body.size);
				this.small.push(...group);
			} else if (!answer || answer.passes || answer.isGood) {
				if (!answer || answer.isLate) {
					this.pace.broke(body.size);
				}
				const readable = await this.readable(group);
				this.small.push(...readable);
				if (readable.length === group.length) {
					await this.rest(answer ? answer.waitMs : 0);
				}
			} else {
				throw answer.refusal();
			}
		}

		/** One file of a pack is not what was saved: halves of it say which. */
		halve(group) {
			if (group.length === 1) {
				this.setAside(group[0]);
				return;
			}
			const middle = Math.ceil(group.length / 2);
			this.groups.push(group.slice(0, middle), group.slice(middle));
		}

		/** A file that cannot be sent is left out, and the others go on. */
		setAside(file) {
			this.leave(this.damaged, file);
			this.all.files -= 1;
			this.all.bytes -= file.size;
			this.watch.progress(this);
		}

		shorten(length) {
			if (!this.pace.tooLong(length)) {
				throw new Refusal('body_limit', {limit_bytes: length});
			}
			this.watch.hindered('body_limit', this.pace.bytes);
		}

		/** Returns those files that can still be read; one that was changed since the folder was chosen cannot. */
		async readable(files) {
			const readable = [];
			for (const file of files) {
				try {
					await file.file.slice(0, 1).arrayBuffer();
					readable.push(file);
				} catch (error) {
					this.setAside(file);
				}
			}
			return readable;
		}

		/** Sends a file in pieces, from where the hub has it. */
		async sendPieces(file) {
			// Null: the hub does not know it yet.
			let offset = file.begun > 0 ? file.begun : null;
			let counted = this.count(offset || 0);
			while (!this.isPaused && !this.failure) {
				const at = offset || 0;
				const piece = file.file.slice(at, Math.min(file.size, at + this.pace.bytes));
				const begun = this.clock.now();
				const answer = await this.attempt(() => this.sendPiece(file, offset, piece));
				if (answer && answer.isGood && answer.offset !== null && answer.offset <= file.size) {
					if (answer.offset === at + piece.size) {
						this.pace.arrived(piece.size, this.clock.now() - begun);
					}
					this.arrived();
					counted += this.count(answer.offset - at);
					offset = answer.offset;
					if (offset === file.size) {
						this.countFiles(1);
						return;
					}
					continue;
				}
				offset = await this.afterFailure(file, offset, piece, answer);
				if (offset === undefined) {
					this.count(-counted);
					return;
				}
				counted += this.count((offset || 0) - at);
			}
			// It goes on there later.
			if (!this.failure) {
				this.large.push(Object.assign(file, {begun: offset || 0}));
			}
		}

		/** Decides where to go on after a piece did not arrive; undefined: nowhere. */
		async afterFailure(file, offset, piece, answer) {
			if (answer && answer.code === 'file_too_large') {
				this.leave(this.tooLarge, file);
				this.all.files -= 1;
				this.all.bytes -= file.size;
				return undefined;
			}
			if (answer && answer.isTooLong) {
				this.shorten(piece.size);
				return offset;
			}
			if (answer && answer.sentAs === 'PATCH' && answer.isRefusedOnTheWay) {
				if (!this.door.overrides) {
					this.door.overrides = true;
					this.watch.hindered('patch_refused', 0);
				}
				return offset;
			}
			if (answer && answer.code === 'digest_wrong') {
				file.wrong += 1;
				if (file.wrong >= MOST_WRONG) {
					this.setAside(file);
					return undefined;
				}
				return null;
			}
			if (answer && answer.code === 'size_differs') {
				this.setAside(file);
				return undefined;
			}
			if (answer && !answer.passes && !answer.isGood && !['offset_differs', 'no_upload'].includes(answer.code)) {
				throw answer.refusal();
			}
			if (!answer || answer.isLate) {
				this.pace.broke(piece.size);
			}
			if (!(await this.readable([file])).length) {
				return undefined;
			}
			if (!answer || answer.passes || answer.isGood) {
				await this.rest(answer ? answer.waitMs : 0);
			}
			return this.offset(file, offset);
		}

		sendPiece(file, offset, piece) {
			const headers = {'Tus-Resumable': '1.0.0', 'Content-Type': 'application/offset+octet-stream'};
			if (offset === null) {
				headers['Upload-Length'] = String(file.size);
				headers['Upload-Metadata'] = 'sha256 ' + root.btoa(file.sha256);
				return this.door.send('POST', this.path + '/upload', headers, piece);
			}
			headers['Upload-Offset'] = String(offset);
			return this.door.send('PATCH', this.path + '/upload/' + file.sha256, headers, piece);
		}

		/** Asks how much of a file the hub has; null: it does not know it. */
		async offset(file, before) {
			while (!this.isPaused && !this.failure) {
				const answer = await this.attempt(() => this.door.send('HEAD', this.path + '/upload/' + file.sha256, {'Tus-Resumable': '1.0.0'}));
				if (answer && answer.code === 'no_upload') {
					return null;
				}
				if (answer && answer.isGood && answer.offset !== null && answer.offset <= file.size) {
					this.arrived();
					return answer.offset;
				}
				if (answer && !answer.passes) {
					throw answer.refusal();
				}
				await this.rest(answer ? answer.waitMs : 0);
			}
			return before;
		}

		count(bytes) {
			this.done.bytes += bytes;
			this.watch.progress(this);
			return bytes;
		}

		countFiles(count) {
			this.done.files += count;
			this.watch.progress(this);
		}
	}

	function sum(files) {
		return files.reduce((all, file) => all + file.size, 0);
	}

	/** How fast bytes arrived within the last seconds, and how long the rest takes. */
	class Rate {
		constructor() {
			this.marks = [];
		}

		/** Notes how many bytes are there at a time in milliseconds. */
		note(now, bytes) {
			this.marks.push({now: now, bytes: bytes});
			while (this.marks.length > 2 && now - this.marks[1].now > Rate.WINDOW_MS) {
				this.marks.shift();
			}
		}

		/** Bytes in a second; 0: not known yet. */
		perSecond() {
			const first = this.marks[0];
			const last = this.marks[this.marks.length - 1];
			const took = last ? last.now - first.now : 0;
			return took < 1000 ? 0 : Math.max(0, 1000 * (last.bytes - first.bytes) / took);
		}

		/** Seconds until so many more are there; null: not known. */
		secondsLeft(bytes) {
			const rate = this.perSecond();
			return rate > 0 ? Math.ceil(bytes / rate) : null;
		}
	}
	Rate.WINDOW_MS = 15000;

	root.FilesyncDoor = {Answer: Answer, Door: Door, Rate: Rate, Sending: Sending};
})(typeof window === 'undefined' ? globalThis : window);
