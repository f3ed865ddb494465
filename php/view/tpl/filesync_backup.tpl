<div class="generic-content-wrapper" id="filesync" data-source="{{$source|escape:'html'}}">
	<div class="section-title-wrapper">
		<h2>{{$words.title|escape:'html'}}</h2>
	</div>
	<div class="section-content-wrapper">
		<p id="filesync-say" class="visually-hidden" role="status" aria-live="polite">{{$say|escape:'html'}}</p>
		<p class="mb-2"><a href="{{$back|escape:'html'}}">{{$words.back|escape:'html'}}</a></p>
		{{if $left}}
		<p class="alert {{if $left.is_error}}alert-danger{{else}}alert-success{{/if}}" role="alert" id="filesync-left">{{$left.line|escape:'html'}}</p>
		{{/if}}
		<p id="filesync-offline" class="alert alert-warning" role="alert" hidden>{{$words.offline|escape:'html'}}</p>
		{{foreach $problems as $problem}}
		<p class="alert alert-warning">{{$problem|escape:'html'}}</p>
		{{/foreach}}
		<form action="{{$action|escape:'html'}}" method="post">
			<input type="hidden" name="form_security_token" id="filesync-token" value="{{$token|escape:'html'}}">
			<div id="filesync-state">
{{$state}}
			</div>
		</form>
		{{if $sent}}
		<p class="alert alert-info" id="filesync-sent">{{$sent.text|escape:'html'}} <a href="{{$sent.url|escape:'html'}}">{{$sent.link|escape:'html'}}</a></p>
		{{/if}}
		{{if $listing}}
		<h3 class="fs-5">{{$words.here|escape:'html'}}</h3>
		<p class="small text-muted mb-3">{{$words.help|escape:'html'}}</p>
		<form action="{{$action|escape:'html'}}" method="get" class="d-flex flex-wrap gap-2 align-items-end mb-3">
			{{foreach $listing.in as $name}}
			<input type="hidden" name="in[]" value="{{$name|escape:'html'}}">
			{{/foreach}}
			<div>
				<label class="form-label mb-1" for="filesync-at">{{$words.as_of|escape:'html'}}</label>
				<select class="form-select form-select-sm" name="at" id="filesync-at">
				{{foreach $listing.days as $day}}
					<option value="{{$day.value|escape:'html'}}"{{if $day.is_chosen}} selected{{/if}}>{{$day.text|escape:'html'}}</option>
				{{/foreach}}
				</select>
			</div>
			<button type="submit" class="btn btn-secondary btn-sm" id="filesync-show">{{$words.show|escape:'html'}}</button>
		</form>
		<form action="{{$action|escape:'html'}}" method="post" id="filesync-listing">
			<input type="hidden" name="form_security_token" value="{{$token|escape:'html'}}">
			<input type="hidden" name="at" value="{{$listing.at|escape:'html'}}">
			<nav aria-label="{{$words.folder|escape:'html'}}">
				<ol class="breadcrumb mb-2">
				{{foreach $listing.path as $one}}
					<li class="breadcrumb-item text-break"><a href="{{$one.url|escape:'html'}}"><bdi>{{$one.name|escape:'html'}}</bdi></a></li>
				{{/foreach}}
				</ol>
			</nav>
			{{if $listing.is_read}}
			{{if $listing.may_restore}}
			<p class="mb-2"><button type="submit" name="filesync_plan" value="{{$listing.names|escape:'html'}}" class="btn btn-primary btn-sm" id="filesync-plan-folder">{{if $listing.name !== ''}}{{$words.bring_back_folder|escape:'html'}}{{else}}{{$words.bring_back_all|escape:'html'}}{{/if}}</button></p>
			{{/if}}
			{{if $listing.is_empty}}
			<p class="text-muted">{{$words.empty|escape:'html'}}</p>
			{{else}}
			<p class="small text-muted mb-1" id="filesync-count">{{$listing.count|escape:'html'}}</p>
			<ul class="list-unstyled mb-2" id="filesync-rows">
			{{foreach $listing.rows as $one}}
				<li class="d-flex justify-content-between align-items-start border-bottom py-2">
					<div class="text-break me-2">
						{{if $one.is_folder}}<a href="{{$one.url|escape:'html'}}"><bdi>{{$one.name|escape:'html'}}</bdi>/</a>{{else}}<bdi>{{$one.name|escape:'html'}}</bdi>{{/if}}
						<div class="small text-muted">{{if $one.size}}{{$one.size|escape:'html'}}, {{/if}}{{$one.date|escape:'html'}}{{if $one.presence}}, <span class="{{if $one.is_lost}}fw-bold{{/if}}">{{$one.presence|escape:'html'}}</span>{{/if}}</div>
					</div>
					{{if $listing.may_restore}}
					<button type="submit" name="filesync_plan" value="{{$one.names|escape:'html'}}" class="btn btn-sm btn-secondary text-nowrap flex-shrink-0" aria-label="{{$one.label|escape:'html'}}">{{$words.bring_back|escape:'html'}}</button>
					{{/if}}
				</li>
			{{/foreach}}
			</ul>
			{{/if}}
			{{if $listing.first || $listing.next}}
			<p class="d-flex flex-wrap gap-3">
				{{if $listing.first}}<a href="{{$listing.first|escape:'html'}}">{{$words.first|escape:'html'}}</a>{{/if}}
				{{if $listing.next}}<a href="{{$listing.next|escape:'html'}}" id="filesync-next">{{$words.next|escape:'html'}}</a>{{/if}}
			</p>
			{{/if}}
			{{else}}
			<p class="alert alert-info">{{$words.reading|escape:'html'}} <a href="{{$listing.again|escape:'html'}}">{{$words.again|escape:'html'}}</a></p>
			{{/if}}
		</form>
		{{/if}}
		{{if $drill}}
		<section class="mt-4" id="filesync-drill">
			<h3 class="fs-5">{{$drill.title|escape:'html'}}</h3>
			<p class="{{if $drill.is_bad}}alert alert-warning{{else}}mb-2{{/if}}" id="filesync-drill-line">{{$drill.line|escape:'html'}}</p>
			{{if $drill.failed}}
			<ul class="mb-2" id="filesync-drill-failed">
			{{foreach $drill.failed as $one}}
				<li class="fw-bold">{{$one.text|escape:'html'}}
					<ul class="fw-normal">
					{{foreach $one.names as $name}}
						<li class="text-break"><bdi>{{$name|escape:'html'}}</bdi></li>
					{{/foreach}}
					</ul>
				</li>
			{{/foreach}}
			</ul>
			{{/if}}
			<details class="mb-2">
				<summary>{{$drill.more|escape:'html'}}</summary>
				<ul class="mb-2">
				{{foreach $drill.proven as $line}}
					<li>{{$line|escape:'html'}}</li>
				{{/foreach}}
				</ul>
				<p class="small text-muted mb-0">{{$drill.cannot|escape:'html'}}</p>
			</details>
		</section>
		{{/if}}
		{{if $ways}}
		<section class="mt-4" id="filesync-ways">
			<h3 class="fs-5">{{$ways.title|escape:'html'}}</h3>
			{{if $ways.backup}}
			<p class="mb-1">{{$ways.backup.text|escape:'html'}}</p>
			<pre class="border rounded p-2 mb-3 text-wrap text-break">{{foreach $ways.backup.lines as $line}}<code class="d-block user-select-all">{{$line|escape:'html'}}</code>{{/foreach}}</pre>
			{{/if}}
			{{if $ways.restore}}
			<p class="mb-2">{{$ways.restore.text|escape:'html'}}</p>
			<p class="mb-3"><a class="btn btn-primary btn-sm" href="{{$ways.restore.url|escape:'html'}}" id="filesync-restore-page">{{$ways.restore.link|escape:'html'}}</a></p>
			<p class="mb-1">{{$ways.restore.or|escape:'html'}}</p>
			<pre class="border rounded p-2 mb-3 text-wrap text-break">{{foreach $ways.restore.lines as $line}}<code class="d-block user-select-all">{{$line|escape:'html'}}</code>{{/foreach}}</pre>
			{{/if}}
		</section>
		{{/if}}
		{{if $box}}
		<section class="mt-4" id="filesync-box">
			<h3 class="fs-5">{{$box.words.title|escape:'html'}}</h3>
			<p class="small text-muted">{{$box.words.help|escape:'html'}}</p>
			{{if $box.password}}
			<div class="alert alert-success" role="alert" id="filesync-box-made">
				<p class="mb-1">{{$box.words.once|escape:'html'}}</p>
				<p class="mb-0 text-break">{{$box.words.password|escape:'html'}}: <code class="user-select-all">{{$box.password|escape:'html'}}</code></p>
			</div>
			{{/if}}
			{{if $box.is_there}}
			<p class="mb-1 text-break">{{$box.words.address|escape:'html'}}: <code class="user-select-all">{{$box.address|escape:'html'}}</code></p>
			<p class="mb-1 text-break">{{$box.words.name|escape:'html'}}: <code class="user-select-all">{{$box.name|escape:'html'}}</code></p>
			<p class="small text-muted" id="filesync-box-state">{{$box.state|escape:'html'}}</p>
			{{/if}}
			<form action="{{$action|escape:'html'}}" method="post">
				<input type="hidden" name="form_security_token" value="{{$token|escape:'html'}}">
				<p class="d-flex flex-wrap gap-2 mb-0">
					{{if $box.may_make}}
					<button type="submit" name="filesync_box_make" value="1" class="btn btn-secondary btn-sm" id="filesync-box-make">{{$box.words.make|escape:'html'}}</button>
					{{/if}}
					{{if $box.is_there}}
					<button type="submit" name="filesync_box_end" value="1" class="btn btn-secondary btn-sm" id="filesync-box-end">{{$box.words.end|escape:'html'}}</button>
					{{/if}}
				</p>
			</form>
		</section>
		{{/if}}
		{{if $keys}}
		<section class="mt-4" id="filesync-keys">
			<h3 class="fs-5">{{$keys.words.title|escape:'html'}}</h3>
			<p class="small text-muted">{{$keys.words.help|escape:'html'}}</p>
			{{if $keys.made}}
			<div class="alert alert-success" role="alert" id="filesync-key-made">
				<p class="mb-1">{{$keys.words.once|escape:'html'}}</p>
				<p class="mb-2 text-break"><code>{{$keys.made|escape:'html'}}</code></p>
				<p class="mb-0 text-break">{{$keys.words.address|escape:'html'}} <code>{{$keys.hub|escape:'html'}}</code></p>
			</div>
			{{/if}}
			<form action="{{$action|escape:'html'}}" method="post">
				<input type="hidden" name="form_security_token" value="{{$token|escape:'html'}}">
				{{if $keys.rows}}
				<ul class="list-unstyled mb-2" id="filesync-key-rows">
				{{foreach $keys.rows as $one}}
					<li class="d-flex justify-content-between align-items-start border-bottom py-2">
						<div class="text-break me-2">{{$one.text|escape:'html'}}
							<div class="small text-muted">{{$one.detail|escape:'html'}}</div>
						</div>
						<button type="submit" name="filesync_key_revoke" value="{{$one.id|escape:'html'}}" class="btn btn-sm btn-secondary text-nowrap flex-shrink-0" aria-label="{{$one.label|escape:'html'}}">{{$keys.words.revoke|escape:'html'}}</button>
					</li>
				{{/foreach}}
				</ul>
				{{/if}}
				{{if $keys.make}}
				{{foreach $keys.make as $one}}
				<p class="mb-2"><button type="submit" name="filesync_key_make" value="{{$one.kind|escape:'html'}}" class="btn btn-secondary btn-sm" id="filesync-key-make-{{$one.kind|escape:'html'}}" aria-describedby="filesync-key-help-{{$one.kind|escape:'html'}}">{{$one.text|escape:'html'}}</button>
				<span class="small text-muted" id="filesync-key-help-{{$one.kind|escape:'html'}}">{{$one.help|escape:'html'}}</span></p>
				{{/foreach}}
				{{else}}
				<p class="text-muted mb-0">{{$keys.words.many|escape:'html'}}</p>
				{{/if}}
			</form>
		</section>
		{{/if}}
		<section class="mt-4" id="filesync-contents">
			<h3 class="fs-5">{{$contents.title|escape:'html'}}</h3>
			{{foreach [$contents.has, $contents.lacks] as $one}}
			<p class="fw-bold mb-1">{{$one.title|escape:'html'}}</p>
			<ul class="mb-2">
			{{foreach $one.lines as $line}}
				<li>{{$line|escape:'html'}}</li>
			{{/foreach}}
			</ul>
			{{/foreach}}
			<p class="text-muted mb-0">{{$contents.note|escape:'html'}}</p>
		</section>
	</div>
</div>
