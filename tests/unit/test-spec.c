/* spec.yaml: what it takes, and every trick of YAML that it does not, each with its position. */
#include "hostile.h"
#include "plan/spec.h"

#include <stdio.h>

static const struct {
        const char *text;
        uint16_t port;
        const char *overlays, *arguments, *config; /* joined by "|" */
} good[] = {
        {"port: 27015", 27015, "", "", ""},
        {"port: 1\n", 1, "", "", ""},
        {"{port: 65535}", 65535, "", "", ""},
        {"{\"port\": 80, 'overlays': []}", 80, "", "", ""},
        {"---\nport: 27015\n", 27015, "", "", ""},
        {"---\nport: 27015\n...\n", 27015, "", "", ""},
        {"%YAML 1.1\n---\nport: 27015\n", 27015, "", "", ""},
        {"\xef\xbb\xbfport: 27015\n", 27015, "", "", ""},
        {"port: 27015\r\noverlays:\r\n- a\r\n", 27015, "a", "", ""},
        {"# x\nport: 27015 # y\n", 27015, "", "", ""},
        {"overlays: [b, a]\nport: 27015\n", 27015, "b|a", "", ""},
        {"port: 27015\noverlays:\n  - b\n  - \"a\"\n  - 'c'\n", 27015, "b|a|c", "", ""},
        {"port: 27015\narguments:\n- -maxplayers\n- 8\n- +map\n- c2m1_highway\n", 27015, "",
         "-maxplayers|8|+map|c2m1_highway", ""},
        {"port: 27015\narguments: [+sv_lan, 0, +sv_x, on, -y, 1.5, +z, 0x10, -w, 010]", 27015, "",
         "+sv_lan|0|+sv_x|on|-y|1.5|+z|0x10|-w|010", ""},
        {"port: 27015\noverlays: [123, true, no, nan]", 27015, "123|true|no|nan", "", ""},
        {"port: 27015\nconfig:\n- hostname \"My Server\"\n- 'sv_password \"x\"'\n- \"say \\\"x\\\"\"\n- "
         "sv_lan 0 # no\n",
         27015, "", "", "hostname \"My Server\"|sv_password \"x\"|say \"x\"|sv_lan 0"},
        {"port: 27015\nconfig: ['', \"null\", '~']", 27015, "", "", "|null|~"},
        {"port: 27015\nconfig:\n- >-\n  a\n  b\n- |-\n  c\n", 27015, "", "", "a b|c"},
        {"port: 27015\nconfig: [caf\xc3\xa9, \xf0\x9f\x8e\xae]", 27015, "", "",
         "caf\xc3\xa9|\xf0\x9f\x8e\xae"},
        {"? port\n: 27015\n", 27015, "", "", ""},
};

static void test_good_specs(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
                g_autoptr(Spec) s = NULL;
                g_autoptr(GError) error = NULL;
                g_autofree char *overlays = NULL, *arguments = NULL, *config = NULL;

                assert_accepted(spec_parse(good[i].text, strlen(good[i].text), &s, &error), &error,
                                good[i].text);
                overlays = g_strjoinv("|", s->definition->overlays);
                arguments = g_strjoinv("|", s->definition->arguments);
                config = g_strjoinv("|", s->definition->config);
                g_assert_cmpuint(s->port, ==, good[i].port);
                g_assert_cmpstr(overlays, ==, good[i].overlays);
                g_assert_cmpstr(arguments, ==, good[i].arguments);
                g_assert_cmpstr(config, ==, good[i].config);
        }
        g_assert_null(spec_free(NULL));
}

#define KNOWN "(known keys: port, overlays, arguments, config)"

