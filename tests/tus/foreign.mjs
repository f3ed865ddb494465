// tus-js-client sends files through the upload door, each broken off once and taken up again:
//     FILESYNC_KEY=fsr_… node foreign.mjs <folder of node_modules> <address of uploads> <file> …
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';

const [modules, endpoint, ...files] = process.argv.slice(2);
const { Upload } = createRequire(`${modules}/`)('tus-js-client');

/** Sends a file from where the hub has it; breaks off after some bytes if it is told so. Returns the upload's address. */
function send(file, uploadUrl, breakAt) {
	const bytes = readFileSync(file);
	const sha256 = createHash('sha256').update(bytes).digest('hex');
	return new Promise((resolve, reject) => {
		let isOver = false;
		const upload = new Upload(createReadStream(file), {
			endpoint,
			uploadUrl,
			uploadSize: statSync(file).size,
			chunkSize: 256 << 10,
			metadata: { sha256 },
			headers: { 'Filesync-Key': process.env.FILESYNC_KEY },
			retryDelays: [0, 500, 1000],
			onError: reject,
			onSuccess: () => resolve(upload.url),
			onChunkComplete: (_, sent) => {
				if (breakAt && sent >= breakAt && sent < bytes.length && !isOver) {
					isOver = true;
					upload.abort().then(() => resolve(upload.url), reject);
				}
			},
		});
		upload.start();
	});
}

for (const file of files) {
	const url = await send(file, null, 300 << 10);
	await send(file, url, 0);
	console.log(file);
}
