<div class="generic-content-wrapper" id="filesync" data-source="{{$source|escape:'html'}}" data-rows="{{$rows|escape:'html'}}">
	<div class="section-title-wrapper">
		<h2>{{$words.title|escape:'html'}}</h2>
	</div>
	<div class="section-content-wrapper">
		<p id="filesync-say" class="visually-hidden" role="status" aria-live="polite">{{$say|escape:'html'}}</p>
		{{if $left}}
		<p class="alert {{if $left.is_error}}alert-danger{{else}}alert-success{{/if}}" role="alert" id="filesync-left">{{$left.line|escape:'html'}}</p>
		{{/if}}
		{{if $backup}}
		<p class="mb-2"><a href="{{$backup|escape:'html'}}" id="filesync-backup">{{$words.backup|escape:'html'}}</a></p>
		{{/if}}
		<p id="filesync-offline" class="alert alert-warning" role="alert" hidden>{{$words.offline|escape:'html'}}</p>
		<form action="{{$action|escape:'html'}}" method="post">
			<input type="hidden" name="form_security_token" id="filesync-token" value="{{$token|escape:'html'}}">
			<div id="filesync-state">
{{$state}}
			</div>
		</form>
	</div>
</div>