static const struct {
        const char *text, *part;
} hostile[] = {
        /* no document, no mapping */
        {"", "line 1, column 1: the document is empty"},
        {"\n\n", "the document is empty"},
        {"# only this", "the document is empty"},
        {"\xef\xbb\xbf", "the document is empty"},
        {"---", ": expected a mapping"},
        {"~", "line 1, column 1: expected a mapping"},
        {"27015", "line 1, column 1: expected a mapping"},
        {"[port, 27015]", "line 1, column 1: expected a mapping"},
        {"- port: 27015", "line 1, column 1: expected a mapping"},
        {"'port: 27015'", "line 1, column 1: expected a mapping"},
        {"{}", "line 1, column 1: key 'port' is missing"},
        {"\n\noverlays: [a]", "line 3, column 1: key 'port' is missing"},
        /* keys */
        {"port: 1\nfoo: 1", "line 2, column 1: unknown key 'foo' " KNOWN},
        {"port: 1\noverlays: []\n\n  \nfoo: 1", "line 5, column 1: unknown key 'foo' " KNOWN},
        {"{port: 1, foo: 1}", "line 1, column 11: unknown key 'foo' " KNOWN},
        {"foo: 1", "line 1, column 1: unknown key 'foo' " KNOWN},
        {"Port: 1", "unknown key 'Port'"},
        {"PORT: 1", "unknown key 'PORT'"},
        {"port : 1\nports: 2", "unknown key 'ports'"},
        {"' port': 1", "unknown key ' port'"},
        {"port: 1\nname: x", "unknown key 'name'"},
        {"port: 1\nargument: []", "unknown key 'argument'"},
        {"port: 1\n\"overlays\\n\": []", "unknown key 'overlays\\x0a'"},
        {"port: 1\n\"\\e[31m\": []", "unknown key '\\x1b[31m'"},
        {"port: 1\n\"port\\0\": 1", "line 2, column 1: text with a NUL byte"},
        {"port: 1\n'': 1", "unknown key ''"},
        {"port: 1\n: 1", "line 2, column 1: "},
        {"port: 1\n~: 1", "unknown key '~'"},
        {"port: 1\n1: 1", "unknown key '1'"},
        {"port: 1\np\xc3\xb6rt: 1", "unknown key 'p\xc3\xb6rt'"},
        {"port: 1\n\xd1\x80"
         "ort: 1",
         "unknown key '\xd1\x80"
         "ort'"},
        {"port: 1\n? [a]\n: 1", "line 2, column 3: a key must be text"},
        {"port: 1\n? {a: b}\n: 1", "line 2, column 3: a key must be text"},
        {"{[port]: 1}", "line 1, column 2: a key must be text"},
        {"{{port: 1}: 1}", "line 1, column 2: a key must be text"},
        {"port: 1\n<<: {port: 2}", "line 2, column 1: unknown key '<<'"},
        {"port: 1\n<<: [a]", "unknown key '<<'"},
        {"port: 1\n'<<': a", "unknown key '<<'"},
        {"port: 1\n=: a", "unknown key '='"},
        /* duplicates */
        {"port: 1\nport: 1", "line 2, column 1: duplicate key 'port' (first on line 1)"},
        {"port: 1\noverlays: []\nport: 2", "line 3, column 1: duplicate key 'port' (first on line 1)"},
        {"{port: 1, port: 2}", "line 1, column 11: duplicate key 'port'"},
        {"port: 1\n\"port\": 2", "line 2, column 1: duplicate key 'port'"},
        {"port: 1\n'port': 2", "duplicate key 'port'"},
        {"port: 1\n\"\\x70ort\": 2", "duplicate key 'port'"},
        {"port: 1\n? port\n: 2", "line 2, column 3: duplicate key 'port'"},
        {"port: 1\noverlays: [a]\noverlays: [b]", "line 3, column 1: duplicate key 'overlays'"},
        {"port: 1\nconfig: []\nconfig: []", "duplicate key 'config'"},
        {"port: 1\narguments:\narguments: []", "duplicate key 'arguments'"},
        {"port: 1\nconfig: [{a: 1, a: 2}]", "line 2, column 17: duplicate key 'a'"},
        {"port: 1\nx: 1\nx: 2", "duplicate key 'x'"},
        /* the port */
        {"port:", "'port' has an empty value (null)"},
        {"port: ~", "line 1, column 7: 'port' has an empty value (null)"},
        {"port: null", "has an empty value"},
        {"port: Null", "has an empty value"},
        {"port: NULL", "has an empty value"},
        {"port: 0", "line 1, column 7: 'port' takes a number from 1 to 65535, not 0"},
        {"port: 65536", "'port' takes a number from 1 to 65535, not 65536"},
        {"port: 92551", "from 1 to 65535"},
        {"port: 4294994311", "from 1 to 65535"},
        {"port: 18446744073709578631", "from 1 to 65535"},
        {"port: 18446744073709551616", "from 1 to 65535"},
        {"port: 99999999999999999999999999999999999999999999999999999999999999999999999999",
         "from 1 to 65535"},
        {"port: -1", "'port' takes a plain decimal number, not '-1'"},
        {"port: +27015", "plain decimal number, not '+27015'"},
        {"port: 27015.0", "plain decimal number, not '27015.0'"},
        {"port: 27015.", "plain decimal number"},
        {"port: 2.7015e4", "plain decimal number"},
        {"port: 27e3", "plain decimal number"},
        {"port: .5", "plain decimal number"},
        {"port: .inf", "plain decimal number"},
        {"port: .nan", "plain decimal number"},
        {"port: 027015", "plain decimal number, not '027015'"},
        {"port: 00", "plain decimal number"},
        {"port: 0o64607", "plain decimal number"},
        {"port: 0x6987", "plain decimal number, not '0x6987'"},
        {"port: 0b110100110000111", "plain decimal number"},
        {"port: 27_015", "plain decimal number"},
        {"port: 7:30:15", "plain decimal number"},
        {"port: 27,015", "plain decimal number"},
        {"port: 27015 27016", "plain decimal number"},
        {"port: 27015x", "plain decimal number"},
        {"port: yes", "plain decimal number, not 'yes'"},
        {"port: on", "plain decimal number"},
        {"port: true", "plain decimal number"},
        {"port: n", "plain decimal number"},
        {"port: 2027-01-15", "plain decimal number"},
        {"port: \xd9\xa1\xd9\xa2", "plain decimal number"},
        {"port: \xef\xbc\x91", "plain decimal number"},
        {"port: 27015\xc2\xa0", "plain decimal number"},
        {"port: \"27015\"", "line 1, column 7: 'port' takes a number, not the quoted text '27015'"},
        {"port: '27015'", "takes a number, not the quoted text"},
        {"port: ''", "takes a number, not the quoted text ''"},
        {"port: |\n  27015", "takes a number, not the quoted text"},
        {"port: >-\n  27015", "takes a number, not the quoted text"},
        {"port: [27015]", "line 1, column 7: 'port' takes text here, not a list"},
        {"port: []", "'port' takes text here, not a list"},
        {"port:\n- 27015", "line 2, column 1: 'port' takes text here, not a list"},
        {"port: {a: 1}", "'port' takes text here, not a mapping"},
        {"port: \"27015\\0\"", "text with a NUL byte"},
        /* the lists */
        {"port: 1\noverlays:", "line 2, column 10: 'overlays' takes a list (write [] for an empty one)"},
        {"port: 1\noverlays: ~", "line 2, column 11: 'overlays' takes a list"},
        {"port: 1\noverlays: a", "line 2, column 11: 'overlays' takes a list"},
        {"port: 1\noverlays: a b", "'overlays' takes a list"},
        {"port: 1\noverlays: {}", "'overlays' takes a list"},
        {"port: 1\noverlays: {a: b}", "'overlays' takes a list"},
        {"port: 1\narguments: -x", "'arguments' takes a list"},
        {"port: 1\narguments: {a: b}", "'arguments' takes a list"},
        {"port: 1\nconfig: |\n  a\n  b\n", "'config' takes a list"},
        {"port: 1\nconfig: ''", "'config' takes a list"},
        {"port: 1\noverlays: [[a]]", "line 2, column 12: 'overlays' takes text here, not a list"},
        {"port: 1\noverlays: [a, {b: c}]", "line 2, column 15: 'overlays' takes text here, not a mapping"},
        {"port: 1\noverlays:\n- a\n- - b", "line 4, column 3: 'overlays' takes text here, not a list"},
        {"port: 1\noverlays:\n- a: b", "line 3, column 3: 'overlays' takes text here, not a mapping"},
        {"port: 1\nconfig:\n- hostname: x", "line 3, column 3: 'config' takes text here, not a mapping"},
        {"port: 1\nconfig: [a: b]", "line 2, column 10: 'config' takes text here, not a mapping"},
        {"port: 1\nconfig: [? a]", "'config' takes text here, not a mapping"},
        {"port: 1\narguments: [[]]", "'arguments' takes text here, not a list"},
        {"port: 1\noverlays: [~]", "line 2, column 12: 'overlays' has an empty value (null)"},
        {"port: 1\noverlays:\n- a\n-\n- b", "line 4, column 2: 'overlays' has an empty value (null)"},
        {"port: 1\noverlays:\n-", "'overlays' has an empty value (null)"},
        {"port: 1\narguments: [null]", "'arguments' has an empty value"},
        {"port: 1\narguments: [a, NULL]", "line 2, column 16: 'arguments' has an empty value"},
        {"port: 1\nconfig: [Null]", "'config' has an empty value"},
        {"port: 1\nconfig: [~, a]", "'config' has an empty value"},
        /* anchors, aliases, tags, merges */
        {"port: &p 27015", "line 1, column 7: anchors are not allowed"},
        {"port: *p", "line 1, column 7: aliases are not allowed"},
        {"&r {port: 1}", "line 1, column 1: anchors are not allowed"},
        {"&r\nport: 1", "anchors are not allowed"},
        {"&k port: 1", "line 1, column 1: anchors are not allowed"},
        {"*k : 1", "line 1, column 1: aliases are not allowed"},
        {"port: 1\noverlays: &o [a]", "line 2, column 11: anchors are not allowed"},
        {"port: 1\noverlays: [&o a]", "line 2, column 12: anchors are not allowed"},
        {"port: 1\noverlays: [a, *o]", "line 2, column 15: aliases are not allowed"},
        {"port: 1\noverlays:\n- &a x\n- *a", "line 3, column 3: anchors are not allowed"},
        {"a: &a {port: 1}\n<<: *a", "line 1, column 4: anchors are not allowed"},
        {"port: 1\n<<: *a", "line 2, column 5: aliases are not allowed"},
        {"port: !!int 27015", "line 1, column 7: tags are not allowed"},
        {"port: !!str 27015", "tags are not allowed"},
        {"port: ! 27015", "tags are not allowed"},
        {"port: !x 27015", "tags are not allowed"},
        {"port: !!python/object/apply:os.system [id]", "tags are not allowed"},
        {"port: !<tag:yaml.org,2002:int> 1", "tags are not allowed"},
        {"!!map {port: 1}", "line 1, column 1: tags are not allowed"},
        {"!!str port: 1", "tags are not allowed"},
        {"port: 1\noverlays: !!seq [a]", "line 2, column 11: tags are not allowed"},
        {"port: 1\noverlays: !!set {a}", "tags are not allowed"},
        {"port: 1\nconfig: [!!binary aGk=]", "line 2, column 10: tags are not allowed"},
        {"port: 1\nconfig: [!!null x]", "tags are not allowed"},
        {"%TAG ! tag:x,2000:\n---\nport: 1", "tags are not allowed"},
        {"%TAG !e! tag:x,2000:\n---\nport: 1", "tags are not allowed"},
        {"port: !e!x 1", "undefined tag handle"},
        {"lol: &l lol\na: [*l, *l]\nport: 1", "line 1, column 6: anchors are not allowed"},
        {"a: &a [\"x\",\"x\"]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: &d [*c,*c]\nport: 1",
         "line 1, column 4: anchors are not allowed"},
        {"port: 1\noverlays: &a [*a]", "anchors are not allowed"},
        /* more than one document */
        {"port: 1\n---\nport: 2", "line 2, column 1: a second document"},
        {"---\nport: 1\n---\n", "line 3, column 1: a second document"},
        {"port: 1\n...\n---\nport: 2", "line 3, column 1: a second document"},
        {"port: 1\n...\nport: 2", "line 3, column 1: "},
        {"{port: 1}\n--- {}", "a second document"},
        {"{port: 1} {port: 2}", "line 1, column 11: "},
        {"%YAML 1.1\n%YAML 1.1\n---\nport: 1", "duplicate %YAML directive"},
        {"%YAML 9.9\n---\nport: 1", "incompatible YAML document"},
        {"%YAML\n---\nport: 1", "line 1, column "},
        {"%YAML 1.1\nport: 1", "line 2, column 1: "},
        /* syntax */
        {"port: 1: 2", "line 1, column 8: mapping values are not allowed"},
        {"port 1", "expected a mapping"},
        {"port: 1\n overlays: []", "line 2, column 10: mapping values are not allowed"},
        {"port: 1\noverlays: [a", "line 3, column 1: "},
        {"port: 1\noverlays: [a}", "line 2, column 13: "},
        {"port: 1\noverlays: a]", "'overlays' takes a list"},
        {"{port: 1", "line 2, column 1: "},
        {"port: 1}", "plain decimal number"},
        {"port: \"1", "unexpected end of stream"},
        {"port: '1", "unexpected end of stream"},
        {"port: \"\\q\"", "unknown escape character"},
        {"port: \"\\ud800\"", "invalid Unicode character"},
        {"port: \"\\U00110000\"", "invalid Unicode character"},
        {"port: \"\\xg\"", "did not find expected hexdecimal number"},
        {"port: @1", "found character that cannot start any token"},
        {"port: `1", "found character that cannot start any token"},
        {"port: %1", "found character that cannot start any token"},
        {"port: ]", "line 1, column 7: "},
        {"port: ,", "line 1, column 7: "},
        {"port: - 1", "line 1, column 7: block sequence entries are not allowed"},
        {"port: ? 1", "mapping keys are not allowed"},
        {"port: |x\n 1", "line 1, column 8: "},
        {"port: |0\n 1", "found an indentation indicator equal to 0"},
        {"port: &", "line 1, column 8: "},
        {"port: *", "line 1, column 8: "},
        {"port: !<x", "line 1, column 10: "},
        {"\tport: 1", "line 1, column 1: "},
        {"port: 1\n\toverlays: []", "line 2, column "},
        {"port: 1\noverlays:\n\t- a", "line 3, column 1: "},
        {"port: 1\noverlays:\n  - a\n - b", "line 4, column 2: "},
        {"port: 1\n- a", "line 2, column 1: "},
        {"overlays:\n- a\nport", "line 4, column 1: "},
        /* bytes */
        {"port: 1\n\xff", "line 2, column 1: not valid UTF-8"},
        {"port: 1 # \xc3\xa9\xff", "line 1, column 12: not valid UTF-8"},
        {"port: \xc0\xb1", "line 1, column 7: not valid UTF-8"},
        {"port: \xed\xa0\x80", "not valid UTF-8"},
        {"port: \xf4\x90\x80\x80", "not valid UTF-8"},
        {"port: 1\xe2\x82", "line 1, column 8: not valid UTF-8"},
        {"\xff\xfep\0o\0", "line 1, column 1: not valid UTF-8"},
        {"\xfe\xff", "line 1, column 1: not valid UTF-8"},
        {"port: 1\x01", "line 1, column 8: control character U+0001 is not allowed"},
        {"port: 1 #\x1b[2J", "line 1, column 10: control character U+001B is not allowed"},
        {"port: 1\x7f", "control character U+007F is not allowed"},
        {"port: 1\r\n\x02", "line 2, column 1: control character U+0002 is not allowed"},
        {"port: 1\r\r\x02", "line 3, column 1: control character U+0002"},
        {"port: 1\xc2\x85x: 1", "control character U+0085 is not allowed"},
        {"port: 1\xe2\x80\xa8x: 1", "control character U+2028 is not allowed"},
        {"port: 1 # \xe2\x80\xae", "line 1, column 11: control character U+202E is not allowed"},
        {"port: 1\nconfig: ['\xe2\x81\xa6x']", "line 2, column 11: control character U+2066 is not allowed"},
        {"port: 1\nconfig: [\xef\xbf\xbf]", "line 2, column 10: control characters are not allowed"},
        /* what a definition may not hold, where it stands */
        {"port: 1\noverlays: [A]", "line 2, column 12: invalid overlay name 'A'"},
        {"port: 1\noverlays:\n- a\n- ../b", "line 4, column 3: invalid overlay name '../b'"},
        {"port: 1\noverlays: ['']", "line 2, column 12: invalid overlay name ''"},
        {"port: 1\noverlays: [1.5]", "invalid overlay name '1.5'"},
        {"port: 1\noverlays:\n- a\n- b\n- \"a\"", "line 5, column 3: overlay 'a' is listed twice"},
        {"port: 1\noverlays: [\"a\\nb\"]", "line 2, column 12: not UTF-8, or with a newline"},
        {"port: 1\noverlays:\n- >\n  a\n", "line 3, column 3: not UTF-8, or with a newline"},
        {"port: 1\narguments: [-port]", "line 2, column 13: '-port' is set by the manager"},
        {"port: 1\narguments:\n  - -maxplayers\n  - 8\n  - -PORT=1",
         "line 5, column 5: '-PORT' is set by the manager"},
        {"port: 1\narguments: [+map c1m1_hotel]", "line 2, column 13: '+map...' is not a switch"},
        {"port: 1\narguments: ['']", "line 2, column 13: an empty argument"},
        {"port: 1\narguments: [+rcon_password, x]",
         "line 2, column 13: '+rcon_password' is set by the manager"},
        {"port: 1\narguments: [+exec, 'x;rcon_password y']", "line 2, column 20: names rcon_password"},
        {"port: 1\narguments: [\"\\x2dport\"]", "line 2, column 13: '-port' is set by the manager"},
        {"port: 1\narguments: [\"a\\tb\"]", "line 2, column 13: not UTF-8, or with a newline"},
        {"port: 1\narguments: [\"a\\0b\"]", "line 2, column 13: text with a NUL byte"},
        {"port: 1\narguments: [+map, a, +map, b]", "line 2, column 22: a second '+map'"},
        {"port: 1\nconfig:\n- sv_lan 0\n- rcon_password x", "line 4, column 3: names rcon_password"},
        {"port: 1\nconfig: ['\"RCON_PASSWORD\" x']", "line 2, column 10: names rcon_password"},
        {"port: 1\nconfig: [\"a\\nrcon_password x\"]", "line 2, column 10: not UTF-8, or with a newline"},
        {"port: 1\nconfig:\n- |\n  a\n  b\n", "line 3, column 3: not UTF-8, or with a newline"},
        {"port: 1\nconfig: [\"a\\u202eb\"]", "line 2, column 10: not UTF-8, or with a newline"},
        {"port: 1\nconfig: [\"a\\N\"]", "line 2, column 10: not UTF-8, or with a newline"},
        {"port: 1\nconfig: ['say \"x']", "line 2, column 10: has a quote that is not closed"},
        {"port: 1\nconfig: [a, \"\\0\"]", "line 2, column 13: text with a NUL byte"},
};

