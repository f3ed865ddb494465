/*
 * The scripts of /filesync/restore outside of a browser: sets that are read, packs, the length of bodies, and sending to a door that fails in every way.
 *
 *     node --test tests/doors/page.test.js
 */
'use strict';

const assert = require('node:assert');
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');
const vm = require('node:vm');

for (const name of ['filesync-set', 'filesync-door']) {
	vm.runInThisContext(fs.readFileSync(path.join(__dirname, `../../php/view/js/${name}.js`), 'utf8'), {filename: `${name}.js`});
}
const {Pace, pack, packLength, readSet} = globalThis.FilesyncSet;
const {Door, Rate, Sending} = globalThis.FilesyncDoor;
const MIB = 1 << 20;

function digest(bytes) {
	return crypto.createHash('sha256').update(bytes).digest('hex');
}

/** A file as browsers give it. */
function file(place, bytes) {
	const made = new File([bytes], path.basename(place));
	Object.defineProperty(made, 'webkitRelativePath', {value: place});
	return made;
}

/* ---- Sets ---- */

/** Returns the files of a set, by path, that the test may change before they are listed. */
function setOf(contents) {
	const files = new Map();
	const lines = [];
	for (const [name, bytes] of Object.entries(contents)) {
		const hash = crypto.createHash('md5').update(name).digest('hex');
		const place = `data/files/${name}`;
		const metadata = {filesync_set: 1, kind: 'file', hash: hash, attach: [{filename: 'Photos'}, {filename: name}], parts: [{role: 'original', size: Buffer.byteLength(bytes), sha256: digest(bytes), path: place}]};
		for (const [where, what] of [[place, bytes], [`data/metadata/${hash.slice(0, 2)}/${hash}.json`, JSON.stringify(metadata)]]) {
			files.set(where, what);
			lines.push(`${digest(what)}  ${where}\n`);
		}
	}
	files.set('manifest-sha256.txt', lines.join(''));
	files.set('set.json', JSON.stringify({filesync_set: 1, channel: {hash: 'h', nick: 'alice'}}));
	files.set('tagmanifest-sha256.txt', ['manifest-sha256.txt', 'set.json'].map((name) => `${digest(files.get(name))}  ${name}\n`).join(''));
	return files;
}

function chosen(files, folder) {
	return Array.from(files, ([place, bytes]) => file(`${folder || 'backup'}/${place}`, bytes));
}

function read(files) {
	return readSet(files, () => {});
}

function refuses(files, code) {
	return assert.rejects(read(files), (error) => error.code === code || assert.fail(`${error.code || error.stack}, not ${code}`));
}

test('a set is read: what describes it, and what has its bytes', async () => {
	const files = setOf({'a.jpg': 'one', 'ü.jpg': 'two', 'c.jpg': 'one'});
	files.set('data/files/left over.txt', 'x');
	files.set('data/files/.DS_Store', 'x');
	const set = await read(chosen(files, 'Users/me/backup'));
	assert.deepStrictEqual([set.files, set.metadata.length, set.data.length, set.bytes], [3, 3, 2, 6], 'equal bytes are sent once');
	assert.deepStrictEqual(set.lists.map((one) => one.name), ['tagmanifest-sha256.txt', 'manifest-sha256.txt', 'set.json']);
	assert.strictEqual(set.proofs['tagmanifest-sha256.txt'], digest(files.get('tagmanifest-sha256.txt')));
	assert.deepStrictEqual(set.extra.names, ['data/files/left over.txt']);
	assert.strictEqual(set.data[0].name, 'Photos/a.jpg');
});

test('names in another Unicode form are found', async () => {
	const files = setOf({'ü.jpg': 'two'});
	const set = await read(Array.from(files, ([place, bytes]) => file(`backup/${place}`.normalize('NFD'), bytes)));
	assert.deepStrictEqual([set.data.length, set.missing.count], [1, 0]);
});

