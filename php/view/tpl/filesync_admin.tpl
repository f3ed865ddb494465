<input type="hidden" name="form_security_token" value="{{$token|escape:'html'}}">

{{* The first button is what Enter in a field presses. *}}
<button type="submit" name="filesync_save" value="1" class="d-none" tabindex="-1" aria-hidden="true"></button>
{{if $left}}
<p class="alert {{if $left.is_error}}alert-danger{{else}}alert-success{{/if}}" role="alert">{{$left.line|escape:'html'}}</p>
{{/if}}
{{foreach $problems as $problem}}
<p class="alert alert-danger" role="alert">{{$problem|escape:'html'}}</p>
{{/foreach}}
{{if $failed_steps}}
<ul class="small">
	{{foreach $failed_steps as $line}}
	<li class="text-break">{{$line|escape:'html'}}</li>
	{{/foreach}}
</ul>
{{/if}}
{{foreach $choices as $one}}
<div class="mb-3"><button type="submit" name="filesync_standing" value="{{$one.name}}" class="btn btn-sm btn-secondary">{{$one.button|escape:'html'}}</button>
	<div class="small text-muted">{{$one.text|escape:'html'}}</div></div>
{{/foreach}}
{{if $problem_details}}
<details class="mb-3 small text-muted"><summary>{{$words.details|escape:'html'}}</summary>{{$problem_details|escape:'html'}}</details>
{{/if}}

<section class="mb-4">
	<h4>{{$words.versions|escape:'html'}}</h4>
	<table class="table table-sm w-auto">
		<tbody>
		{{foreach $versions as $row}}
			<tr><th scope="row" class="pe-4 fw-normal text-muted">{{$row.0|escape:'html'}}</th><td>{{$row.1|escape:'html'}}</td></tr>
		{{/foreach}}
		</tbody>
	</table>
</section>

<section class="mb-4">
	<h4>{{$words.health|escape:'html'}}</h4>
	<p>
		<span class="text-muted">{{$examined|escape:'html'}}</span>
		<button type="submit" name="filesync_examine" value="1" class="btn btn-sm btn-secondary ms-2">{{$words.examine|escape:'html'}}</button>
	</p>
	{{if $health}}
	<table class="table table-sm">
		<tbody>
		{{foreach $health as $one}}
			<tr>
				<td class="{{if $one.mark === 'ok'}}text-success fw-bold{{elseif $one.mark === 'wrong'}}text-danger fw-bold{{else}}text-warning fw-bold{{/if}}">{{if $one.mark === 'ok'}}&#10003;{{elseif $one.mark === 'wrong'}}&#10007;{{else}}?{{/if}}</td>
				<td class="font-monospace text-muted text-nowrap pe-3">{{$one.check|escape:'html'}}</td>
				<td class="text-break w-100">{{$one.finding|escape:'html'}}{{if $one.remedy}}<div class="text-muted">&rarr; {{$one.remedy|escape:'html'}}</div>{{/if}}</td>
			</tr>
		{{/foreach}}
		</tbody>
	</table>
	{{/if}}
</section>

<section class="mb-4">
	<h4>{{$words.channels|escape:'html'}}</h4>
	{{if $channels}}
	<div class="table-responsive">
	<table class="table table-sm w-auto">
		<thead><tr><th>{{$words.channel|escape:'html'}}</th><th class="ps-4">{{$words.complete|escape:'html'}}</th><th class="ps-4">{{$words.missing|escape:'html'}}</th><th class="ps-4">{{$words.note|escape:'html'}}</th></tr></thead>
		<tbody>
		{{foreach $channels as $row}}
			<tr><td>{{$row.0|escape:'html'}}</td><td class="ps-4">{{$row.1|escape:'html'}}<div class="small text-muted">{{$row.2|escape:'html'}}</div></td><td class="ps-4">{{$row.3|escape:'html'}}</td><td class="ps-4">{{$row.4|escape:'html'}}</td></tr>
		{{/foreach}}
		</tbody>
	</table>
	</div>
	{{/if}}
	{{if $channels_more}}
	<p class="text-muted">{{$channels_more|escape:'html'}}</p>
	{{/if}}
</section>