static void refuse(const char *text, size_t size, const char *part, const char *label)
{
        g_autoptr(Spec) s = NULL;
        g_autoptr(GError) error = NULL;
        unsigned line = 0, column = 0;
        bool accepted = spec_parse(text, size, &s, &error);

        if (error &&
            (sscanf(error->message, "line %u, column %u: ", &line, &column) != 2 || line < 1 || column < 1))
                g_error("no position: %s: %s", label, error->message);
        assert_refused(accepted, &error, L4_ERROR_INVALID_SPEC, part, label);
        g_assert_null(s);
}

static void test_hostile_specs(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(hostile); i++)
                refuse(hostile[i].text, strlen(hostile[i].text), hostile[i].part, hostile[i].text);
}

static void test_nul_bytes(void)
{
        static const char inside[] = "port: 1\nx\0y", last[] = "port: 1\n\0",
                          utf16[] = "p\0o\0r\0t\0:\0 \0001\0";

        refuse(inside, sizeof(inside) - 1, "line 2, column 2: a NUL byte", "NUL inside");
        refuse(last, sizeof(last) - 1, "line 2, column 1: a NUL byte", "NUL at the end");
        refuse(utf16, sizeof(utf16) - 1, "line 1, column 2: a NUL byte", "UTF-16 without a mark");
        refuse("\0", 1, "line 1, column 1: a NUL byte", "nothing but a NUL");
}