test('what is missing or has another size is counted and named', async () => {
	const files = setOf({'a.jpg': 'one', 'b.jpg': 'two', 'c.jpg': 'three'});
	files.delete('data/files/a.jpg');
	files.set('data/files/b.jpg', 'twoo');
	const set = await read(chosen(files));
	assert.deepStrictEqual([set.missing.names, set.damaged.names, set.data.length], [['Photos/a.jpg'], ['Photos/b.jpg'], 1]);
	files.set('data/metadata/aa/aa.json', '{"kind": ');
	files.set('manifest-sha256.txt', `${files.get('manifest-sha256.txt')}${'0'.repeat(64)}  data/metadata/aa/aa.json\n${'0'.repeat(64)}  data/metadata/bb/bb.json\n`);
	const worse = await read(chosen(files));
	assert.deepStrictEqual([worse.damaged.names[1], worse.missing.names[0], worse.data.length], ['data/metadata/aa/aa.json', 'data/metadata/bb/bb.json', 1]);
	const many = setOf(Object.fromEntries(Array.from({length: 250}, (_, n) => [`${n}.jpg`, `${n}`])));
	Array.from(many.keys()).filter((place) => place.startsWith('data/files')).forEach((place) => many.delete(place));
	const lost = (await read(chosen(many))).missing;
	assert.deepStrictEqual([lost.count, lost.names.length], [250, 100]);
});

test('bytes that were moved within the set are found by their digest', async () => {
	const files = setOf({'a.jpg': 'one', 'b.jpg': 'one'});
	files.delete('data/files/a.jpg');
	const set = await read(chosen(files));
	assert.deepStrictEqual([set.missing.count, set.data.length], [0, 1]);
});

test('what cannot be read is refused by its word', async () => {
	const whole = () => setOf({'a.jpg': 'one'});
	const without = (name) => {
		const files = whole();
		files.delete(name);
		return chosen(files);
	};
	const withFile = (name, bytes) => chosen(whole().set(name, bytes));
	await refuses([], 'no_set');
	await refuses([file('backup/backup.tar.gz', 'x')], 'set_is_archive');
	await refuses(chosen(whole(), 'all/one').concat(chosen(whole(), 'all/two')), 'many_sets');
	await refuses(withFile('set.json', '{"filesync_set": 2}'), 'set_newer');
	await refuses(withFile('set.json', '{"filesync_set":'), 'set_damaged');
	await refuses(without('manifest-sha256.txt'), 'set_damaged');
	await refuses(withFile('fetch.txt', 'x'), 'path_refused');
	await refuses(withFile('run.json.partial', '{"state": "in"}'), 'set_cut_off');
	for (const line of ['x', `${'0'.repeat(64)}  /etc/passwd`, `${'0'.repeat(64)}  data/../x`, `${'0'.repeat(64)}  data/a\u0000b`, `${'0'.repeat(64)}  data//x`, `${'0'.repeat(64)}  set.json`]) {
		await refuses(withFile('manifest-sha256.txt', `${line}\n`), 'path_refused');
	}
	assert.strictEqual((await read(withFile('run.json.partial', '{"state": "arriving"}'))).files, 1);
	assert.strictEqual((await read(withFile('data/set.json', '{}'))).files, 1, 'a file of that name deeper down');
});

/* ---- Packs ---- */

test('a pack is what tar reads', async () => {
	const contents = ['hello', '', 'x'.repeat(512), 'y'.repeat(513)];
	const members = contents.map((bytes) => ({sha256: digest(bytes), size: bytes.length, file: new Blob([bytes])}));
	const body = Buffer.from(await pack(members).arrayBuffer());
	assert.strictEqual(body.length, packLength(contents.map((bytes) => bytes.length)));
	const folder = fs.mkdtempSync(path.join(require('node:os').tmpdir(), 'filesync-pack-'));
	try {
		fs.writeFileSync(path.join(folder, 'pack.tar'), body);
		require('node:child_process').execFileSync('tar', ['xf', 'pack.tar'], {cwd: folder});
		contents.forEach((bytes) => assert.strictEqual(fs.readFileSync(path.join(folder, digest(bytes)), 'utf8'), bytes));
		assert.strictEqual(fs.readdirSync(folder).length, contents.length + 1);
	} finally {
		fs.rmSync(folder, {recursive: true});
	}
});

/* ---- Pace ---- */

test('bodies grow while they arrive quickly', () => {
	const pace = new Pace(8 * MIB);
	for (const expected of [1, 2, 4, 8, 8]) {
		assert.strictEqual(pace.bytes, expected * MIB);
		pace.arrived(pace.bytes, 0);
	}
	const slow = new Pace(8 * MIB);
	slow.arrived(MIB, 5000);
	slow.arrived(100, 0);
	assert.strictEqual(slow.bytes, MIB, 'slow, or the short end of a file');
	slow.arrived(MIB, 30000);
	assert.strictEqual(slow.bytes, MIB / 2);
});

