/* A library that tells who loads it, for tests/tools/hostile-user. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

__attribute__((constructor)) static void loaded(void)
{
	char text[64];
	int file = open(SAID, O_WRONLY | O_CREAT | O_APPEND, 0666);
	if (file >= 0) {
		int length = snprintf(text, sizeof text, "loaded by uid %d\n", geteuid());
		if (write(file, text, length) < 0) {
			_exit(1);
		}
		close(file);
	}
}