static void test_the_text_ends_at_its_size(void)
{
        g_autoptr(Spec) s = NULL;
        g_autoptr(GError) error = NULL;

        assert_accepted(spec_parse("port: 27015000", 11, &s, &error), &error, "cut");
        g_assert_cmpuint(s->port, ==, 27015);
}

static void test_64_kib_and_no_more(void)
{
        g_autoptr(GString) text = g_string_new("port: 27015\n");
        g_autoptr(Spec) s = NULL;
        g_autoptr(GError) error = NULL;

        while (text->len < SPEC_SIZE_MAX)
                g_string_append_c(text, '#');
        assert_accepted(spec_parse(text->str, SPEC_SIZE_MAX, &s, &error), &error, "64 KiB");
        g_string_append_c(text, '#');
        refuse(text->str, text->len, "line 1, column 1: the text has 65537 bytes; at most 65536 are allowed",
               "64 KiB + 1");
        refuse(NULL, SIZE_MAX, "line 1, column 1: the text has 18446744073709551615 bytes", "every byte");
}

/* "port: 1\nx: " and n lists: the mapping is the first level. */
static void test_8_levels_and_no_more(void)
{
        for (unsigned n = 1; n < 30; n++) {
                g_autoptr(GString) text = g_string_new("port: 1\noverlays: ");

                for (unsigned i = 0; i < n; i++)
                        g_string_append_c(text, '[');
                for (unsigned i = 0; i < n; i++)
                        g_string_append_c(text, ']');
                if (n > 1)
                        refuse(text->str, text->len,
                               n > 7 ? "line 2, column 18: nested deeper than 8 levels"
                                     : "takes text here, not a list",
                               text->str);
        }
}

