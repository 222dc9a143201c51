/* The bar fits the terminal whatever the figures are. */
#include "common/progress.h"

#include <glib.h>

static void test_line(void)
{
        ProgressState state = {
                .valid = true, .fraction = 0.5, .done = 512 << 10, .total = 1 << 20, .usec = 1000000};
        g_autofree char *line = progress_format("import maps", &state, 100);

        g_assert_cmpstr(line, ==,
                        "import maps [####################--------------------]  50%  512.0 KiB of 1.0 MiB, "
                        "512.0 KiB/s");
}

static void test_unknown_total(void)
{
        ProgressState state = {.done = 2048, .usec = 500000};
        g_autofree char *line = progress_format("import", &state, 80);

        g_assert_cmpstr(line, ==, "import  2.0 KiB, 4.0 KiB/s");
}

static void test_never_wider(void)
{
        static const double fractions[] = {-1, 0, 0.333, 1, 1e300};

        for (gsize i = 0; i < G_N_ELEMENTS(fractions); i++)
                for (size_t columns = 1; columns < 200; columns++) {
                        ProgressState state = {true, fractions[i], UINT64_MAX, UINT64_MAX, 1};
                        g_autofree char *line = progress_format("größe", &state, columns);

                        g_assert_true(g_utf8_validate(line, -1, NULL));
                        g_assert_cmpint(g_utf8_strlen(line, -1), <, columns);
                }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/ctl/progress/line", test_line);
        g_test_add_func("/ctl/progress/unknown-total", test_unknown_total);
        g_test_add_func("/ctl/progress/never-wider", test_never_wider);
        return g_test_run();
}
