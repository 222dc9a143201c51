/* What the bus says becomes JSON without loss, and an empty or odd value becomes no crash. */
#include "common/message-json.h"

#include <glib.h>
#include <math.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* A bus to make messages for; nobody is at its other end. */
static sd_bus *new_bus(int *ret_other)
{
        sd_bus *bus = NULL;
        int fds[2];

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
        g_assert_cmpint(sd_bus_new(&bus), >=, 0);
        g_assert_cmpint(sd_bus_set_fd(bus, fds[0], fds[0]), >=, 0);
        g_assert_cmpint(sd_bus_start(bus), >=, 0);
        *ret_other = fds[1];
        return bus;
}

/* A message that was never sent anywhere: sealed and read from its beginning. */
static sd_bus_message *new_message(sd_bus *bus)
{
        sd_bus_message *m = NULL;

        g_assert_cmpint(sd_bus_message_new_signal(bus, &m, "/x", "org.left4me.Test", "Test"), >=, 0);
        return m;
}

static char *to_text(sd_bus_message *m)
{
        json_t *value = NULL;
        char *text;

        g_assert_cmpint(sd_bus_message_seal(m, 1, 0), >=, 0);
        g_assert_cmpint(message_read_json(m, &value), >=, 0);
        text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
        json_decref(value);
        sd_bus_message_unref(m);
        return text;
}

static void assert_text(sd_bus_message *m, const char *expected)
{
        char *text = to_text(m);

        g_assert_cmpstr(text, ==, expected);
        free(text);
}

static void test_values(void)
{
        int other;
        sd_bus *bus = new_bus(&other);
        sd_bus_message *m;

        m = new_message(bus);
        g_assert_cmpint(sd_bus_message_append(m, "a{sv}", 4, "MountPoint", "s", "/x", "sub-state", "b", 1,
                                              "Port", "q", 65535, "list", "as", 2, "a", "b"),
                        >=, 0);
        assert_text(m, "{\"list\":[\"a\",\"b\"],\"mount_point\":\"/x\",\"port\":65535,\"sub_state\":true}");

        m = new_message(bus);
        g_assert_cmpint(sd_bus_message_append(m, "a(sqs)", 2, "a", 1, "udp", "", 2, "tcp"), >=, 0);
        assert_text(m, "[[\"a\",1,\"udp\"],[\"\",2,\"tcp\"]]");

        m = new_message(bus);
        g_assert_cmpint(sd_bus_message_append(m, "a{oa{sa{sv}}}", 1, "/a/B", 1, "org.left4me.Server", 1,
                                              "Name", "s", "x"),
                        >=, 0);
        assert_text(m, "{\"/a/B\":{\"org.left4me.Server\":{\"name\":\"x\"}}}");

        m = new_message(bus);
        g_assert_cmpint(sd_bus_message_append(m, "a{sv}", 0), >=, 0);
        assert_text(m, "{}");

        m = new_message(bus);
        g_assert_cmpint(sd_bus_message_append(m, "(xtd)", INT64_MIN, UINT64_MAX, 0.5), >=, 0);
        assert_text(m, "[-9223372036854775808,9223372036854775807,0.5]");

        m = new_message(bus);
        g_assert_cmpint(sd_bus_message_append(m, "d", (double)NAN), >=, 0);
        assert_text(m, "null");
        sd_bus_close_unref(bus);
        (void)close(other);
}

static void test_end_of_message(void)
{
        json_t *value = NULL;
        int other;
        sd_bus *bus = new_bus(&other);
        sd_bus_message *m;

        m = new_message(bus);
        g_assert_cmpint(sd_bus_message_seal(m, 1, 0), >=, 0);
        g_assert_cmpint(message_read_json(m, &value), <, 0);
        g_assert_null(value);
        sd_bus_message_unref(m);
        sd_bus_close_unref(bus);
        (void)close(other);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/ctl/message-json/values", test_values);
        g_test_add_func("/ctl/message-json/end-of-message", test_end_of_message);
        return g_test_run();
}
