<?php

namespace Converge;

/** The hubs do not show the same, or something is lost. */
final class Difference extends \RuntimeException {}