test('what is refused as too long is never tried again', () => {
	const pace = new Pace(8 * MIB);
	const tried = [];
	for (let n = 0; n < 30; n += 1) {
		tried.push(pace.bytes);
		if (pace.bytes > 128 << 10) {
			assert.ok(pace.tooLong(pace.bytes));
		} else {
			pace.arrived(pace.bytes, 0);
		}
	}
	assert.deepStrictEqual(tried.slice(0, 4), [MIB, MIB / 2, MIB / 4, MIB / 8]);
	assert.ok(tried.slice(4).every((length) => length === MIB / 8));
	assert.ok(! new Pace(8 * MIB).tooLong(64 << 10));
});

test('a line that fails makes them shorter for a while, and one that fails at a length for good', () => {
	const pace = new Pace(8 * MIB);
	[1, 2, 4, 8].forEach((length) => pace.arrived(length * MIB, 0));
	// Three at once fail together: that is one failure.
	[1, 2, 3].forEach(() => pace.broke(8 * MIB));
	assert.strictEqual(pace.bytes, 4 * MIB);
	pace.arrived(4 * MIB, 0);
	assert.strictEqual(pace.bytes, 8 * MIB);
	pace.broke(8 * MIB);
	pace.arrived(4 * MIB, 0);
	assert.strictEqual(pace.bytes, 4 * MIB, 'twice at one length');
});

test('the rate is that of the last seconds', () => {
	const rate = new Rate();
	rate.note(0, 0);
	assert.strictEqual(rate.secondsLeft(100), null, 'not known yet');
	rate.note(10000, 10000000);
	assert.deepStrictEqual([rate.perSecond(), rate.secondsLeft(5000000)], [1000000, 5]);
	[20000, 30000, 40000].forEach((now) => rate.note(now, 10000000));
	assert.strictEqual(rate.perSecond(), 0, 'nothing has come for long');
});

/* ---- Sending ---- */

/** A hub with the upload door, which a test may make fail: `before` answers in its place, or throws as a browser does when nobody answers. */
class Hub {
	constructor(before) {
		this.before = before || (() => null);
		this.whole = new Map();
		this.parts = new Map();
		this.token = 1;
		this.log = [];
		this.fetch = this.answer.bind(this);
	}

	async answer(url, options) {
		const headers = options.headers || {};
		const body = options.body === undefined ? '' : Buffer.from(await new Response(options.body).arrayBuffer());
		const request = {method: headers['X-HTTP-Method-Override'] || options.method, sent: options.method, path: url.replace(/^\/door\/restore\/s/, ''), headers: headers, body: body};
		this.log.push(`${request.method} ${request.path.replace(/[0-9a-f]{64}/, '*')}`);
		if (url === '/state') {
			this.token += 1;
			return json(200, {token: `t${this.token}`});
		}
		const answer = this.before(request, this.log.length);
		return answer || this.take(request);
	}

	take(request) {
		const name = request.path.slice(8);
		if (request.path === '/lacking') {
			const asked = JSON.parse(request.body).sha256;
			assert.ok(asked.length <= 2000);
			const lacking = asked.filter((one) => !this.whole.has(one));
			return json(200, {lacking: lacking, partial: Object.fromEntries(lacking.filter((one) => this.parts.has(one)).map((one) => [one, this.parts.get(one).length]))});
		}
		if (request.path === '/room') {
			return json(200, {});
		}
		if (request.path === '/pack') {
			return this.unpack(request.body);
		}
		if (request.method === 'POST') {
			const sha256 = Buffer.from(request.headers['Upload-Metadata'].slice(7), 'base64').toString();
			return this.piece(sha256, 0, request.body, Number(request.headers['Upload-Length']), 201);
		}
		if (request.method === 'HEAD') {
			const here = this.whole.get(name) || this.parts.get(name);
			return here ? new Response(null, {status: 200, headers: {'Upload-Offset': String(here.length)}}) : refusal(404, 'no_upload');
		}
		return this.piece(name, Number(request.headers['Upload-Offset']), request.body, this.sizes.get(name), 204);
	}

	piece(name, offset, bytes, size, status) {
		this.sizes = this.sizes || new Map();
		this.sizes.set(name, size);
		const here = this.parts.get(name) || Buffer.alloc(0);
		if (here.length !== offset) {
			return refusal(409, 'offset_differs');
		}
		const now = Buffer.concat([here, bytes]);
		if (now.length === size && digest(now) !== name) {
			this.parts.delete(name);
			return refusal(460, 'digest_wrong');
		}
		now.length === size ? this.whole.set(name, now) : this.parts.set(name, now);
		return new Response(null, {status: status, headers: {'Upload-Offset': String(now.length)}});
	}

