/* Prints the completion script at build time, so that it cannot fall behind the table of verbs. */
#include "ctl/verbs.h"

int main(void)
{
        print_completion(stdout);
        return fflush(stdout) == EOF;
}