static void test_bottomless_nesting(void)
{
        static const char *const units[] = {"[", "{a: ",  "- ",    "? ", "[[",  "{", "{[",  "{? ",
                                            "!", "&a ",   "*a ",   "'",  "\"",  "|", "a: ", "}",
                                            "]", "---\n", "...\n", "%",  "\n ", "#"};

        for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
                g_autoptr(GString) text = g_string_new(NULL);

                while (text->len + strlen(units[i]) <= SPEC_SIZE_MAX)
                        g_string_append(text, units[i]);
                refuse(text->str, text->len, "line ", units[i]);
        }
}

/* Nodes: the mapping, two for the port, key and list, and the items. */
static void test_2000_nodes_and_no_more(void)
{
        static const struct {
                unsigned items;
                const char *part;
        } cases[] = {
                {256, NULL},
                {257, "line 259, column 3: more than 256 items"},
                {1995, "line 259, column 3: more than 256 items"},
                {1996, "line 1998, column 3: more than 2000 nodes"},
                {10000, "line 1998, column 3: more than 2000 nodes"},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GString) text = g_string_new("port: 1\nconfig:\n");
                g_autoptr(Spec) s = NULL;
                g_autoptr(GError) error = NULL;

                for (unsigned k = 0; k < cases[i].items; k++)
                        g_string_append(text, "- a\n");
                if (cases[i].part)
                        refuse(text->str, text->len, cases[i].part, cases[i].part);
                else
                        assert_accepted(spec_parse(text->str, text->len, &s, &error), &error, "256 items");
        }
}

