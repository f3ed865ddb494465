{{foreach $problems as $problem}}
<p class="alert alert-warning">{{$problem|escape:'html'}}</p>
{{/foreach}}
{{if $is_paused}}
<p class="alert alert-info">{{$words.paused|escape:'html'}}</p>
{{/if}}

<p class="mb-4 d-flex flex-wrap gap-2" id="filesync-buttons">
	{{if $is_paused}}
	<button type="submit" name="filesync_resume" value="1" class="btn btn-primary btn-sm" id="filesync-resume">{{$words.resume|escape:'html'}}</button>
	{{elseif $is_paused === false}}
	<button type="submit" name="filesync_pause" value="1" class="btn btn-secondary btn-sm" id="filesync-pause">{{$words.pause|escape:'html'}}</button>
	{{/if}}
	{{if $waiting_line}}
	<button type="submit" name="filesync_retry_all" value="1" class="btn btn-primary btn-sm" id="filesync-retry-all">{{$words.retry_all|escape:'html'}}</button>
	{{/if}}
	{{if $is_paused !== null}}
	<button type="submit" name="filesync_check" value="1" class="btn btn-secondary btn-sm" id="filesync-check">{{$words.check|escape:'html'}}</button>
	{{/if}}
</p>

{{if $import}}
<div role="region" class="mb-4" id="filesync-import" aria-label="{{$import.words.title|escape:'html'}}">
	<h3 id="filesync-import-title">{{$import.words.title|escape:'html'}}</h3>
	<p class="mb-2" id="filesync-import-line">{{$import.line|escape:'html'}}</p>
	{{if ! $import.is_over}}
	<progress class="w-100" max="100" value="{{$import.percent|escape:'html'}}" aria-labelledby="filesync-import-title">{{$import.percent|escape:'html'}} %</progress>
	{{/if}}
	{{if $import.refused}}
	<ul class="list-unstyled small mb-2" id="filesync-import-refused">
	{{foreach $import.refused as $line}}
		<li class="text-break">{{$line|escape:'html'}}</li>
	{{/foreach}}
	</ul>
	{{/if}}
	<p class="mb-0 d-flex flex-wrap gap-2" id="filesync-import-buttons">
		{{if $import.may_stop}}
		<button type="submit" name="filesync_import_stop" value="{{$import.id|escape:'html'}}" class="btn btn-secondary btn-sm" id="filesync-import-stop">{{$import.words.stop|escape:'html'}}</button>
		{{/if}}
		{{if $import.may_go_on}}
		<button type="submit" name="filesync_import_go_on" value="{{$import.id|escape:'html'}}" class="btn btn-primary btn-sm" id="filesync-import-go-on">{{$import.words.go_on|escape:'html'}}</button>
		<button type="submit" name="filesync_import_finish" value="{{$import.id|escape:'html'}}" class="btn btn-danger btn-sm" id="filesync-import-finish">{{$import.words.finish|escape:'html'}}</button>
		{{/if}}
		{{if $import.is_over}}
		<button type="submit" name="filesync_import_hide" value="{{$import.id|escape:'html'}}" class="btn btn-secondary btn-sm" id="filesync-import-hide">{{$import.words.hide|escape:'html'}}</button>
		{{/if}}
	</p>
</div>
{{/if}}

<div role="region" class="mb-4" id="filesync-clones" aria-label="{{$words.clones|escape:'html'}}">
	<h3>{{$words.clones|escape:'html'}}</h3>
	<ul class="list-unstyled mb-0">
	{{foreach $clones as $one}}
		<li class="border rounded p-3 mb-2" id="filesync-clone-{{$one.id|escape:'html'}}">
			<div class="d-flex flex-wrap justify-content-between">
				<strong class="text-break me-2" id="filesync-name-{{$one.id|escape:'html'}}">{{$one.name|escape:'html'}}{{if $one.note}} <span class="fw-normal text-muted">({{$one.note|escape:'html'}})</span>{{/if}}</strong>
				<span class="{{if $one.is_complete}}fw-bold{{/if}}">{{if $one.has_bar}}{{$one.percent_text|escape:'html'}}{{else}}{{$words.not_known|escape:'html'}}{{/if}}</span>
			</div>
			{{if $one.has_bar}}
			<progress class="w-100" max="100" value="{{$one.percent|escape:'html'}}" aria-labelledby="filesync-name-{{$one.id|escape:'html'}}">{{$one.percent_text|escape:'html'}}</progress>
			{{/if}}
			<div>{{$one.text|escape:'html'}}</div>
			<div class="small text-muted">
			{{foreach $one.lines as $line}}
				<div class="text-break">{{$line|escape:'html'}}</div>
			{{/foreach}}
			</div>
		</li>
	{{/foreach}}
	</ul>
