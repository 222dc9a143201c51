/* org.left4me.Blueprint. */
#include "base/error.h"
#include "bus/definition.h"
#include "bus/handlers.h"
#include "bus/options.h"
#include "bus/overlay-authorize.h"
#include "bus/property.h"
#include "core/blueprint.h"
#include "core/server.h"

static int authorize(Call *call, const Blueprint *b, GError **error)
{
        return call_authorize_object(call, OBJECT_BLUEPRINT, b->name, b->owner, error);
}

static int append_list(sd_bus_message *m, const char *key, char **items)
{
        int r = sd_bus_message_open_container(m, 'e', "sv");

        if (r >= 0)
                r = sd_bus_message_append(m, "s", key);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_append_strv(m, items);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int blueprint_bus_get_definition(Call *call, void *object, GError **error)
{
        __attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *reply = NULL;
        const Blueprint *b = object;
        Options o;
        int r;

        if (!options_read(call, 0, &o, error))
                return -1;
        r = authorize(call, b, error);
        if (r <= 0)
                return r;
        if (call_new_reply(call, &reply, error) < 0)
                return -1;
        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = append_list(reply, "overlays", b->definition->overlays);
        if (r >= 0)
                r = append_list(reply, "arguments", b->definition->arguments);
        if (r >= 0)
                r = append_list(reply, "config", b->definition->config);
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}", "revision", "u", b->revision);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? (call_malformed(error, r), -1) : call_reply_message(call, reply, error);
}

int blueprint_bus_update(Call *call, void *object, GError **error)
{
        Blueprint *b = object;
        g_autoptr(Definition) d = definition_copy(b->definition);
        Options o;
        int r;

        if (!definition_read(call, d, error) || !options_read(call, OPTION_IF_REVISION, &o, error) ||
            !definition_check(d, error))
                return -1;
        r = authorize(call, b, error);
        if (r <= 0)
                return r;
        if (!options_check_revision(&o, b->revision, error) || !blueprint_check(call->manager, d, error))
                return -1;
        r = overlays_authorize_use(call, d, b->owner, error);
        if (r <= 0)
                return r;
        return blueprint_update(b, d, error) ? call_reply(call, error, "") : -1;
}

int blueprint_bus_clone(Call *call, void *object, GError **error)
{
        g_autofree char *path = NULL;
        Blueprint *b = object, *copy;
        const char *name;
        Options o;
        int r;

        if (!call_read(call, error, "s", &name) || !options_read(call, 0, &o, error))
                return -1;
        r = authorize(call, b, error);
        if (r <= 0)
                return r;
        r = overlays_authorize_use(call, b->definition, call->principal, error);
        if (r <= 0)
                return r;
        copy = blueprint_create(call->manager, name, call->principal, b->definition, error);
        if (!copy)
                return -1;
        path = bus_object_path(OBJECT_BLUEPRINT, copy->name);
        return call_reply(call, error, "o", path);
}

int blueprint_bus_delete(Call *call, void *object, GError **error)
{
        Blueprint *b = object;
        Options o;
        int r;

        if (!options_read(call, OPTION_IF_REVISION, &o, error))
                return -1;
        r = authorize(call, b, error);
        if (r <= 0)
                return r;
        if (!options_check_revision(&o, b->revision, error) || !blueprint_delete(b, error))
                return -1;
        return call_reply(call, error, "");
}

PROPERTY_GETTER(property_name, Blueprint, "s", object->name)
PROPERTY_GETTER(property_owner, Blueprint, "s", object->owner)
PROPERTY_GETTER(property_revision, Blueprint, "u", object->revision)
PROPERTY_NAMES_GETTER(property_used_by, Blueprint, servers, Server)

static int property_overlays(sd_bus *bus, const char *path, const char *interface, const char *property,
                             sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        const Blueprint *b = userdata;

        (void)bus;
        (void)path;
        (void)interface;
        (void)property;
        (void)error;
        return sd_bus_message_append_strv(reply, b->definition->overlays);
}

const sd_bus_vtable blueprint_vtable[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("GetDefinition", ("a{sv}", options), ("a{sv}", definition)),
        METHOD("Update", ("a{sv}", definition, "a{sv}", options), (NULL)),
        METHOD("Clone", ("s", name, "a{sv}", options), ("o", blueprint)),
        METHOD("Delete", ("a{sv}", options), (NULL)),
        CONSTANT("Name", "s", property_name),
        CHANGING("Owner", "s", property_owner),
        CHANGING("Overlays", "as", property_overlays),
        CHANGING("Revision", "u", property_revision),
        CHANGING("UsedBy", "as", property_used_by),
        SD_BUS_VTABLE_END,
};
