<div role="region" class="border rounded p-3 mb-4" id="filesync-restore" aria-label="{{$words.restore|escape:'html'}}">
	<div role="heading" aria-level="3" class="fw-bold mb-2" id="filesync-restore-title">{{$job.title|escape:'html'}}</div>
	<p class="text-break mb-2" id="filesync-restore-what"><bdi>{{$job.what|escape:'html'}}</bdi></p>
	{{if $job.is_live}}
	{{if $job.progress}}
	<progress class="w-100" max="100" value="{{$job.percent|escape:'html'}}" aria-labelledby="filesync-restore-title" id="filesync-restore-bar">{{$job.percent|escape:'html'}} %</progress>
	<p class="mb-2" id="filesync-restore-progress">{{$job.percent|escape:'html'}} %, {{$job.progress|escape:'html'}}</p>
	{{/if}}
	{{/if}}
	{{foreach $job.warnings as $line}}
	<p class="alert alert-warning py-2 mb-2">{{$line|escape:'html'}}</p>
	{{/foreach}}
	{{if $job.lines}}
	<ul class="mb-2" id="filesync-restore-lines">
	{{foreach $job.lines as $line}}
		<li>{{$line|escape:'html'}}</li>
	{{/foreach}}
	</ul>
	{{/if}}
	{{foreach $job.stays as $one}}
	<details class="mb-2">
		<summary>{{$one.text|escape:'html'}}</summary>
		<ul class="small mb-0">
		{{foreach $one.names as $name}}
			<li class="text-break"><bdi>{{$name|escape:'html'}}</bdi></li>
		{{/foreach}}
		</ul>
	</details>
	{{/foreach}}
	{{if $job.state === 'planned'}}
	<input type="hidden" name="filesync_job" value="{{$job.seal|escape:'html'}}">
	{{if $job.asks_replace}}
	<div class="form-check">
		<input class="form-check-input" type="checkbox" name="filesync_replace" value="1" id="filesync-replace"{{if $job.is_replace}} checked{{/if}}>
		<label class="form-check-label" for="filesync-replace">{{$words.replace|escape:'html'}}</label>
	</div>
	{{/if}}
	{{if $job.asks_deleted}}
	<div class="form-check">
		<input class="form-check-input" type="checkbox" name="filesync_deleted" value="1" id="filesync-deleted"{{if $job.is_deleted}} checked{{/if}}>
		<label class="form-check-label" for="filesync-deleted">{{$words.deleted|escape:'html'}}</label>
	</div>
	{{/if}}
	{{if $job.asks_trust}}
	<div class="form-check">
		<input class="form-check-input" type="checkbox" name="filesync_trust" value="1" id="filesync-trust"{{if $job.is_trust}} checked{{/if}}>
		<label class="form-check-label" for="filesync-trust">{{$words.trust|escape:'html'}}</label>
	</div>
	{{/if}}
	{{foreach $job.away as $one}}
	<div class="form-check">
		<input class="form-check-input" type="checkbox" name="filesync_without[]" value="{{$one.url|escape:'html'}}" id="filesync-without-{{$one.id|escape:'html'}}"{{if $one.is_left_out}} checked{{/if}}>
		<label class="form-check-label text-break" for="filesync-without-{{$one.id|escape:'html'}}">{{$one.label|escape:'html'}}</label>
	</div>
	{{/foreach}}
	<p class="d-flex flex-wrap gap-2 mt-3 mb-0">
		{{if $job.may_start}}
		<button type="submit" name="filesync_start" value="1" class="btn btn-primary btn-sm" id="filesync-start">{{$words.start|escape:'html'}}</button>
		{{/if}}
		{{if $job.may_change}}
		<button type="submit" name="filesync_change" value="1" class="btn btn-secondary btn-sm" id="filesync-change">{{$words.change|escape:'html'}}</button>
		{{/if}}
		<button type="submit" name="filesync_cancel" value="1" class="btn btn-secondary btn-sm" id="filesync-discard">{{$words.discard|escape:'html'}}</button>
	</p>
	{{/if}}
	{{if $job.state !== 'planned'}}
	<p class="d-flex flex-wrap gap-2 align-items-center mt-3 mb-0">
		{{if $job.may_cancel}}
		<button type="submit" name="filesync_cancel" value="1" class="btn btn-secondary btn-sm" id="filesync-cancel">{{$words.cancel|escape:'html'}}</button>
		{{/if}}
		{{if $again}}
		<a href="{{$again|escape:'html'}}" id="filesync-again">{{$words.again|escape:'html'}}</a>
		{{/if}}
	</p>
	{{/if}}
</div>
