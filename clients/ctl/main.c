/* left4mectl: the command line of left4me, a plain client of its D-Bus service. All rights are the caller's.
 */
#include "ctl/verbs.h"

#include <errno.h>
#include <locale.h>

static void ctl_done(Ctl *ctl)
{
        client_free(ctl->client);
        g_clear_pointer(&ctl->overlays, g_ptr_array_unref);
        g_clear_pointer(&ctl->arguments, g_ptr_array_unref);
        g_clear_pointer(&ctl->config, g_ptr_array_unref);
}

int main(int argc, char **argv)
{
        Ctl ctl = {.ask_password = true, .output = {.legend = true, .local_users = true}};
        char **args = NULL;
        int code;

        setlocale(LC_ALL, "");
        ctl.output.colour = output_colour();

        code = parse_command_line(&ctl, argc, argv, &args);
        if (code == EXIT_OK)
                code = ctl.verb->run(&ctl, args);
        ctl_done(&ctl);

        /* What did not reach its reader was not printed: a full disk, a pipe that broke. */
        if (fflush(stdout) == EOF && code <= EXIT_OK) {
                output_complain(NULL, g_strerror(errno));
                code = EXIT_FAILED;
        }
        return MAX(code, EXIT_OK);
}