</div>

<div role="region" class="mb-4" id="filesync-arriving" aria-label="{{$words.arriving|escape:'html'}}">
	<h3>{{$words.arriving|escape:'html'}}</h3>
	<p class="mb-2{{if ! $arriving_line}} text-muted{{/if}}" id="filesync-arriving-line">{{if $arriving_line}}{{$arriving_line|escape:'html'}}{{else}}{{$words.none_arriving|escape:'html'}}{{/if}}</p>
	<ul class="list-unstyled mb-0">
	{{foreach $arriving as $one}}
		<li class="mb-2" id="filesync-transfer-{{$one.id|escape:'html'}}">
			<div class="text-break" id="filesync-file-{{$one.id|escape:'html'}}"><bdi>{{$one.name|escape:'html'}}</bdi></div>
			<progress class="w-100" max="100" value="{{$one.percent|escape:'html'}}" aria-labelledby="filesync-file-{{$one.id|escape:'html'}}">{{$one.percent|escape:'html'}} %</progress>
			<div class="small text-muted">{{$one.text|escape:'html'}}</div>
		</li>
	{{/foreach}}
	</ul>
</div>

<div role="region" class="mb-4" id="filesync-waiting" aria-label="{{$words.waiting|escape:'html'}}">
	<h3>{{$words.waiting|escape:'html'}}</h3>
	<p class="mb-2{{if ! $waiting_line}} text-muted{{/if}}" id="filesync-waiting-line">{{if $waiting_line}}{{$waiting_line|escape:'html'}}{{else}}{{$words.none_waiting|escape:'html'}}{{/if}}</p>
	<ul class="list-unstyled mb-0">
	{{foreach $waiting as $one}}
		<li class="d-flex justify-content-between align-items-start border-bottom py-2" id="filesync-wait-{{$one.id|escape:'html'}}">
			<div class="text-break me-2">
				<bdi>{{$one.name|escape:'html'}}</bdi>
				<div class="small {{if $one.is_stuck}}fw-bold{{else}}text-muted{{/if}}">{{$one.why|escape:'html'}}; {{$one.then|escape:'html'}}</div>
			</div>
			<button type="submit" name="filesync_retry" value="{{$one.id|escape:'html'}}" class="btn btn-sm btn-secondary text-nowrap flex-shrink-0" id="filesync-retry-{{$one.id|escape:'html'}}" aria-label="{{$one.label|escape:'html'}}">{{$words.retry|escape:'html'}}</button>
		</li>
	{{/foreach}}
	</ul>
</div>

{{if $held}}
<div role="region" class="mb-4" id="filesync-held" aria-label="{{$words.packets|escape:'html'}}">
	<h3>{{$words.packets|escape:'html'}}</h3>
	<ul class="list-unstyled mb-0">
	{{foreach $held as $one}}
		<li class="d-flex flex-wrap justify-content-between align-items-start border-bottom py-2" id="filesync-held-{{$one.id|escape:'html'}}">
			<div class="text-break me-2">
				<bdi>{{$one.text|escape:'html'}}</bdi>
				<div class="small fw-bold">{{$one.why|escape:'html'}}</div>
			</div>
			<div class="text-nowrap" role="group" aria-label="{{$one.text|escape:'html'}}">
				<button type="submit" name="filesync_accept" value="{{$one.id|escape:'html'}}" class="btn btn-sm btn-danger text-nowrap" id="filesync-accept-{{$one.id|escape:'html'}}">{{$words.accept|escape:'html'}}</button>
				<button type="submit" name="filesync_give_back" value="{{$one.id|escape:'html'}}" class="btn btn-sm btn-secondary text-nowrap" id="filesync-give-back-{{$one.id|escape:'html'}}">{{$words.give_back|escape:'html'}}</button>
			</div>
		</li>
	{{/foreach}}
	</ul>
