/* Getters of properties are all alike but for one expression. */
#pragma once

#include <systemd/sd-bus.h>

/* Defines function(): appends __VA_ARGS__ as D-Bus types; object is the Type * that the property is of. */
#define PROPERTY_GETTER(function, Type, types, ...)                                                          \
        static int function(sd_bus *bus, const char *path, const char *interface, const char *property,      \
                            sd_bus_message *reply, void *userdata, sd_bus_error *error)                      \
        {                                                                                                    \
                const Type *object = userdata;                                                               \
                                                                                                             \
                (void)bus;                                                                                   \
                (void)path;                                                                                  \
                (void)interface;                                                                             \
                (void)property;                                                                              \
                (void)error;                                                                                 \
                (void)object;                                                                                \
                return sd_bus_message_append(reply, types, __VA_ARGS__);                                     \
        }

/* The same for a list of the names of a set of objects (a GHashTable * of Member *). */
#define PROPERTY_NAMES_GETTER(function, Type, set, Member)                                                   \
        static int function(sd_bus *bus, const char *path, const char *interface, const char *property,      \
                            sd_bus_message *reply, void *userdata, sd_bus_error *error)                      \
        {                                                                                                    \
                const Type *object = userdata;                                                               \
                GHashTableIter iter;                                                                         \
                gpointer member;                                                                             \
                int r = sd_bus_message_open_container(reply, 'a', "s");                                      \
                                                                                                             \
                (void)bus;                                                                                   \
                (void)path;                                                                                  \
                (void)interface;                                                                             \
                (void)property;                                                                              \
                (void)error;                                                                                 \
                g_hash_table_iter_init(&iter, object->set);                                                  \
                while (r >= 0 && g_hash_table_iter_next(&iter, &member, NULL))                               \
                        r = sd_bus_message_append(reply, "s", ((Member *)member)->name);                     \
                return r < 0 ? r : sd_bus_message_close_container(reply);                                    \
        }

/* Shorthands of the vtables. in and out: lists of type and name, as ("s", name, "a{sv}", options), or (NULL).
 */
#define METHOD(member, in, out)                                                                              \
        SD_BUS_METHOD_WITH_ARGS(member, SD_BUS_ARGS in, SD_BUS_RESULT out, call_dispatch,                    \
                                SD_BUS_VTABLE_UNPRIVILEGED)
#define CONSTANT(name, type, getter) SD_BUS_PROPERTY(name, type, getter, 0, SD_BUS_VTABLE_PROPERTY_CONST)
#define CHANGING(name, type, getter)                                                                         \
        SD_BUS_PROPERTY(name, type, getter, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE)