	unpack(body) {
		const members = [];
		for (let at = 0; body[at]; at += 512 + 512 * Math.ceil(members[members.length - 1][1].length / 512)) {
			const size = parseInt(body.toString('latin1', at + 124, at + 135), 8);
			members.push([body.toString('latin1', at, at + 64), body.subarray(at + 512, at + 512 + size)]);
		}
		if (members.some(([name, bytes]) => digest(bytes) !== name)) {
			return refusal(460, 'digest_wrong');
		}
		members.forEach(([name, bytes]) => this.whole.set(name, bytes));
		return json(200, {taken: members.length});
	}
}

function json(status, content) {
	return new Response(JSON.stringify(content), {status: status, headers: {'Content-Type': 'application/json'}});
}

// No browser's Response has the status 460, and none is needed for it.
function refusal(status, code) {
	return new Response(JSON.stringify({error: code, message: code}), {status: status, headers: {'Content-Type': 'application/json', 'Filesync-Error': code}});
}

function filesOf(contents) {
	return contents.map((bytes, n) => ({sha256: digest(bytes), size: bytes.length, file: new Blob([bytes]), name: `file ${n}`}));
}

function sendingTo(hub, room) {
	const told = {waits: 0, goesOn: 0, hindered: [], last: null};
	const watch = {
		progress: (sending) => {
			told.last = [sending.done.files, sending.all.files, sending.done.bytes, sending.all.bytes];
		},
		waits: () => { told.waits += 1; },
		goesOn: () => { told.goesOn += 1; },
		hindered: (code) => told.hindered.push(code)
	};
	const door = new Door('/door', '/state', 't1', hub.fetch);
	const clock = {now: () => 0, sleep: () => Promise.resolve()};
	const sending = new Sending(door, 's', Object.assign({piece_bytes: 8 * MIB}, room), watch, clock);
	return Object.assign(sending, {told: told});
}

function whole(hub, files) {
	assert.deepStrictEqual(Array.from(hub.whole.keys()).sort(), files.map((one) => one.sha256).sort());
}

const CONTENTS = [...Array.from({length: 300}, (_, n) => `small ${n}`), crypto.randomBytes(1.5 * MIB + 7), crypto.randomBytes(2.5 * MIB), ''];

test('all that the hub lacks arrives, small files together, and nothing is sent twice', async () => {
	const hub = new Hub();
	const files = filesOf(CONTENTS);
	hub.whole.set(files[0].sha256, Buffer.from(CONTENTS[0]));
	hub.parts.set(files[301].sha256, CONTENTS[301].subarray(0, MIB));
	hub.sizes = new Map([[files[301].sha256, files[301].size]]);
	const sending = sendingTo(hub);
	assert.strictEqual(await sending.send(files), true);
	whole(hub, files);
	assert.ok(hub.log.length < 15, hub.log.join('\n'));
	assert.deepStrictEqual(sending.told.last, [303, 303, files.reduce((sum, one) => sum + one.size, 0), files.reduce((sum, one) => sum + one.size, 0)]);
	const before = hub.log.length;
	assert.strictEqual(await sendingTo(hub).send(files), true);
	assert.deepStrictEqual(hub.log.slice(before), ['POST /lacking']);
});

test('ten thousand files need few requests', async () => {
	const hub = new Hub();
	const files = filesOf(Array.from({length: 10000}, (_, n) => `${n} `.repeat(100)));
	assert.strictEqual(await sendingTo(hub).send(files), true);
	assert.strictEqual(hub.whole.size, 10000);
	assert.ok(hub.log.length <= 20, `${hub.log.length} requests`);
});

for (const [what, before] of Object.entries({
	'nobody answers': () => { throw new TypeError('network'); },
	'a proxy waits in vain': () => new Response('<html>', {status: 504}),
	'a page comes in place of the answer': () => new Response('<html>', {status: 200, headers: {'Content-Type': 'text/html'}}),
	'the hub is busy': () => refusal(423, 'upload_busy'),
	'the connection is cut': () => refusal(503, 'body_cut')
})) {
	test(`it tries again when ${what}`, async () => {
		const hub = new Hub((request, count) => count % 3 === 0 ? before() : null);
		const files = filesOf(CONTENTS);
		const sending = sendingTo(hub);
		assert.strictEqual(await sending.send(files), true);
		whole(hub, files);
		assert.ok(sending.told.waits > 0 && sending.told.goesOn > 0);
	});
}