</div>
{{/if}}

{{if $packets}}
<div role="region" class="mb-4" id="filesync-packets" aria-label="{{$words.packets|escape:'html'}}">
	<h3>{{$words.packets|escape:'html'}}</h3>
	<ul class="list-unstyled mb-0">
	{{foreach $packets as $one}}
		<li class="d-flex flex-wrap justify-content-between align-items-start border-bottom py-2" id="filesync-packet-{{$one.id|escape:'html'}}">
			<div class="text-break me-2">
				<bdi>{{$one.text|escape:'html'}}</bdi>
				<div class="small fw-bold">{{$one.why|escape:'html'}}</div>
			</div>
			<div class="text-nowrap" role="group" aria-label="{{$one.text|escape:'html'}}">
				<button type="submit" name="filesync_agree" value="{{$one.id|escape:'html'}}" class="btn btn-sm btn-danger text-nowrap" id="filesync-agree-{{$one.id|escape:'html'}}">{{$words.agree|escape:'html'}}</button>
				<button type="submit" name="filesync_refuse" value="{{$one.id|escape:'html'}}" class="btn btn-sm btn-secondary text-nowrap" id="filesync-refuse-{{$one.id|escape:'html'}}">{{$words.refuse|escape:'html'}}</button>
			</div>
		</li>
	{{/foreach}}
	</ul>
</div>
{{/if}}

<div role="region" class="mb-4" id="filesync-conflicts" aria-label="{{$words.conflicts|escape:'html'}}">
	<h3>{{$words.conflicts|escape:'html'}}</h3>
	{{if $conflicts}}
	<p class="small text-muted mb-2">{{$words.conflicts_help|escape:'html'}}</p>
	<ul class="list-unstyled mb-0">
	{{foreach $conflicts as $one}}
		<li class="text-break mb-1" id="filesync-conflict-{{$one.id|escape:'html'}}"><a href="{{$one.url|escape:'html'}}"><bdi>{{$one.name|escape:'html'}}</bdi></a></li>
	{{/foreach}}
	</ul>
	{{else}}
	<p class="text-muted mb-0">{{$words.none_conflicts|escape:'html'}}</p>
	{{/if}}
</div>

<div role="region" id="filesync-kept" aria-label="{{$words.kept|escape:'html'}}">
	<h3>{{$words.kept|escape:'html'}}</h3>
	{{if $kept}}
	<p class="small text-muted mb-2">{{$words.kept_help|escape:'html'}}</p>
	<ul class="list-unstyled mb-0">
	{{foreach $kept as $one}}
		<li class="d-flex justify-content-between align-items-start border-bottom py-2" id="filesync-kept-{{$one.id|escape:'html'}}">
			<div class="text-break me-2">
				<bdi>{{$one.name|escape:'html'}}</bdi>
				<div class="small text-muted">{{$one.text|escape:'html'}}</div>
			</div>
			<button type="submit" name="filesync_undo" value="{{$one.id|escape:'html'}}" class="btn btn-sm btn-secondary text-nowrap flex-shrink-0" id="filesync-undo-{{$one.id|escape:'html'}}" aria-label="{{$one.undo_label|escape:'html'}}">{{$one.undo|escape:'html'}}</button>
		</li>
	{{/foreach}}
	</ul>
	{{if $kept_more}}<p class="mt-2 mb-0"><a href="{{$kept_url|escape:'html'}}">{{$words.show_all|escape:'html'}}</a></p>{{/if}}
	{{else}}
	<p class="text-muted mb-0">{{$words.none_kept|escape:'html'}}</p>
	{{/if}}
</div>