<section class="mb-4">
	<h4>{{$words.queue|escape:'html'}}</h4>
	{{if $queue}}
	<table class="table table-sm w-auto">
		<thead><tr><th>{{$words.state|escape:'html'}}</th><th class="text-end ps-4">{{$words.files|escape:'html'}}</th><th class="text-end ps-4">{{$words.bytes|escape:'html'}}</th></tr></thead>
		<tbody>
		{{foreach $queue as $row}}
			<tr><td>{{$row.0|escape:'html'}}</td><td class="text-end ps-4">{{$row.1|escape:'html'}}</td><td class="text-end ps-4">{{$row.2|escape:'html'}}</td></tr>
		{{/foreach}}
		</tbody>
	</table>
	{{else}}
	<p class="text-muted">{{$words.no_files|escape:'html'}}</p>
	{{/if}}
	{{foreach $counts as $line}}
	<div>{{$line|escape:'html'}}</div>
	{{/foreach}}
</section>

<section class="mb-4">
	<h4>{{$words.clones|escape:'html'}}</h4>
	{{if $clones}}
	<div class="table-responsive">
	<table class="table table-sm">
		<thead><tr><th>{{$words.hub|escape:'html'}}</th><th>{{$words.speaks|escape:'html'}}</th><th>{{$words.last|escape:'html'}}</th><th>{{$words.trouble|escape:'html'}}</th></tr></thead>
		<tbody>
		{{foreach $clones as $row}}
			<tr><td>{{$row.0|escape:'html'}}</td><td>{{$row.1|escape:'html'}}</td><td>{{$row.2|escape:'html'}}</td><td class="text-break">{{$row.3|escape:'html'}}{{if $row.4}}<details class="small text-muted"><summary>{{$words.details|escape:'html'}}</summary>{{$row.4|escape:'html'}}</details>{{/if}}</td></tr>
		{{/foreach}}
		</tbody>
	</table>
	</div>
	{{else}}
	<p class="text-muted">{{$words.no_clones|escape:'html'}}</p>
	{{/if}}
</section>

<section class="mb-4">
	<h4>{{$words.errors|escape:'html'}}</h4>
	{{if ! $errors}}
	<p class="text-muted">{{$words.none|escape:'html'}}</p>
	{{/if}}
	<ul class="list-unstyled">
		{{foreach $errors as $one}}
		<li class="mb-2">
			<span class="text-muted">{{$one.at|escape:'html'}} {{$one.channel|escape:'html'}}</span> <strong>{{$one.name|escape:'html'}}</strong>
			<div class="ms-4 text-break">{{$one.reason|escape:'html'}} <span class="text-muted">({{$one.then|escape:'html'}})</span>
				{{if $one.details}}<details class="small text-muted"><summary>{{$words.details|escape:'html'}}</summary>{{$one.details|escape:'html'}}</details>{{/if}}
			</div>
		</li>
		{{/foreach}}
	</ul>
</section>

<section>
	<h4>{{$words.settings|escape:'html'}}</h4>
	{{foreach $settings as $one}}
	<div class="row mb-3 pb-2 border-bottom">
		<div class="col-md-8">
			<label class="fw-normal mb-0" for="id_filesync_{{$one.name}}">{{$one.text|escape:'html'}}</label>
			<div class="small text-muted"><span class="font-monospace">{{$one.name}}</span> &middot; {{$one.range|escape:'html'}}</div>
		</div>
		<div class="col-md-4">
			{{if $one.isSwitch}}
			<input class="form-check-input border-secondary" type="checkbox" name="filesync_{{$one.name}}" id="id_filesync_{{$one.name}}" value="1"{{if $one.value}} checked{{/if}}>
			{{else}}
			<input class="form-control form-control-sm{{if $one.isChanged}} border-primary{{/if}}" type="text" name="filesync_{{$one.name}}" id="id_filesync_{{$one.name}}" value="{{$one.value|escape:'html'}}">
			{{/if}}
		</div>
	</div>
	{{/foreach}}
	<div class="row mb-3 pb-2 border-bottom">
		<div class="col-md-8">
			<label class="fw-normal mb-0" for="id_filesync_excluded">{{$words.excluded|escape:'html'}}</label>
			<div class="small text-muted">{{$words.excluded_help|escape:'html'}}</div>
		</div>
		<div class="col-md-4">
			<input class="form-control form-control-sm" type="text" name="filesync_excluded" id="id_filesync_excluded" value="{{$excluded|escape:'html'}}">
		</div>
	</div>
	<button type="submit" name="filesync_save" value="1" class="btn btn-primary">{{$words.save|escape:'html'}}</button>
</section>
