<?php

/**
 * Prints an API as text, one line per class, constant and method: `php api.php extension` shows the loaded extension,
 * `php api.php stub FILE` what a stub file declares. `make test` compares the two.
 */

function typeOf(?ReflectionType $type): string
{
	return $type === null ? 'no type' : (string) $type;
}

function parameter(ReflectionParameter $parameter): string
{
	$default = '';
	if ($parameter->isDefaultValueAvailable()) {
		$default = ' = ' . strtolower(var_export($parameter->getDefaultValue(), true));
	} elseif ($parameter->isOptional()) {
		$default = ' = ?';
	}
	$by = ($parameter->isPassedByReference() ? '&' : '') . ($parameter->isVariadic() ? '...' : '');
	return typeOf($parameter->getType()) . " $by\$" . $parameter->getName() . $default;
}

function sorted(array $names): array
{
	sort($names);
	return $names;
}

/** @return list<string> */
function linesOf(ReflectionClass $class): array
{
	$name = $class->getName();
	$kind = implode(' ', Reflection::getModifierNames($class->getModifiers()));
	$lines = [
		trim("$kind class $name")
			. ' extends '
			. ($class->getParentClass() ? $class->getParentClass()->getName() : 'nothing')
			. ' implements '
			. implode(', ', sorted($class->getInterfaceNames())),
	];
	foreach ($class->getReflectionConstants() as $constant) {
		if ($constant->getDeclaringClass()->getName() === $name) {
			$lines[] = "$name::{$constant->getName()} = " . json_encode($constant->getValue());
		}
	}
	foreach ($class->getProperties() as $property) {
		if ($property->getDeclaringClass()->getName() === $name) {
			$lines[] = "$name::\${$property->getName()} " . typeOf($property->getType());
		}
	}
	foreach ($class->getMethods() as $method) {
		if ($method->getDeclaringClass()->getName() === $name) {
			$modifiers = implode(' ', Reflection::getModifierNames($method->getModifiers()));
			$parameters = implode(', ', array_map(parameter(...), $method->getParameters()));
			$lines[] = "$modifiers $name::{$method->getName()}($parameters): " . typeOf($method->getReturnType());
		}
	}
	return $lines;
}

if ($argv[1] === 'extension') {
	$extension = new ReflectionExtension('filesync');
	$classes = $extension->getClasses();
	$functions = $extension->getFunctions();
} else {
	require $argv[2];
	$classes = array_map(
		fn ($name) => new ReflectionClass($name),
		array_filter(get_declared_classes(), fn ($name) => str_starts_with($name, 'FileSync\\')),
	);
	$functions = array_map(
		fn ($name) => new ReflectionFunction($name),
		array_filter(get_defined_functions()['user'], fn ($name) => str_starts_with($name, 'filesync\\')),
	);
}
$lines = array_merge([], ...array_map(linesOf(...), array_values($classes)));
foreach ($functions as $function) {
	$lines[] =
		"function {$function->getName()}("
		. implode(', ', array_map(parameter(...), $function->getParameters()))
		. '): '
		. typeOf($function->getReturnType());
}
sort($lines);
echo implode("\n", $lines), "\n";
