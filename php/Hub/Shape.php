<?php

namespace FileSync\Addon\Hub;

if (! class_exists('App', false)) {
	exit;
}

/** The parameters of a function of core, compared with those that the table of assumptions lists. */
final class Shape
{
	/** @return list<Parameter> */
	public static function of(\ReflectionFunctionAbstract $one): array
	{
		return array_values(array_map(
			fn ($parameter) => new Parameter(
				$parameter->getName(),
				$parameter->isOptional(),
				$parameter->isPassedByReference(),
				(string) $parameter->getType(),
			),
			$one->getParameters(),
		));
	}

	/**
	 * Tells whether parameters are as one of some known lists; null if only names differ, where these are a hint.
	 *
	 * @param list<string>    $known
	 * @param list<Parameter> $parameters
	 * @param list<string>    $words      Of the table.
	 */
	public static function fits(array $known, array $parameters, array $words): ?bool
	{
		$fits = array_map(fn ($list) => self::fitsOne(
			$list === '' ? [] : explode(', ', $list),
			$parameters,
			$words,
		), $known);

		return in_array(true, $fits, true) ? true : (in_array(null, $fits, true) ? null : false);
	}

	/**
	 * @param list<string>    $known
	 * @param list<Parameter> $parameters
	 * @param list<string>    $words
	 */
	private static function fitsOne(array $known, array $parameters, array $words): ?bool
	{
		$count = count($known);
		$isByReference = array_map(fn ($name) => $name[0] === '&', $known);
		$known = array_map(fn ($name) => ltrim($name, '&'), $known);
		$rest = array_slice($parameters, $count);
		$isNeeded = array_filter($rest, fn ($one) => ! $one->isOptional) !== [];
		if (
			count($parameters) < $count
			|| in_array('only', $words, true)
			&& $rest !== []
			|| $isNeeded
			&& ! in_array('passed', $words, true)
		) {
			return false;
		}

		// We pass values unless the table says otherwise, and what we replace gets no more than that from its caller.
		$passed = in_array('passed', $words, true) ? $parameters : array_slice($parameters, 0, $count);
		foreach ($passed as $n => $one) {
			if ($one->isReference !== ($isByReference[$n] ?? false)) {
				return false;
			}
		}
		foreach ($known as $n => $name) {
			if (! Types::take($parameters[$n]->type, Assumptions::ARGUMENTS[$name] ?? 'text')) {
				return false;
			}
		}
		$names = array_map(fn ($one) => $one->name, $parameters);
		if (array_slice($names, 0, $count) === $known) {
			return true;
		}
		foreach ($known as $n => $name) {
			// A name that is elsewhere is no other name for the same.
			if (in_array($name, $names, true) && $names[$n] !== $name) {
				return false;
			}
		}

		return in_array('alike', $words, true) ? null : false;
	}
}
