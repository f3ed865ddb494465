<div class="generic-content-wrapper" id="filesync-send-page">
	<div class="section-title-wrapper">
		<h2>{{$words.title|escape:'html'}}</h2>
	</div>
	<div class="section-content-wrapper">
		<p class="mb-2"><a href="{{$back|escape:'html'}}">{{$words.back|escape:'html'}}</a></p>
		{{if $problem}}
		<p class="alert alert-warning">{{$problem|escape:'html'}}</p>
		{{else}}
		<noscript>
			<p class="alert alert-info mb-2">{{$words.without|escape:'html'}}</p>
			<ul>
				<li>{{$words.by_command|escape:'html'}}</li>
				<li>{{$words.by_box|escape:'html'}}</li>
				<li>{{$words.by_admin|escape:'html'}}</li>
			</ul>
		</noscript>
		<div id="filesync-send" hidden data-door="{{$door|escape:'html'}}" data-source="{{$source|escape:'html'}}" data-token="{{$token|escape:'html'}}" data-channel="{{$channel|escape:'html'}}" data-texts="{{$texts|escape:'html'}}">
			<p id="filesync-send-say" class="visually-hidden" role="status" aria-live="polite"></p>
			<p class="text-muted">{{$words.help|escape:'html'}}</p>
			<div class="mb-3" id="filesync-send-running" hidden>
				<p class="alert alert-info mb-2" id="filesync-send-running-text"></p>
			</div>
			<div class="mb-3">
				<label class="form-label fw-bold mb-1" for="filesync-send-folder">{{$words.folder|escape:'html'}}</label>
				<input class="form-control" type="file" id="filesync-send-folder" webkitdirectory multiple aria-describedby="filesync-send-folder-help">
				<div class="small text-muted mt-1" id="filesync-send-folder-help">{{$words.folder_help|escape:'html'}}</div>
			</div>
			<p class="alert alert-danger text-break" role="alert" id="filesync-send-alert" hidden></p>
			<button type="button" class="btn btn-secondary btn-sm mb-3" id="filesync-send-other" hidden>{{$words.other|escape:'html'}}</button>
			<section class="mb-3" id="filesync-send-about" aria-labelledby="filesync-send-about-title" hidden>
				<div class="fw-bold mb-2" role="heading" aria-level="3" id="filesync-send-about-title">{{$words.in_folder|escape:'html'}}</div>
				<ul class="mb-2" id="filesync-send-about-lines"></ul>
				<details class="alert alert-warning py-2 mb-2" id="filesync-send-missing" hidden>
					<summary id="filesync-send-missing-count"></summary>
					<ul class="small mb-0" id="filesync-send-missing-names"></ul>
				</details>
				<details class="alert alert-warning py-2 mb-2" id="filesync-send-damaged" hidden>
					<summary id="filesync-send-damaged-count"></summary>
					<ul class="small mb-0" id="filesync-send-damaged-names"></ul>
				</details>
				<details class="mb-2" id="filesync-send-extra" hidden>
					<summary id="filesync-send-extra-count"></summary>
					<ul class="small mb-0" id="filesync-send-extra-names"></ul>
				</details>
				<div id="filesync-send-copy-box" hidden>
					<p class="alert alert-warning mb-2" id="filesync-send-copy-text"></p>
					<button type="button" class="btn btn-primary btn-sm" id="filesync-send-copy" aria-describedby="filesync-send-copy-text">{{$words.copy|escape:'html'}}</button>
				</div>
			</section>
			<section class="border rounded p-3 mb-3" id="filesync-send-move" aria-labelledby="filesync-send-title" hidden>
				<div class="fw-bold mb-2" role="heading" aria-level="3" id="filesync-send-title"></div>
				<progress class="w-100" max="1" id="filesync-send-bar" aria-labelledby="filesync-send-title" aria-describedby="filesync-send-numbers"></progress>
				<p class="mb-2 text-break" id="filesync-send-numbers"></p>
				<p class="alert alert-warning py-2 mb-2" id="filesync-send-note" hidden></p>
				<p class="d-flex flex-wrap gap-2 mb-0">
					<button type="button" class="btn btn-primary btn-sm" id="filesync-send-pause" hidden>{{$words.pause|escape:'html'}}</button>
					<button type="button" class="btn btn-primary btn-sm" id="filesync-send-on" hidden>{{$words.on|escape:'html'}}</button>
					<button type="button" class="btn btn-secondary btn-sm" id="filesync-send-end" hidden>{{$words.end|escape:'html'}}</button>
				</p>
			</section>
			<form id="filesync-send-plan">
				<div id="filesync-send-state"></div>
			</form>
			<section class="mb-3" id="filesync-send-left" aria-labelledby="filesync-send-left-title" hidden>
				<div class="fw-bold mb-2" role="heading" aria-level="3" id="filesync-send-left-title">{{$words.left|escape:'html'}}</div>
				<details class="alert alert-warning py-2 mb-2" id="filesync-send-unsent" hidden>
					<summary id="filesync-send-unsent-count"></summary>
					<ul class="small mb-0" id="filesync-send-unsent-names"></ul>
				</details>
				<details class="alert alert-warning py-2 mb-2" id="filesync-send-large" hidden>
					<summary id="filesync-send-large-count"></summary>
					<ul class="small mb-0" id="filesync-send-large-names"></ul>
				</details>
			</section>
		</div>
		{{/if}}
	</div>
</div>