test('bodies become shorter where the web server takes no long ones', async () => {
	const most = 100 << 10;
	const hub = new Hub((request) => request.body.length > most ? new Response('', {status: 413}) : null);
	const files = filesOf(CONTENTS);
	const sending = sendingTo(hub);
	assert.strictEqual(await sending.send(files), true);
	whole(hub, files);
	assert.ok(sending.told.hindered.includes('body_limit'));
	const asked = new Hub((request) => request.body.length > 70000 ? new Response('', {status: 413}) : null);
	assert.strictEqual(await sendingTo(asked).send(filesOf(Array.from({length: 3000}, (_, n) => `${n}`))), true, 'questions too');
	const none = new Hub((request) => request.body.length > 1000 ? new Response('', {status: 413}) : null);
	await assert.rejects(sendingTo(none).send(files), {code: 'body_limit'});
});

test('where PATCH is refused, POST is used', async () => {
	const hub = new Hub((request) => request.sent === 'PATCH' ? new Response('', {status: 405}) : null);
	const files = filesOf(CONTENTS);
	const sending = sendingTo(hub);
	assert.strictEqual(await sending.send(files), true);
	whole(hub, files);
	assert.deepStrictEqual(sending.told.hindered, ['patch_refused']);
});

test('a token that is too old is renewed; who is logged out is told', async () => {
	const hub = new Hub((request) => request.headers['Filesync-Token'] === 't1' ? refusal(403, 'token_wrong') : null);
	assert.strictEqual(await sendingTo(hub).send(filesOf(['a'])), true);
	const out = new Hub(() => refusal(401, 'logged_out'));
	await assert.rejects(sendingTo(out).send(filesOf(['a'])), {code: 'logged_out'});
});

test('damaged files are found, named, and the others arrive', async () => {
	const hub = new Hub();
	const files = filesOf(CONTENTS);
	for (const n of [3, 170, 300]) {
		files[n].file = new Blob([Buffer.alloc(files[n].size)]);
	}
	const sending = sendingTo(hub);
	assert.strictEqual(await sending.send(files), true);
	assert.deepStrictEqual(sending.damaged.names.sort(), ['file 170', 'file 3', 'file 300']);
	assert.strictEqual(hub.whole.size, files.length - 3);
	assert.deepStrictEqual(sending.told.last.slice(0, 2), [300, 300]);
});

test('a file that was changed since the folder was chosen is named, and the others arrive', async () => {
	const changed = {slice: () => Object.assign(Object.create(changed), {size: MIB}), arrayBuffer: () => Promise.reject(new Error('NotReadableError'))};
	const hub = new Hub();
	const files = filesOf(CONTENTS);
	const sending = sendingTo(hub);
	files[300].file = changed;
	// Browsers say no more of such a file than that the request failed.
	sending.door.fetch = (url, options) => options.body && options.body.arrayBuffer === changed.arrayBuffer ? Promise.reject(new TypeError('failed')) : hub.fetch(url, options);
	assert.strictEqual(await sending.send(files), true);
	assert.deepStrictEqual(sending.damaged.names, ['file 300']);
	assert.strictEqual(hub.whole.size, files.length - 1);
});

test('what is too large is left out, and a refusal for good ends it', async () => {
	const hub = new Hub();
	const files = filesOf(CONTENTS);
	const sending = sendingTo(hub, {room: {file_bytes: 2 * MIB}});
	assert.strictEqual(await sending.send(files), true);
	assert.deepStrictEqual(sending.tooLarge.names, ['file 301']);
	for (const code of ['quota_short', 'session_expired', 'revoked', 'restoring']) {
		const short = new Hub((request) => ['/room', '/pack'].includes(request.path) ? refusal(507, code) : null);
		await assert.rejects(sendingTo(short).send(files), {code: code});
	}
});

test('it pauses after what is under way, and goes on without sending anything twice', async () => {
	let sending = null;
	const hub = new Hub((request) => {
		if (request.path === '/upload') {
			sending.pause();
		}
		return null;
	});
	const files = filesOf(CONTENTS);
	sending = sendingTo(hub);
	assert.strictEqual(await sending.send(files), false);
	assert.ok(hub.whole.size < files.length);
	hub.before = () => null;
	const log = hub.log.length;
	assert.strictEqual(await sending.send(files), true);
	whole(hub, files);
	const sent = hub.log.filter((one) => one === 'POST /upload').length;
	assert.ok(sent <= 2 && !hub.log.slice(log).includes('POST /pack'), hub.log.join('\n'));
});