static void test_many_keys(void)
{
        g_autoptr(GString) text = g_string_new("port: 1\n");

        for (unsigned k = 0; text->len < SPEC_SIZE_MAX - 20; k++)
                g_string_append_printf(text, "k%u: %u\n", k, k);
        refuse(text->str, text->len, "more than 2000 nodes", "keys");
}

/* Laughs are refused at the first anchor, in a time that has nothing to do with what they would expand to. */
static void test_billion_laughs(void)
{
        g_autoptr(GString) text = g_string_new("port: 1\na0: &a0 [lol]\n");

        for (unsigned i = 1; i < 100; i++)
                g_string_append_printf(text,
                                       "a%u: &a%u [*a%u, *a%u, *a%u, *a%u, *a%u, *a%u, *a%u, *a%u, *a%u]\n",
                                       i, i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
        refuse(text->str, text->len, "line 2, column 5: anchors are not allowed", "laughs");
}

static void test_every_control_character_has_its_place(void)
{
        for (unsigned c = 1; c < 0xa0; c++) {
                g_autoptr(GString) text = g_string_new("port: 1\n# x");
                g_autofree char *part = g_strdup_printf("line 2, column 4: control character U+%04X", c);

                if (c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c < 0x7f))
                        continue;
                g_string_append_unichar(text, c);
                refuse(text->str, text->len, part, part);
        }
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/spec/good", test_good_specs);
        g_test_add_func("/spec/hostile", test_hostile_specs);
        g_test_add_func("/spec/nul", test_nul_bytes);
        g_test_add_func("/spec/size-given", test_the_text_ends_at_its_size);
        g_test_add_func("/spec/size", test_64_kib_and_no_more);
        g_test_add_func("/spec/depth", test_8_levels_and_no_more);
        g_test_add_func("/spec/bottomless", test_bottomless_nesting);
        g_test_add_func("/spec/nodes", test_2000_nodes_and_no_more);
        g_test_add_func("/spec/keys", test_many_keys);
        g_test_add_func("/spec/laughs", test_billion_laughs);
        g_test_add_func("/spec/control-characters", test_every_control_character_has_its_place);
        return g_test_run();
}
