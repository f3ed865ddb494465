/*
 * The page /filesync/restore: a person chooses the folder of a backup set, sees what the hub would restore of it, and has it sent and restored. What it says are
 * the hub's own texts, in its language.
 */
(function () {
	'use strict';

	const LOOK_MS = 1500;
	const SHOW_MS = 250;
	const UNITS = [['GiB', 1 << 30], ['MiB', 1 << 20], ['KiB', 1 << 10]];
	/** What a plan may be asked again with. */
	const OPTIONS = {replace: 'filesync_replace', deleted: 'filesync_deleted', trust: 'filesync_trust'};

	/** Waits so long. */
	function sleep(ms) {
		return new Promise(function (done) {
			window.setTimeout(done, ms);
		});
	}

	function number(value) {
		return Math.round(value).toLocaleString('en-US');
	}

	function size(bytes) {
		const unit = UNITS.find(function (one) {
			return bytes >= one[1];
		});
		return unit ? (bytes / unit[1]).toFixed(1) + ' ' + unit[0] : number(bytes) + ' B';
	}

	class SendPage {
		constructor(page) {
			const {Door} = window.FilesyncDoor;
			this.page = page;
			this.texts = JSON.parse(page.dataset.texts);
			this.door = new Door(page.dataset.door, page.dataset.source, page.dataset.token, window.fetch.bind(window));
			this.folder = this.part('folder');
			this.lastShown = 0;
			this.lastTold = -1;
			this.listen();
		}

		part(name) {
			return document.getElementById('filesync-send-' + name);
		}

		/** Returns a text of the hub with values in it. */
		text(key) {
			const values = Array.from(arguments).slice(1);
			let next = 0;
			return (this.texts[key] || key).replace(/%(?:(\d)\$)?s/g, function (all, place) {
				next += 1;
				return String(values[place ? place - 1 : next - 1]);
			});
		}

		duration(seconds) {
			if (seconds < 60) {
				return this.text('seconds', Math.max(1, seconds));
			}
			return seconds < 7200 ? this.text('minutes', Math.ceil(seconds / 60)) : this.text('hours', Math.round(seconds / 3600));
		}

		listen() {
			this.folder.addEventListener('change', () => {
				if (this.folder.files.length) {
					this.run(() => this.choose(this.folder.files));
				}
			});
			this.part('copy').addEventListener('click', () => this.run(() => this.prepare(true)));
			this.part('pause').addEventListener('click', () => this.pause());
			this.part('on').addEventListener('click', () => this.run(() => this.resume()));
			this.part('end').addEventListener('click', () => this.run(() => this.end()));
			this.part('other').addEventListener('click', () => this.run(() => this.end()));
			this.part('plan').addEventListener('submit', (event) => {
				event.preventDefault();
				const name = event.submitter ? event.submitter.name : '';
				this.run(() => this.press(name));
			});
			window.addEventListener('online', () => {
				if (this.sending) {
					this.sending.hurry();
				}
			});
			window.addEventListener('beforeunload', (event) => {
				if (this.isSending) {
					event.preventDefault();
					event.returnValue = '';
				}
			});
		}

		/** Does something to its end; a refusal becomes words. */
		async run(step) {
			const turn = this.turn = {};
			this.alert('');
			try {
				await step();
			} catch (error) {
				if (turn !== this.turn) {
					return;
				}
				this.isSending = false;
				this.show('move', Boolean(this.resume));
				if (this.resume) {
					// Whoever did what the words say may go on.
					this.title(this.text('paused'));
					this.note('');
					this.buttons('on');
				}
				this.refuse(error);
			}
		}

		/** Looks what is under way, when the page is opened. */
		async open() {
			this.page.hidden = false;
			const said = await this.look();
			if (!said.session) {
				return;
			}
			this.session = said.session.session;
			const own = {box: 'box_under_way', drill: 'drill_under_way'}[said.door];
			if (said.session.state === 'open' || said.session.state === 'planning' || said.door === 'drill') {
				this.show('running', true);
				this.part('running-text').textContent = own ? this.text(own) : this.text('under_way', number(said.session.received.files), size(said.session.received.bytes));
				this.part('other').hidden = false;
				this.part('plan').hidden = true;
			} else {
				await this.follow();
			}
		}

		/* ---- What is in the folder ---- */

		async choose(files) {
			this.set = this.sending = this.resume = null;
			this.show('about', false);
			this.show('left', false);
			this.show('plan', false);
			this.busy(this.text('reading'), null);
			this.set = await window.FilesyncSet.readSet(files, (read, all) => {
				this.busy(this.text('reading_of', number(read), number(all)), all ? read / all : 0);
			});
			this.show('move', false);
			this.showSet();
			if (this.isOthers()) {
				this.say(this.part('copy-text').textContent);
			} else {
				await this.prepare(false);
			}
		}

		isOthers() {
			const channel = this.set.about.channel || {};
			return channel.hash !== this.page.dataset.channel;
		}

		address() {
			const channel = this.set.about.channel || {};
			const host = /^https?:\/\/([^/]+)/.exec(String((this.set.about.origin || {}).url || ''));
			return String(channel.nick || '?') + (host ? '@' + host[1] : '');
		}

		showSet() {
			const set = this.set;
			const made = String(set.about.updated || '').slice(0, 16).replace('T', ' ');
			this.list('about-lines', [
				this.text('set_of', this.address(), made),
				this.text('set_has', number(set.files), size(set.bytes), number(set.folders))
			]);
			this.named('missing', set.missing);
			this.named('damaged', set.damaged);
			this.named('extra', set.extra);
			this.part('copy-box').hidden = !this.isOthers();
			this.part('copy-text').textContent = this.text('set_other_channel', this.address());
			this.show('about', true);
		}

		list(name, lines) {
			const list = this.part(name);
			list.replaceChildren(...lines.filter(Boolean).map(function (line) {
				const item = document.createElement('li');
				item.textContent = line;
				item.className = 'text-break';
				return item;
			}));
		}

		/** Shows how many of a sort there are, with the first names. */
		named(name, named) {
			this.part(name).hidden = named.count === 0;
			this.part(name + '-count').textContent = this.text(name, number(named.count));
			const more = named.count - named.names.length;
			this.list(name + '-names', named.names.concat(more > 0 ? [this.text('more', number(more))] : []));
		}

		/* ---- What would be restored ---- */

		/** Begins, sends what says what the set has, and has the hub count. */
		async prepare(asCopy) {
			this.asCopy = asCopy;
			this.part('copy-box').hidden = true;
			this.show('running', false);
			this.busy(this.text('beginning'), null);
			const begun = await this.begin();
			this.session = begun.session;
			if (begun.state === 'restoring' || begun.state === 'ending') {
				await this.follow();
				return;
			}
			await this.counted();
			this.sending = new window.FilesyncDoor.Sending(this.door, begun.session, begun, this.watch('sending_lists'), {now: () => performance.now(), sleep: sleep});
			await this.sendLists();
		}

		/** Begins, or goes on with what was begun with this set. */
		begin() {
			const about = this.set.about;
			return this.ask('/restore', {
				set: {filesync_set: about.filesync_set, channel: {hash: (about.channel || {}).hash || ''}},
				lists: this.set.proofs,
				as_copy: this.asCopy
			});
		}

		async sendLists() {
			const isWhole = await this.transfer('sending_lists', this.set.lists.concat(this.set.metadata), () => this.sendLists());
			if (isWhole) {
				await this.plan({});
			}
		}

		/** Has the hub count what it would do with some options. */
		async plan(options) {
			const turn = this.turn;
			this.busy(this.text('counting'), null);
			this.show('plan', false);
			await this.ask(`/restore/${this.session}/plan`, {options: Object.assign({as_copy: this.asCopy}, options)});
			const session = await this.counted();
			if (turn !== this.turn) {
				return;
			}
			if (!session || !session.plan) {
				throw new window.FilesyncSet.Refusal((session && session.code) || 'ended', session || {});
			}
			this.planned = options;
			this.show('move', false);
			this.part('plan').hidden = false;
		}

		/** Waits until the hub has counted; returns what it says of the session. */
		async counted() {
			for (;;) {
				const said = await this.look();
				if (!said.session || said.session.state !== 'planning') {
					return said.session;
				}
				await sleep(LOOK_MS);
			}
		}

		/** Returns what is chosen beneath the plan. */
		options() {
			const form = this.part('plan');
			const chosen = {without: Array.from(form.querySelectorAll('[name="filesync_without[]"]:checked'), (box) => box.value)};
			Object.keys(OPTIONS).forEach(function (name) {
				const box = form.querySelector('[name="' + OPTIONS[name] + '"]');
				chosen[name] = Boolean(box && box.checked);
			});
			return chosen;
		}

		isPlanned(chosen) {
			const of = Object.assign({replace: false, deleted: false, trust: false, without: []}, this.planned);
			return Object.keys(OPTIONS).every((name) => chosen[name] === of[name]) && chosen.without.slice().sort().join('\n') === of.without.slice().sort().join('\n');
		}

		/** A button beneath the plan, or beneath what the hub does. */
		async press(name) {
			if (name === 'filesync_cancel') {
				await this.end();
				return;
			}
			const chosen = this.options();
			if (name === 'filesync_change' || !this.isPlanned(chosen)) {
				await this.plan(chosen);
				if (name === 'filesync_start') {
					this.say(this.text('counted_first'));
				}
				return;
			}
			this.chosen = chosen;
			await this.sendData();
		}

		/* ---- Sending ---- */

		async sendData() {
			this.part('plan').hidden = true;
			const isWhole = await this.transfer('sending', this.set.data, () => this.sendData());
			if (isWhole) {
				this.resume = null;
				this.busy(this.text('finishing'), null);
				await this.ask(`/restore/${this.session}/finish`, {options: Object.assign({as_copy: this.asCopy}, this.chosen)});
				await this.follow();
			}
		}

		/** Sends files; false if it was paused. What goes on afterwards is kept for then. */
		async transfer(title, files, resume) {
			const turn = this.turn;
			this.resume = resume;
			this.rate = new window.FilesyncDoor.Rate();
			this.sending.watch = this.watch(title);
			this.isSending = this.folder.disabled = true;
			this.title(this.text(title));
			this.part('bar').removeAttribute('value');
			this.part('numbers').textContent = '';
			this.note('');
			this.show('move', true);
			this.buttons('pause');
			this.lastTold = -1;
			this.say(this.text(title));
			let isWhole = false;
			try {
				isWhole = await this.sending.send(files);
			} finally {
				this.isSending = this.folder.disabled = false;
				this.showLeft();
			}
			if (turn !== this.turn) {
				return false;
			}
			if (!isWhole) {
				const {all, done} = this.sending;
				this.title(this.text('paused'));
				this.part('numbers').textContent = done ? this.numbers(all, done) : '';
				this.say(this.text('paused'));
				this.note('');
				this.buttons('on');
			}
			return isWhole;
		}

		/** Stops after the requests under way. */
		pause() {
			if (this.sending && this.isSending) {
				this.sending.pause();
				this.title(this.text('pausing'));
			}
		}

		watch(title) {
			return {
				progress: (sending) => this.progress(sending),
				waits: (seconds) => {
					this.note(this.text('hub_unreachable', this.duration(seconds)));
					this.say(this.text('hub_unreachable', this.duration(seconds)));
				},
				goesOn: () => {
					this.note('');
					this.say(this.text(title));
				},
				hindered: (code, bytes) => this.note(this.text(code, size(bytes)))
			};
		}

		progress(sending) {
			const now = performance.now();
			const {all, done} = sending;
			this.rate.note(now, done.bytes);
			if (now - this.lastShown < SHOW_MS && done.bytes < all.bytes) {
				return;
			}
			this.lastShown = now;
			const share = all.bytes > 0 ? done.bytes / all.bytes : 1;
			const seconds = this.rate.secondsLeft(all.bytes - done.bytes);
			const numbers = this.numbers(all, done);
			const rate = seconds === null ? '' : ', ' + this.text('rate', size(this.rate.perSecond()), this.duration(seconds));
			this.part('bar').value = share;
			this.part('bar').textContent = Math.floor(100 * share) + ' %';
			this.part('numbers').textContent = numbers + rate;
			const tenth = Math.floor(10 * share);
			if (tenth > this.lastTold) {
				this.lastTold = tenth;
				this.say(10 * tenth + ' %, ' + numbers);
			}
		}

		numbers(all, done) {
			return this.text('numbers', number(done.files), number(all.files), size(done.bytes), size(all.bytes));
		}

		/** Names what could not be sent. */
		showLeft() {
			if (!this.sending) {
				return;
			}
			this.named('unsent', this.sending.damaged);
			this.named('large', this.sending.tooLarge);
			this.show('left', this.sending.damaged.count + this.sending.tooLarge.count > 0);
		}

		/* ---- The hub restores it ---- */

		async follow() {
			this.show('move', false);
			this.part('plan').hidden = false;
			const turn = this.turn;
			let wasLive = false;
			for (;;) {
				const said = await this.look();
				if (turn !== this.turn) {
					return;
				}
				const state = said.session ? said.session.state : '';
				if (state !== 'restoring' && state !== 'ending') {
					if (wasLive || state !== '') {
						this.over(said);
					}
					return;
				}
				wasLive = true;
				await sleep(LOOK_MS);
			}
		}

		over(said) {
			this.folder.value = '';
			this.set = this.resume = null;
			this.show('about', false);
			if (said.session && said.session.code) {
				this.refuse(new window.FilesyncSet.Refusal(said.session.code, {message: said.session.message}));
			}
			const title = document.getElementById('filesync-restore-title');
			if (title) {
				title.tabIndex = -1;
				title.focus();
			}
		}

		/** Ends what was begun: its bytes go, what was restored stays. */
		async end() {
			if (this.sending) {
				this.sending.pause();
			}
			const answer = this.session ? await this.door.send('DELETE', '/restore/' + this.session, {}) : null;
			this.show('running', false);
			this.show('move', false);
			if (answer && answer.status === 202) {
				await this.follow();
				return;
			}
			if (answer && !answer.isGood && answer.code !== 'no_session') {
				throw answer.refusal();
			}
			this.folder.value = '';
			this.session = this.set = this.sending = this.resume = null;
			this.show('about', false);
			this.show('left', false);
			await this.look();
			this.part('plan').hidden = true;
			this.say(this.text('nothing'));
			this.folder.focus();
		}

		/* ---- The hub is asked ---- */

		/** Sends JSON until it is answered. */
		async ask(path, content) {
			for (let tries = 0; ; tries += 1) {
				let answer = null;
				try {
					answer = await this.door.send('POST', path, {'Content-Type': 'application/json'}, JSON.stringify(content));
				} catch (error) {
					if (error instanceof window.FilesyncSet.Refusal) {
						throw error;
					}
				}
				if (answer && answer.isGood && answer.isJson) {
					return answer.said;
				}
				// An answer was lost, and the hub has begun.
				if (answer && answer.code === 'restoring') {
					return answer.said;
				}
				if (answer && !answer.passes && !answer.isGood) {
					throw answer.refusal();
				}
				await this.waitFor(tries);
			}
		}

		/** Looks how far the hub is, and shows that, until it answers. */
		async look() {
			for (let tries = 0; ; tries += 1) {
				let said = null;
				try {
					said = await this.door.look();
				} catch (error) {
					if (error instanceof window.FilesyncSet.Refusal) {
						throw error;
					}
				}
				if (said) {
					this.showState(said);
					return said;
				}
				await this.waitFor(tries);
			}
		}

		/** Shows what the hub says of its part. */
		showState(said) {
			const fresh = document.createElement('div');
			fresh.innerHTML = said.html;
			window.FilesyncPage.morphChildren(this.part('state'), fresh);
			this.note('');
			if (said.say) {
				this.say(said.say);
			}
		}

		async waitFor(tries) {
			const seconds = Math.min(30, Math.pow(2, tries));
			this.show('move', true);
			this.note(this.text('hub_unreachable', this.duration(seconds)));
			await sleep(1000 * seconds);
		}

		/* ---- What is shown ---- */

		show(name, isShown) {
			this.part(name).hidden = !isShown;
		}

		title(text) {
			this.part('title').textContent = text;
		}

		/** Shows that something is done that cannot be paused. */
		busy(text, share) {
			this.title(text);
			this.part('numbers').textContent = '';
			this.note('');
			if (share === null) {
				this.part('bar').removeAttribute('value');
			} else {
				this.part('bar').value = share;
			}
			this.buttons('');
			this.show('move', true);
			if (share === null) {
				this.say(text);
			}
		}

		/** Shows the buttons that fit, and keeps the focus where a person is. */
		buttons(which) {
			const active = document.activeElement;
			const wasHere = active === document.body || active === this.part('pause') || active === this.part('on') || this.part('plan').contains(active);
			this.part('pause').hidden = which !== 'pause';
			this.part('on').hidden = which !== 'on';
			this.part('end').hidden = which === '';
			if (which !== '' && wasHere) {
				this.part(which).focus();
			}
		}

		note(text) {
			this.part('note').textContent = text;
			this.part('note').hidden = text === '';
		}

		/** Reads a line out to whoever does not see the page. */
		say(line) {
			if (this.part('say').textContent !== line) {
				this.part('say').textContent = line;
			}
		}

		alert(line) {
			this.part('alert').textContent = line;
			this.part('alert').hidden = line === '';
			this.part('other').hidden = true;
		}

		refuse(error) {
			const facts = error.facts || {};
			if (!error.code) {
				this.alert(this.text('fault', String(error.message || error)));
				return;
			}
			const text = this.texts[error.code];
			const values = {
				set_newer: [facts.format, facts.reads],
				set_is_archive: [facts.name],
				set_damaged: [facts.name],
				path_refused: [facts.path],
				quota_short: [size(facts.needed_bytes), size(facts.left_bytes), size(facts.short_bytes)],
				disk_short: [size(facts.needed_bytes), size(facts.left_bytes), size(facts.short_bytes)],
				body_limit: [size(facts.limit_bytes)]
			}[error.code] || [];
			this.alert(text && values.every((value) => value !== undefined) ? this.text(error.code, ...values) : this.text('refused', facts.message || error.code));
			if (facts.session) {
				this.session = facts.session;
				this.part('other').hidden = false;
			}
		}
	}

	function start() {
		const page = document.getElementById('filesync-send');
		if (page && window.fetch && window.FilesyncDoor) {
			const send = new SendPage(page);
			send.run(() => send.open());
		}
	}

	if (document.readyState === 'loading') {
		document.addEventListener('DOMContentLoaded', start);
	} else {
		start();
	}
})();
