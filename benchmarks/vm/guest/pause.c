/* What every pod's container does here: nothing. Process 1 of its namespace, so signals without a handler are ignored. */
#include <unistd.h>

int main(void)
{
	for (;;)
		pause();
}
