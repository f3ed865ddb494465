/*
 * Keeps /filesync and /filesync/backup up to date while they are open. Without it the page is whole too: it is as it was when it was loaded.
 *
 * Elements are changed in place, matched by their id, so that the focus stays where it is and a button never turns into another.
 */
(function () {
	'use strict';

	function morph(old, fresh) {
		if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
			old.replaceWith(fresh.cloneNode(true));
			return;
		}
		if (old.nodeType !== Node.ELEMENT_NODE) {
			if (old.nodeValue !== fresh.nodeValue) {
				old.nodeValue = fresh.nodeValue;
			}
			return;
		}
		Array.from(old.attributes).forEach(function (one) {
			if (!fresh.hasAttribute(one.name)) {
				old.removeAttribute(one.name);
			}
		});
		Array.from(fresh.attributes).forEach(function (one) {
			if (old.getAttribute(one.name) !== one.value) {
				old.setAttribute(one.name, one.value);
			}
		});
		morphChildren(old, fresh);
	}

	function morphChildren(old, fresh) {
		var byId = {};
		Array.from(old.children).forEach(function (one) {
			if (one.id) {
				byId[one.id] = one;
			}
		});
		var next = old.firstChild;
		Array.from(fresh.childNodes).forEach(function (one) {
			var match = one.id ? byId[one.id] : next && !next.id ? next : null;
			if (!match) {
				old.insertBefore(one.cloneNode(true), next);
			} else {
				if (match === next) {
					next = next.nextSibling;
				} else {
					old.insertBefore(match, next);
				}
				morph(match, one);
			}
		});
		while (next) {
			var gone = next;
			next = next.nextSibling;
			gone.remove();
		}
	}

	// /filesync/restore shows what the hub does in the same way.
	window.FilesyncPage = {morphChildren: morphChildren};

	function start() {
		var page = document.getElementById('filesync');
		if (!page || !window.fetch) {
			return;
		}
		var state = document.getElementById('filesync-state');
		var say = document.getElementById('filesync-say');
		var offline = document.getElementById('filesync-offline');
		var token = document.getElementById('filesync-token');
		var seconds = 3;

		function show(answer) {
			var fresh = document.createElement('div');
			fresh.innerHTML = answer.html;
			morphChildren(state, fresh);
			token.value = answer.token;
			if (say.textContent !== answer.say) {
				say.textContent = answer.say;
			}
			offline.hidden = true;
			seconds = answer.seconds;
		}

		function look() {
			if (document.hidden) {
				return again();
			}
			fetch(page.dataset.source + (page.dataset.rows ? '?kept=' + encodeURIComponent(page.dataset.rows) : ''), {credentials: 'same-origin', cache: 'no-store'}).then(function (response) {
				if (!response.ok) {
					throw new Error(String(response.status));
				}
				return response.json();
			}).then(show).catch(function () {
				offline.hidden = false;
				seconds = Math.min(60, seconds * 2);
			}).then(again);
		}

		function again() {
			if (!seconds) {
				return;
			}
			window.setTimeout(look, 1000 * seconds);
		}

		document.addEventListener('visibilitychange', function () {
			seconds = seconds && 3;
		});
		again();
	}

	if (document.readyState === 'loading') {
		document.addEventListener('DOMContentLoaded', start);
	} else {
		start();
	}
})();
